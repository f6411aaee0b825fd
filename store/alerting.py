"""Renewal alerts: one mail a day to a person with everything that is due, each step told once (DV-27, A-16, A-21).

Once a day in each time zone, from the desk's hour on, a look is taken at what renews within four weeks. A person's alert is one
transaction; its rows say what they have been told, so it may break off anywhere and be done again, and by two clocks at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, union

from store import outbox
from store.assets import FACTS, facts
from store.config import Config
from store.database import Store
from store.marks import LOOK_OFTEN, mark, marks, places, zone_names
from store.questions import Question, among
from store.renewal_mails import Audience, Line, make_facts, write_row
from store.rules.alerts import step_of
from store.rules.calendar import round_day, today
from store.rules.desk import Desk
from store.rules.scope import AssetFacts
from store.rules.terms import WINDOW
from store.schema import Alert, AlertLine, Asset, Event, Grant, Group, Membership, Organization, insert_into

_LOOK = "alerts"
_AT_ONCE = 20  # people in one transaction
_APART = timedelta(days=2)  # places on earth are no farther from each other
_HERE = Question(
    select(Organization.c.id).where(Organization.c.desk == bindparam("desk"), among(Organization.c.timezone, "zones"))
)
_PARTS = union(
    select(Membership.c.person_id, Membership.c.organization_id),
    select(Grant.c.person_id, Group.c.organization_id).join(Group, Group.c.id == Grant.c.group_id),
).subquery()
_OF_DESK = (
    select(_PARTS.c.person_id, _PARTS.c.organization_id)
    .join(Organization, Organization.c.id == _PARTS.c.organization_id)
    .where(Organization.c.desk == bindparam("desk"))
    .cte()
)
_HOMES = Question(
    select(_OF_DESK.c.person_id, _OF_DESK.c.organization_id).where(
        _OF_DESK.c.person_id.in_(select(_OF_DESK.c.person_id).group_by(_OF_DESK.c.person_id).having(func.count() > 1))
    )
)
_DUE = Question(
    select(*FACTS, Organization.c.timezone)
    .join(Organization, Organization.c.id == Asset.c.organization_id)
    .where(
        Asset.c.state == "active", Asset.c.renewal_date.between(bindparam("earliest"), bindparam("latest")),
        Organization.c.desk == bindparam("desk"),
        or_(among(Organization.c.timezone, "zones"), among(Organization.c.id, "shared")),
    )
)  # fmt: skip
_AGAIN = Question(select(*FACTS).where(among(Asset.c.id, "ids")).order_by(Asset.c.renewal_date, Asset.c.id))
# What anybody was told of what an asset has to renew on now; of earlier terms nobody asks any more.
_TOLD = Question(
    select(AlertLine.c.person_id, AlertLine.c.asset_id, AlertLine.c.due, AlertLine.c.step)
    .join(Asset, Asset.c.id == AlertLine.c.asset_id)
    .where(among(AlertLine.c.asset_id, "ids"), AlertLine.c.due == Asset.c.renewal_date)
)
_HAD = Question(
    select(Alert.c.person_id).where(
        among(Alert.c.person_id, "ids"), Alert.c.desk == bindparam("desk"), Alert.c.day == bindparam("day")
    )
)
_EVENTS = insert(Event).returning(Event.c.id, sort_by_parameter_order=True)
_WRITE_LINES = insert(AlertLine)


@dataclass(frozen=True, slots=True)
class _Place:
    """Organisations of a desk that name one of these time zones, where it is the same day; their people are told on it."""

    desk: Desk
    names: list[str]
    day: date


def send_alerts(config: Config, store: Store, now: datetime) -> Iterable[None]:
    """Makes the alerts that are due, some people at a time. Raises Temporary."""
    with store.read() as connection:
        done, everywhere = marks(connection), places(connection, config)
    looked = done[_LOOK].at if _LOOK in done else None
    often = looked is None or abs(now - looked) >= LOOK_OFTEN
    finished = {_LOOK: now.date()} if often else {}
    for name, zone in everywhere:
        desk, key = config.desks[name], f"alerts {name} {zone}"
        day = round_day(now, zone, desk.alert_hour, done[key].day if key in done else None, looked)
        if day is not None:
            yield from _round(config, store, _Place(desk, zone_names(config, name, zone), day), now)
            finished[key] = day
    if finished:
        with store.write() as connection:
            for key, day in finished.items():
                mark(connection, key, day, now)


def _round(config: Config, store: Store, place: _Place, now: datetime) -> Iterable[None]:
    with store.read() as connection:
        here = {row.id for row in _HERE.ask(connection, {"desk": place.desk.name, "zones": place.names})}
        homes = _homes(connection, place.desk.name)
        # Who belongs to several organisations hears of all of them with the first.
        shared = {one for organizations in homes.values() if min(organizations) in here for one in organizations}
        due = _due(connection, place, shared - here, now)
        if not due:
            return
        told = _told(connection, [asset.id for asset, _day in due])
        audience = Audience(connection, place.desk, {asset.organization for asset, _day in due})
    of_person: dict[int, set[int]] = defaultdict(set)
    for asset, day in due:
        step = (asset.id, asset.term.renewal, step_of(asset.term, day))
        for one in audience.of(asset):
            if (one.person.id, *step) not in told and min(homes.get(one.person.id, [asset.organization])) in here:
                of_person[one.person.id].add(asset.id)
    days = {asset.organization: day for asset, day in due}
    ids = sorted(of_person)
    for start in range(0, len(ids), _AT_ONCE):
        some = {id_: of_person[id_] for id_ in ids[start : start + _AT_ONCE]}
        with store.write() as connection:
            _tell(connection, config, place, audience, _lines(connection, place, some, days), now)
        yield


def _homes(connection: Connection, desk: str) -> dict[int, list[int]]:
    """The organisations of everybody who has a part in several of the desk."""
    found: dict[int, list[int]] = defaultdict(list)
    for person, organization in _HOMES.ask(connection, {"desk": desk}):
        found[person].append(organization)
    return found


def _due(
    connection: Connection, place: _Place, shared: Collection[int], now: datetime
) -> list[tuple[AssetFacts, date]]:  # fmt: skip
    """What is to be warned of, with the day where its organisation is."""
    days = (place.day - _APART, place.day + _APART + timedelta(days=WINDOW))
    asked = {"earliest": days[0], "latest": days[1], "desk": place.desk.name, "zones": place.names, "shared": shared}
    found = []
    for row in _DUE.ask(connection, asked):
        asset, day = facts(row), today(now, row.timezone or place.desk.timezone)
        if step_of(asset.term, day) is not None:
            found.append((asset, day))
    return found


def _told(connection: Connection, ids: Sequence[int]) -> set[tuple[Any, ...]]:
    """What anybody was told of these assets: person, asset, due, step."""
    return {tuple(row) for row in _TOLD.ask(connection, {"ids": ids})}


def _lines(
    connection: Connection, place: _Place, wanted: Mapping[int, Collection[int]], days: Mapping[int, date]
) -> dict[int, list[Line]]:  # fmt: skip
    """What each of these people is still to be told of assets, as they are now; nothing who has had an alert today."""
    asked = {"ids": list(wanted), "desk": place.desk.name, "day": place.day}
    had = {row.person_id for row in _HAD.ask(connection, asked)}
    ids = list(set().union(*wanted.values()))
    told = _told(connection, ids)
    found: dict[int, list[Line]] = defaultdict(list)
    for row in _AGAIN.ask(connection, {"ids": ids}):
        asset = facts(row)
        day, due = days[asset.organization], asset.term.renewal
        step = step_of(asset.term, day)
        if asset.state != "active" or step is None or due is None:
            continue
        for person, of_one in wanted.items():
            if asset.id in of_one and person not in had and (person, asset.id, due, step) not in told:
                found[person].append(Line(asset, due, step, (due - day).days))
    return found


def _tell(
    connection: Connection, config: Config, place: _Place, audience: Audience, lines: Mapping[int, Sequence[Line]],
    now: datetime,
) -> None:  # fmt: skip
    """Writes these people's alerts of the day; of whom another clock was quicker to tell, nothing."""
    if not lines:
        return
    events = [{"kind": "renewal_alert", "new": f"{len(of_one)}", "at": now} for of_one in lines.values()]
    alerts = [
        {"event_id": event, "person_id": person, "desk": place.desk.name, "day": place.day, "at": now}
        for event, person in zip(connection.execute(_EVENTS, events).scalars(), lines, strict=True)
    ]
    made = insert_into(Alert, connection.dialect.name).on_conflict_do_nothing()
    written = connection.execute(made.returning(Alert.c.id, Alert.c.event_id, Alert.c.person_id), alerts).all()
    if len(written) < len(alerts):
        needless = {alert["event_id"] for alert in alerts} - {row.event_id for row in written}
        connection.execute(delete(Event).where(Event.c.id.in_(needless)))
    told, mails = [], []
    for alert, event, person in sorted(written):
        mine, who = lines[person], audience.person(person)
        told += [
            {"alert_id": alert, "person_id": person, "asset_id": one.asset.id, "due": one.day, "step": one.step}
            for one in mine
        ]
        acts = {one.asset.id for one in mine if audience.acts(person, one.asset)}
        mail = make_facts(config, place.desk, audience.tree, who, mine, acts, now, alert)
        mails.append(write_row(config, event, who, "renewal_alert", mail, now))
    if told:
        connection.execute(_WRITE_LINES, told)
    outbox.put(connection, mails)
