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

from sqlalchemy import BindParameter, Connection, bindparam, insert, or_, select, union

from store import outbox
from store.assets import facts
from store.config import Config
from store.database import Store
from store.marks import LOOK_OFTEN, mark, marks, places, zone_names
from store.renewal_mails import Audience, Line, make_facts, write_row
from store.rows import write_event
from store.rules.alerts import step_of
from store.rules.calendar import round_day, today
from store.rules.desk import Desk
from store.rules.scope import AssetFacts
from store.rules.terms import RENEWING, WINDOW
from store.schema import Alert, AlertLine, Asset, Grant, Group, Membership, Organization, insert_into

_LOOK = "alerts"
_AT_ONCE = 20  # people in one transaction
_ASKED_AT_ONCE = 500  # assets in one question
_APART = timedelta(days=2)  # places on earth are no farther from each other
_IDS: BindParameter[list[int]] = bindparam("ids", expanding=True)
_ASSETS = select(*Asset.c).where(Asset.c.id.in_(_IDS)).order_by(Asset.c.renewal_date, Asset.c.id)
_TOLD_ONE = select(AlertLine.c.asset_id, AlertLine.c.due, AlertLine.c.step).where(
    AlertLine.c.person_id == bindparam("person"), AlertLine.c.asset_id.in_(_IDS)
)
_TOLD = select(AlertLine.c.person_id, AlertLine.c.asset_id, AlertLine.c.due, AlertLine.c.step).where(
    AlertLine.c.asset_id.in_(_IDS)
)


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
    for name, zone in everywhere:
        desk, key = config.desks[name], f"alerts {name} {zone}"
        day = round_day(now, zone, desk.alert_hour, done[key].day if key in done else None, looked)
        if day is not None:
            yield from _round(config, store, _Place(desk, zone_names(config, name, zone), day), now)
            with store.write() as connection:
                mark(connection, key, day, now)
    if looked is None or abs(now - looked) >= LOOK_OFTEN:
        with store.write() as connection:
            mark(connection, _LOOK, now.date(), now)


def _round(config: Config, store: Store, place: _Place, now: datetime) -> Iterable[None]:
    with store.read() as connection:
        here, homes = _organizations(connection, place), _homes(connection, place.desk.name)
        # Who belongs to several organisations hears of all of them with the first.
        shared = {one for organizations in homes.values() if min(organizations) in here for one in organizations}
        due = _due(connection, place, shared - here, now)
        if not due:
            return
        audience = Audience(connection, place.desk, {asset.organization for asset, _day in due})
        told = _told(connection, [asset.id for asset, _day in due])
    of_person: dict[int, list[int]] = defaultdict(list)
    for asset, day in due:
        step = (asset.id, asset.term.renewal, step_of(asset.term, day))
        for one in audience.of(asset):
            home = min(homes.get(one.person.id, [asset.organization]))
            if home in here and (one.person.id, *step) not in told:
                of_person[one.person.id].append(asset.id)
    days = {asset.organization: day for asset, day in due}
    ids = sorted(of_person)
    for start in range(0, len(ids), _AT_ONCE):
        with store.write() as connection:
            for id_ in ids[start : start + _AT_ONCE]:
                _tell(connection, config, place, audience, id_, of_person[id_], days, now)
        yield


def _organizations(connection: Connection, place: _Place) -> set[int]:
    of_desk = select(Organization.c.id).where(Organization.c.desk == place.desk.name)
    return set(connection.execute(of_desk.where(Organization.c.timezone.in_(place.names))).scalars())


def _homes(connection: Connection, desk: str) -> dict[int, list[int]]:
    """The organisations of everybody who has a part in several of the desk."""
    members = select(Membership.c.person_id, Membership.c.organization_id)
    granted = select(Grant.c.person_id, Group.c.organization_id).join(Group, Group.c.id == Grant.c.group_id)
    pairs = union(members, granted).subquery()
    of_desk = (
        select(pairs.c.person_id, pairs.c.organization_id)
        .join(Organization, Organization.c.id == pairs.c.organization_id)
        .where(Organization.c.desk == desk)
    )
    found: dict[int, list[int]] = defaultdict(list)
    for person, organization in connection.execute(of_desk):
        found[person].append(organization)
    return {person: several for person, several in found.items() if len(several) > 1}


def _due(
    connection: Connection, place: _Place, shared: Collection[int], now: datetime
) -> list[tuple[AssetFacts, date]]:  # fmt: skip
    """What is to be warned of, with the day where its organisation is."""
    query = (
        select(*Asset.c, Organization.c.timezone)
        .join(Organization, Organization.c.id == Asset.c.organization_id)
        .where(
            Asset.c.state == "active", Asset.c.plan.in_(RENEWING),
            Asset.c.renewal_date.between(place.day - _APART, place.day + _APART + timedelta(days=WINDOW)),
            Organization.c.desk == place.desk.name,
            or_(Organization.c.timezone.in_(place.names), Organization.c.id.in_(shared)),
        )
        .order_by(Asset.c.renewal_date, Asset.c.id)
    )  # fmt: skip
    found = []
    for row in connection.execute(query):
        asset, day = facts(row), today(now, row.timezone or place.desk.timezone)
        if step_of(asset.term, day) is not None:
            found.append((asset, day))
    return found


def _told(connection: Connection, ids: Sequence[int]) -> set[tuple[Any, ...]]:
    """What anybody was told of these assets: person, asset, due, step."""
    found: set[tuple[Any, ...]] = set()
    for start in range(0, len(ids), _ASKED_AT_ONCE):
        rows = connection.execute(_TOLD, {"ids": ids[start : start + _ASKED_AT_ONCE]})
        found.update(tuple(row) for row in rows)
    return found


def _tell(
    connection: Connection, config: Config, place: _Place, audience: Audience, person: int, ids: Sequence[int],
    days: Mapping[int, date], now: datetime,
) -> None:  # fmt: skip
    """One person's alert of the day, if there is something in it and they have had none."""
    desk = place.desk.name
    today_ = (Alert.c.person_id == person, Alert.c.desk == desk, Alert.c.day == place.day)
    if connection.execute(select(Alert.c.id).where(*today_)).first():
        return
    told = {tuple(row) for row in connection.execute(_TOLD_ONE, {"person": person, "ids": ids})}
    lines = []
    for row in connection.execute(_ASSETS, {"ids": ids}):
        asset = facts(row)
        day, due = days[asset.organization], asset.term.renewal
        step = step_of(asset.term, day)
        if step is not None and due is not None and (asset.id, due, step) not in told:
            lines.append(Line(asset, due, step, (due - day).days))
    if not lines:
        return
    with connection.begin_nested() as point:
        event = write_event(connection, None, "renewal_alert", None, now, new=str(len(lines)))
        made = insert_into(Alert, connection.dialect.name).values(
            event_id=event, person_id=person, desk=desk, day=place.day, at=now
        )
        alert = connection.execute(made.on_conflict_do_nothing().returning(Alert.c.id)).scalar()
        if alert is None:  # another clock was quicker
            point.rollback()
            return
    rows = [
        {"alert_id": alert, "person_id": person, "asset_id": line.asset.id, "due": line.day, "step": line.step}
        for line in lines
    ]  # fmt: skip
    connection.execute(insert(AlertLine), rows)
    who, acts = audience.person(person), {line.asset.id for line in lines if audience.acts(person, line.asset)}
    mail = make_facts(config, place.desk, audience.paths, who, lines, acts, now, alert)
    outbox.put(connection, [write_row(config, event, who, "renewal_alert", mail, now)])
