"""Writes the rows that commands are made of; called by `apply` and `loading` alone, inside their transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import Connection, Insert, Table, bindparam, insert, select, update

from store import people
from store.commands import Author, Fields, NewFile, NewMessage
from store.config import Config
from store.errors import NotFound
from store.rules.addressing import normalise
from store.rules.desk import PRIORITIES, Desk
from store.rules.events import FIELD_EVENTS, EventKind
from store.rules.states import Condition, Happening, advance, label
from store.schema import Attachment, Blob, Event, Message, Outbox, Ticket, TicketNumber, insert_into

FIRST_NUMBER = 1001
MOST_CC = 100  # people a mail may put on a ticket (RFC 5321 4.5.3.1.8 asks no server to take more recipients)


_TICKET = select(*Ticket.c).where(Ticket.c.id == bindparam("ticket")).with_for_update()
_ADVANCE = update(Ticket).where(Ticket.c.id == bindparam("ticket"))


def take_number(connection: Connection, desk: str) -> int:
    """The next number of a desk, taken for good when the transaction commits (HO-08)."""
    taken = connection.execute(_next_number(connection.dialect.name), {"desk": desk, "next": FIRST_NUMBER + 1})
    return int(taken.scalar_one()) - 1


@cache
def _next_number(dialect: str) -> Any:
    taken = insert_into(TicketNumber, dialect).on_conflict_do_update(
        index_elements=["desk"], set_={"next": TicketNumber.c.next + 1}
    )
    return taken.returning(TicketNumber.c.next)


def find_ticket(connection: Connection, config: Config, ticket_id: int) -> tuple[Any, Desk]:
    """The ticket's row, locked until the transaction ends, and its desk; of a merged one the ticket it went into (T14).

    Raises NotFound.
    """
    row = connection.execute(_TICKET, {"ticket": ticket_id}).first()
    while row is not None and row.merged_into is not None:
        row = connection.execute(_TICKET, {"ticket": row.merged_into}).first()
    if row is None or row.desk not in config.desks:
        raise NotFound("there is no such ticket")
    return row, config.desks[row.desk]


def write_message(
    connection: Connection, ticket_id: int, message: NewMessage, author: int | None, side: str, now: datetime, note: bool = False
) -> int:  # fmt: skip
    """Writes a message with its attachments; its id."""
    values = {
        "ticket_id": ticket_id,
        "journal_id": message.journal_id,
        "side": side,
        "note": note,
        "auto": message.auto,
        "author_id": author,
        "from_address": normalise(message.author.email),
        "from_name": message.author.name,
        "text": message.text,
        "hidden": message.hidden,
        "html": message.html,
        "channel": message.channel,
        "message_id": message.message_id,
        "dmarc": message.dmarc,
        "at": now,
    }
    message_id = insert_row(connection, Message, values)
    if message.files:
        _remember_blobs(connection, message.files, now)
        connection.execute(insert(Attachment), [_file_values(message_id, file) for file in message.files])
    return message_id


def _remember_blobs(connection: Connection, files: Sequence[NewFile], now: datetime) -> None:
    rows = {f.sha256: {"sha256": f.sha256, "size": f.size, "at": now} for f in files if f.verdict == "accepted"}
    if rows:
        connection.execute(insert_into(Blob, connection.dialect.name).on_conflict_do_nothing(), list(rows.values()))


def _file_values(message_id: int, file: NewFile) -> dict[str, Any]:
    return {
        "message_id": message_id, "filename": file.filename, "content_type": file.content_type, "size": file.size,
        "sha256": file.sha256, "inline": file.inline, "content_id": file.content_id, "verdict": file.verdict,
        "reason": file.reason,
    }  # fmt: skip


def advance_ticket(
    connection: Connection, desk: Desk, ticket: Any, happened: Sequence[str], actor: int | None, now: datetime
) -> bool:  # fmt: skip
    """Moves the ticket by the laws of `states`; True when the desk's word for it changed."""
    before = Condition(ticket.state, ticket.last_reply_by, ticket.taken)
    after = before
    for happening in happened:
        after = advance(after, cast(Happening, happening))
    closed_at = (ticket.closed_at if before.state == "closed" else now) if after.state == "closed" else None
    waiting_since = ticket.waiting_since if after.state == before.state and "support_reply" not in happened else now
    values = {
        "state": after.state, "last_reply_by": after.last_reply_by, "taken": after.taken, "closed_at": closed_at,
        "waiting_since": waiting_since if after.state == "waiting_customer" else None, "updated": now,
    }  # fmt: skip
    connection.execute(_ADVANCE, values | {"ticket": ticket.id})
    old, new = label(before, desk), label(after, desk)
    if old != new:
        write_event(connection, ticket.id, "status", actor, now, old=old, new=new)
    return old != new


def add_cc(
    connection: Connection, config: Config, ticket_id: int, author: int, cc: Sequence[Author], now: datetime
) -> None:  # fmt: skip
    """Puts people on the CC list, the first hundred; a desk never becomes a person (X-08)."""
    for someone in cc[:MOST_CC]:
        if config.addresses.is_own(someone.email):
            continue
        person = people.ensure(connection, someone.email, someone.name, now)
        if person != author and people.add_cc(connection, ticket_id, person, author, "mail", now):
            write_event(connection, ticket_id, "cc_added", author, now, new=normalise(someone.email))


def raise_priority(connection: Connection, ticket: Any, priority: str, actor: int | None, now: datetime) -> int | None:
    """Raises the priority of a ticket; never lowers it. The event, None when nothing changed."""
    if PRIORITIES.index(cast(Any, priority)) <= PRIORITIES.index(ticket.priority):
        return None
    connection.execute(update(Ticket).where(Ticket.c.id == ticket.id).values(priority=priority, updated=now))
    return write_event(connection, ticket.id, "priority", actor, now, old=ticket.priority, new=priority)


def add_flags(connection: Connection, ticket: Any, flags: Sequence[str]) -> None:
    """Adds what staff should know about a ticket."""
    if new := [flag for flag in flags if flag not in ticket.flags]:
        connection.execute(update(Ticket).where(Ticket.c.id == ticket.id).values(flags=[*ticket.flags, *new]))


def drop_flags(connection: Connection, ticket: Any, flags: set[str]) -> None:
    """What no longer holds of a ticket."""
    kept = [flag for flag in ticket.flags if flag not in flags]
    connection.execute(update(Ticket).where(Ticket.c.id == ticket.id).values(flags=kept))


def add_fields(connection: Connection, ticket: Any, fields: Fields, actor: int | None, now: datetime) -> None:
    """Writes what a mail said of the fields of a form; what it does not name stays (EQ-22, EQ-23)."""
    if new := {name: value for name, value in fields if ticket.fields.get(name) != value}:
        connection.execute(update(Ticket).where(Ticket.c.id == ticket.id).values(fields={**ticket.fields, **new}))
        for name, value in new.items():
            write_event(connection, ticket.id, FIELD_EVENTS[name], actor, now, old=ticket.fields.get(name), new=value)


def was_told(connection: Connection, ticket_id: int, kind: EventKind, person: int) -> bool:
    """Whether a person was ever told of such an event of a ticket."""
    told = (
        select(Outbox.c.id)
        .join(Event, Event.c.id == Outbox.c.event_id)
        .where(Outbox.c.ticket_id == ticket_id, Outbox.c.person_id == person, Event.c.kind == kind)
        .limit(1)
    )
    return connection.execute(told).first() is not None


def note_refused(
    connection: Connection, ticket_id: int, message_id: int, actor: int | None, files: Sequence[NewFile], now: datetime
) -> None:  # fmt: skip
    """Writes an event for each refused file, with its reason (IN-18)."""
    for file in files:
        if file.verdict == "refused":
            words = f"{file.filename}: {file.reason}"
            write_event(connection, ticket_id, "attachment_refused", actor, now, message_id=message_id, new=words)


def write_event(
    connection: Connection, ticket_id: int | None, kind: EventKind, actor: int | None, now: datetime, *,
    message_id: int | None = None, old: str | None = None, new: str | None = None, before: dict[str, Any] | None = None,
) -> int:  # fmt: skip
    """Writes what happened to a ticket, None: to a desk; the id of the event. `before`: what undoing it brings back."""
    values = {
        "ticket_id": ticket_id, "message_id": message_id, "kind": kind, "actor_id": actor, "old": old, "new": new,
        "before": before, "at": now,
    }  # fmt: skip
    return insert_row(connection, Event, values)


def insert_row(connection: Connection, table: Table, values: dict[str, Any]) -> int:
    """Inserts one row; its id."""
    done = connection.execute(_insert(table), values)
    assert done.inserted_primary_key is not None
    return int(done.inserted_primary_key[0])


@cache
def _insert(table: Table) -> Insert:
    return insert(table)
