"""The questions a rule's facts come from, each one indexed query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from store import people
from store.rules.people import TicketFacts
from store.schema import Event, Message, Outcome, Ticket

_TICKET = (Ticket.c.id, Ticket.c.desk, Ticket.c.number, Ticket.c.requester_id, Ticket.c.organization_id, Ticket.c.state)
_BY_ID = select(*_TICKET).where(Ticket.c.id == bindparam("id"))
_BY_NUMBER = select(*_TICKET).where(Ticket.c.desk == bindparam("desk"), Ticket.c.number == bindparam("number"))
_BY_EVENT = select(*_TICKET).join(Event, Event.c.ticket_id == Ticket.c.id).where(Event.c.id == bindparam("event"))
_BY_MESSAGE_IDS = (
    select(Message.c.message_id, *_TICKET)
    .join(Ticket, Ticket.c.id == Message.c.ticket_id)
    .where(Message.c.message_id.in_(bindparam("ids", expanding=True)), Ticket.c.desk == bindparam("desk"))
    .order_by(Message.c.id)
)
_SAME_CONTENT = (
    select(Outcome.c.journal_id, Outcome.c.ticket_id)
    .where(Outcome.c.desk == bindparam("desk"), Outcome.c.content_hash == bindparam("key"))
    .where(Outcome.c.journal_id != bindparam("but"), Outcome.c.outcome.not_in(["duplicate", "dead"]))
    .order_by(Outcome.c.journal_id)
    .limit(1)
)
_SAME_CONTENT_SINCE = _SAME_CONTENT.where(Outcome.c.at >= bindparam("since"))


def ticket(connection: Connection, ticket_id: int) -> TicketFacts | None:
    """The ticket with this id."""
    return _one(connection, _BY_ID, id=ticket_id)


def ticket_by_number(connection: Connection, desk: str, number: int) -> TicketFacts | None:
    """The ticket with this number at this desk."""
    if number > 2**31 - 1:
        return None
    return _one(connection, _BY_NUMBER, desk=desk, number=number)


def ticket_of_event(connection: Connection, event_id: int) -> TicketFacts | None:
    """The ticket an event happened to."""
    return _one(connection, _BY_EVENT, event=event_id)


def tickets_of_ids(connection: Connection, desk: str, ids: Sequence[str]) -> list[TicketFacts]:
    """The tickets of this desk that hold messages with these Message-IDs, in the order of the ids.

    Anybody can use a Message-ID again; of several tickets the one that had it first comes first.
    """
    if not ids:
        return []
    rows = sorted(
        connection.execute(_BY_MESSAGE_IDS, {"ids": list(ids), "desk": desk}), key=lambda row: ids.index(row.message_id)
    )
    first: dict[int, Any] = {}
    for row in rows:
        first.setdefault(row.id, row)
    return [people.ticket_facts(connection, row) for row in first.values()]


def same_content(
    connection: Connection, desk: str, content_key: str, but: int, since: datetime | None
) -> tuple[int, int | None] | None:
    """The first journal row of this desk with the same content, filed since then, and its ticket (threats 35)."""
    values = {"desk": desk, "key": content_key, "but": but}
    if since is None:
        row = connection.execute(_SAME_CONTENT, values).first()
    else:
        row = connection.execute(_SAME_CONTENT_SINCE, values | {"since": since}).first()
    return (row.journal_id, row.ticket_id) if row else None


def _one(connection: Connection, query: Select[Any], **values: int | str) -> TicketFacts | None:
    row = connection.execute(query, values).first()
    return people.ticket_facts(connection, row) if row else None
