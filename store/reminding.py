"""Tickets that wait too long: customers are reminded (EQ-69, T15), and where the desk wants it the ticket is closed in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, String, and_, bindparam, cast, or_, select, update

from store.config import Config
from store.database import Store
from store.rows import advance_ticket, find_ticket, write_event
from store.rules.desk import Desk
from store.rules.fanout import Change
from store.schema import Message, Ticket
from store.telling import Told, tell

_AT_ONCE = 50  # tickets in one transaction
_QUESTION = (
    select(Message.c.id)
    .where(Message.c.ticket_id == bindparam("ticket"), Message.c.side == "support", ~Message.c.note)
    .order_by(Message.c.id.desc())
    .limit(1)
)


def close_due(config: Config, store: Store, now: datetime) -> Iterable[None]:
    """Closes what has waited for its customer as long as the desk wants. Raises Temporary."""
    for desk in config.desks.values():
        if desk.close_after:
            yield from _each(config, store, desk, (_waits(desk.close_after, now),), _close, now)


def remind_due(config: Config, store: Store, now: datetime) -> Iterable[None]:
    """Reminds customers, once in each interval of the desk's days. Raises Temporary."""
    for desk in config.desks.values():
        if desk.remind_after:
            before = now - timedelta(days=desk.remind_after)
            again = or_(
                Ticket.c.reminded.is_(None), Ticket.c.reminded < Ticket.c.waiting_since, Ticket.c.reminded <= before
            )
            yield from _each(config, store, desk, (_waits(desk.remind_after, now), again), _remind, now)


def expire_held(config: Config, store: Store, now: datetime) -> Iterable[None]:
    """Closes held mail that staff have left alone as long as the desk wants; its sender is nobody we know. Raises Temporary."""
    for desk in config.desks.values():
        if desk.held_expires:
            old = Ticket.c.created <= now - timedelta(days=desk.held_expires)
            held = cast(Ticket.c.flags, String).like('%"held"%')
            yield from _each(config, store, desk, (Ticket.c.state != "closed", old, held), _expire, now)


def _waits(days: int, now: datetime) -> Any:
    return and_(Ticket.c.state == "waiting_customer", Ticket.c.waiting_since <= now - timedelta(days=days))


def _each(
    config: Config, store: Store, desk: Desk, due: tuple[Any, ...],
    act: Callable[[Connection, Config, Desk, Any, datetime], None], now: datetime,
) -> Iterable[None]:  # fmt: skip
    waiting = (Ticket.c.desk == desk.name, Ticket.c.merged_into.is_(None), *due)
    query = select(Ticket.c.id).where(*waiting).order_by(Ticket.c.id)
    with store.read() as connection:
        found = connection.execute(query).scalars().all()
    for start in range(0, len(found), _AT_ONCE):
        with store.write() as connection:
            some = query.where(Ticket.c.id.in_(found[start : start + _AT_ONCE])).with_for_update()
            for id_ in connection.execute(some).scalars().all():
                ticket, _desk = find_ticket(connection, config, id_)
                act(connection, config, desk, ticket, now)
        yield


def _remind(connection: Connection, config: Config, _desk: Desk, ticket: Any, now: datetime) -> None:
    connection.execute(update(Ticket).where(Ticket.c.id == ticket.id).values(reminded=now))
    question = connection.execute(_QUESTION, {"ticket": ticket.id}).scalar()
    event = write_event(connection, ticket.id, "reminded", None, now, message_id=question)
    told = Told(event, Change("reminded", None, by_support=True), question)
    tell(connection, config, ticket.id, told, now)


def _close(connection: Connection, config: Config, desk: Desk, ticket: Any, now: datetime) -> None:
    event = write_event(connection, ticket.id, "closed", None, now)
    changed = advance_ticket(connection, desk, ticket, ["close_by_support"], None, now)
    change = Change("closed", None, by_support=True)
    tell(connection, config, ticket.id, Told(event, change, label_changed=changed), now)


def _expire(connection: Connection, config: Config, desk: Desk, ticket: Any, now: datetime) -> None:
    write_event(connection, ticket.id, "closed", None, now)
    advance_ticket(connection, desk, ticket, ["close_by_support"], None, now)
