"""The questions a rule's facts come from, each one indexed query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from store import people
from store.rules.people import TicketFacts
from store.schema import Event, Message, Outcome, Ticket

_TICKET = (Ticket.c.id, Ticket.c.desk, Ticket.c.number, Ticket.c.requester_id, Ticket.c.organization_id, Ticket.c.state)


def ticket(connection: Connection, ticket_id: int) -> TicketFacts | None:
    """The ticket with this id."""
    return _one(connection, select(*_TICKET).where(Ticket.c.id == ticket_id))


def ticket_by_number(connection: Connection, desk: str, number: int) -> TicketFacts | None:
    """The ticket with this number at this desk."""
    if number > 2**31 - 1:
        return None
    return _one(connection, select(*_TICKET).where(Ticket.c.desk == desk, Ticket.c.number == number))


def ticket_of_event(connection: Connection, event_id: int) -> TicketFacts | None:
    """The ticket an event happened to."""
    return _one(
        connection, select(*_TICKET).join(Event, Event.c.ticket_id == Ticket.c.id).where(Event.c.id == event_id)
    )


def tickets_of_ids(connection: Connection, desk: str, ids: Sequence[str]) -> list[TicketFacts]:
    """The tickets of this desk that hold messages with these Message-IDs, in the order of the ids.

    Anybody can use a Message-ID again; of several tickets the one that had it first comes first.
    """
    if not ids:
        return []
    query = (
        select(Message.c.message_id, *_TICKET)
        .join(Ticket, Ticket.c.id == Message.c.ticket_id)
        .where(Message.c.message_id.in_(ids), Ticket.c.desk == desk)
        .order_by(Message.c.id)
    )
    rows = sorted(connection.execute(query), key=lambda row: ids.index(row.message_id))
    first: dict[int, Any] = {}
    for row in rows:
        first.setdefault(row.id, row)
    return [people.ticket_facts(connection, row) for row in first.values()]


def same_content(
    connection: Connection, desk: str, content_key: str, but: int, since: datetime | None
) -> tuple[int, int | None] | None:
    """The first journal row of this desk with the same content, filed since then, and its ticket (threats 35)."""
    query = (
        select(Outcome.c.journal_id, Outcome.c.ticket_id)
        .where(Outcome.c.desk == desk, Outcome.c.content_hash == content_key, Outcome.c.journal_id != but)
        .where(Outcome.c.outcome.not_in(["duplicate", "dead"]))
        .order_by(Outcome.c.journal_id)
        .limit(1)
    )
    if since is not None:
        query = query.where(Outcome.c.at >= since)
    row = connection.execute(query).first()
    return (row.journal_id, row.ticket_id) if row else None


def _one(connection: Connection, query: Select[Any]) -> TicketFacts | None:
    row = connection.execute(query).first()
    return people.ticket_facts(connection, row) if row else None
