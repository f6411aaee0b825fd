"""Notices that wait for a digest: kept back when the change happens, handed to `digests` when they are due."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, insert, select, update

from store.belonging import belongs
from store.preferences import chosen
from store.rules.desk import Desk
from store.rules.fanout import Notice, RowName
from store.rules.pacing import Recent, category, pace
from store.schema import Event, Gathered, Outbox
from store.tables.columns import Utc

_IDS: BindParameter[list[int]] = bindparam("ids", expanding=True)
_SINCE: BindParameter[datetime] = bindparam("since", type_=Utc)
WAITING = (Gathered.c.digest.is_(None), Gathered.c.why == "")
_ON_TICKET = (
    select(Outbox.c.person_id, func.count())
    .where(Outbox.c.ticket_id == bindparam("ticket"), Outbox.c.person_id.in_(_IDS), Outbox.c.created > _SINCE)
    .group_by(Outbox.c.person_id)
)
_NEW = (
    select(Outbox.c.person_id, func.count())
    .join(Event, Event.c.id == Outbox.c.event_id)
    .where(Outbox.c.person_id.in_(_IDS), Outbox.c.created > _SINCE, Outbox.c.template == "staff_notice", Event.c.kind == "created")
    .group_by(Outbox.c.person_id)
)  # fmt: skip
_WAITS = (
    select(Gathered.c.person_id, func.min(Gathered.c.due))
    .where(Gathered.c.ticket_id == bindparam("ticket"), Gathered.c.person_id.in_(_IDS), Gathered.c.alone, *WAITING)
    .group_by(Gathered.c.person_id)
)
# What a line of a digest is made from, besides what the message says when it goes out.
_LINE = ("tag", "subject", "label", "change", "author", "by_support", "link", "at")
_STAFF_LINE = ("author_address", "priority")


def gather(
    connection: Connection, desk: Desk, ticket: Any, event_id: int, message_id: int | None, row: RowName,
    notices: Sequence[Notice], facts: Mapping[str, Any], now: datetime,
) -> list[Notice]:  # fmt: skip
    """Keeps back what is to wait for a digest, forgets what nobody wants; those that are mails at once."""
    about = {notice.person.id: category(notice, row) for notice in notices}
    ids = [person for person, one in about.items() if one]
    if not ids:
        return list(notices)
    wanted, recent = chosen(connection, ids), _recent(connection, desk, ticket, row, notices, now)
    at_once, rows = [], []
    for notice in notices:
        person, one = notice.person, about[notice.person.id]
        if one is None:
            at_once.append(notice)
            continue
        when = pace(
            one, wanted.get((person.id, one), "each"), ticket.priority == "urgent", recent.get(person.id, Recent()),
            desk.notify, now, person.timezone or desk.timezone,
        )  # fmt: skip
        if when is not None and when.due is None:
            at_once.append(notice)
        elif when is not None:
            names = (*_LINE, *_STAFF_LINE) if notice.role == "staff" else _LINE
            rows.append({
                "event_id": event_id, "person_id": person.id, "desk": desk.name, "ticket_id": ticket.id,
                "message_id": message_id, "category": one, "role": notice.role, "alone": when.alone,
                "facts": {name: facts[name] for name in names}, "due": when.due, "why": "", "at": now,
            })  # fmt: skip
    if rows:
        connection.execute(insert(Gathered), rows)
    return at_once


def _recent(
    connection: Connection, desk: Desk, ticket: Any, row: RowName, notices: Sequence[Notice], now: datetime
) -> dict[int, Recent]:
    ids = [notice.person.id for notice in notices if notice.role == "staff"]
    values = {"ids": ids, "ticket": ticket.id}
    if not ids:
        return {}
    if row == "opened":
        if not desk.notify.new_per_hour:
            return {}
        counts = connection.execute(_NEW, values | {"since": now - timedelta(hours=1)})
        return {person: Recent(new=count) for person, count in counts}
    if not desk.notify.burst:
        return {}
    since = now - timedelta(minutes=desk.notify.burst_minutes)
    counts = connection.execute(_ON_TICKET, values | {"since": since})
    on_ticket: dict[int, int] = {person: count for person, count in counts}
    waits: dict[int, datetime] = {person: due for person, due in connection.execute(_WAITS, values)}
    return {person: Recent(on_ticket.get(person, 0), 0, waits.get(person)) for person in ids}


def drop(connection: Connection, ids: Collection[int], why: str) -> None:
    """These lines are never told of, for a reason that is kept."""
    if ids:
        connection.execute(update(Gathered).where(Gathered.c.id.in_(ids)).values(why=why))


def gather_anew(connection: Connection, digest: int, person: int) -> bool:
    """Whether a digest may not leave: somebody lost a place that it tells of, and its lines wait for another one.

    True as well for one whose lines wait already, should staff send it again.
    """
    lines = connection.execute(select(*Gathered.c).where(Gathered.c.digest == digest)).all()
    if lines and all(belongs(connection, person, line.role, line.desk, line.ticket_id) for line in lines):
        return False
    connection.execute(update(Gathered).where(Gathered.c.digest == digest).values(digest=None))
    return True
