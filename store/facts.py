"""The questions a rule's facts come from, each one indexed query."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from store import people
from store.rules.people import TicketFacts
from store.schema import Event, Message, Outbox, Outcome, Ticket

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

_ABOUT = select(Outbox.c.id, Outbox.c.ticket_id, Outbox.c.recipient, Outbox.c.state).where(
    Outbox.c.event_id == bindparam("event"), Outbox.c.person_id == bindparam("person")
)
_SENT_SINCE = select(func.count(Outbox.c.id)).where(
    Outbox.c.person_id == bindparam("person"),
    Outbox.c.created >= bindparam("since"),
    Outbox.c.template.in_(bindparam("templates", expanding=True)),
)


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


def mail_about(connection: Connection, event_id: int, person_id: int) -> Any | None:
    """The row about one event to one person: id, ticket_id, recipient, state; None when there is none."""
    return connection.execute(_ABOUT, {"event": event_id, "person": person_id}).first()


def answers_since(connection: Connection, person_id: int, templates: Collection[str], since: datetime) -> int:
    """How many automatic answers a person was promised since a moment (threats 38)."""
    values = {"person": person_id, "since": since, "templates": list(templates)}
    return connection.execute(_SENT_SINCE, values).scalar_one()


def _one(connection: Connection, query: Select[Any], **values: int | str) -> TicketFacts | None:
    row = connection.execute(query, values).first()
    return people.ticket_facts(connection, row) if row else None
