"""Applies commands: each in the caller's transaction, with its events and its outbox rows. The one writer of tickets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, update

from store import outbox, people
from store.commands import (
    AddNote,
    CloseTicket,
    Command,
    CustomerReply,
    NewFile,
    NewMessage,
    OpenTicket,
    RaisePriority,
    RecordBounce,
    RecordTrace,
    SupportReply,
    TakeTicket,
)  # fmt: skip
from store.config import Config
from store.rows import (
    add_cc,
    add_flags,
    advance_ticket,
    find_ticket,
    insert_row,
    note_refused,
    raise_priority,
    take_number,
    write_event,
    write_message,
)  # fmt: skip
from store.rules.fanout import Change
from store.rules.states import Happening
from store.schema import Link, Ticket
from store.telling import Told, tell


@dataclass(frozen=True, slots=True)
class Applied:
    """What a command left behind."""

    ticket: int | None
    message: int | None = None
    event: int | None = None


def apply(connection: Connection, config: Config, command: Command, now: datetime) -> Applied:
    """Carries a command out. Raises NotFound when it names a ticket that does not exist."""
    return _HANDLERS[type(command)](connection, config, command, now)


def _open(connection: Connection, config: Config, command: OpenTicket, now: datetime) -> Applied:
    desk = config.desks[command.desk]
    requester = people.ensure(connection, command.message.author.email, command.message.author.name, now)
    values = {
        "desk": desk.name,
        "number": take_number(connection, desk.name),
        "subject": command.subject,
        "requester_id": requester,
        "organization_id": people.organization_of(connection, requester, desk.name),
        "department": command.department,
        "priority": command.priority,
        "origin": command.origin,
        "flags": list(command.flags),
        "created": now,
        "updated": now,
    }
    ticket_id = insert_row(connection, Ticket, values)
    message_id = write_message(connection, ticket_id, command.message, requester, "customer", now)
    event = write_event(connection, ticket_id, "created", requester, now, message_id=message_id, new=command.origin)
    note_refused(connection, ticket_id, message_id, requester, command.message.files, now)
    add_cc(connection, config, ticket_id, requester, command.cc, now)
    if command.linked_to is not None:
        connection.execute(insert(Link).values(ticket_id=ticket_id, other_id=command.linked_to, kind="claims"))
    change = Change(
        "opened", requester, already=command.already, refused_files=_refused(command.message.files),
        acknowledge=command.acknowledge,
    )  # fmt: skip
    tell(connection, config, ticket_id, _told(event, change, message_id, command.message), now)
    return Applied(ticket_id, message_id, event)


def _customer_reply(connection: Connection, config: Config, command: CustomerReply, now: datetime) -> Applied:
    ticket, desk = find_ticket(connection, config, command.ticket)
    author = people.ensure(connection, command.message.author.email, command.message.author.name, now)
    message_id = write_message(connection, ticket.id, command.message, author, "customer", now)
    event = write_event(connection, ticket.id, "reply", author, now, message_id=message_id)
    note_refused(connection, ticket.id, message_id, author, command.message.files, now)
    add_cc(connection, config, ticket.id, author, command.cc, now)
    if command.cc_left_out:
        write_event(connection, ticket.id, "cc_left_out", author, now, new=", ".join(command.cc_left_out))
    raise_priority(connection, ticket, command.priority, author, now)
    add_flags(connection, ticket, command.flags)
    if command.proved:
        people.confirm(connection, author)
    changed = advance_ticket(connection, desk, ticket, ["customer_reply"], author, now)
    change = Change(
        "customer_reply", author, already=command.already, refused_files=_refused(command.message.files),
    )  # fmt: skip
    tell(connection, config, ticket.id, _told(event, change, message_id, command.message, changed), now)
    return Applied(ticket.id, message_id, event)


def _support_reply(connection: Connection, config: Config, command: SupportReply, now: datetime) -> Applied:
    ticket, desk = find_ticket(connection, config, command.ticket)
    author = people.ensure(connection, command.message.author.email, command.message.author.name, now)
    message_id = write_message(connection, ticket.id, command.message, author, "support", now)
    kind = "closed" if command.close else "reply"
    event = write_event(connection, ticket.id, kind, author, now, message_id=message_id)
    note_refused(connection, ticket.id, message_id, author, command.message.files, now)
    happened: list[Happening] = ["support_reply" if command.wait else "support_reply_no_answer"]
    if command.close:
        happened.append("close_by_support")
    changed = advance_ticket(connection, desk, ticket, happened, author, now)
    change = Change("closed" if command.close else "support_reply", author, by_support=True, already=command.already)
    tell(connection, config, ticket.id, _told(event, change, message_id, command.message, changed), now)
    return Applied(ticket.id, message_id, event)


def _add_note(connection: Connection, config: Config, command: AddNote, now: datetime) -> Applied:
    ticket, desk = find_ticket(connection, config, command.ticket)
    author = people.ensure(connection, command.message.author.email, command.message.author.name, now)
    message_id = write_message(connection, ticket.id, command.message, author, "support", now, note=True)
    event = write_event(connection, ticket.id, "note", author, now, message_id=message_id)
    advance_ticket(connection, desk, ticket, ["note"], author, now)
    add_flags(connection, ticket, command.flags)
    if command.unsent:
        tell(
            connection,
            config,
            ticket.id,
            _told(event, Change("unsent", author, True), message_id, command.message),
            now,
        )
    return Applied(ticket.id, message_id, event)


def _record_trace(connection: Connection, config: Config, command: RecordTrace, now: datetime) -> Applied:
    ticket, _ = find_ticket(connection, config, command.ticket)
    author = people.ensure(connection, command.message.author.email, command.message.author.name, now)
    message_id = write_message(connection, ticket.id, command.message, author, "system", now)
    event = write_event(
        connection, ticket.id, "automatic", author, now, message_id=message_id, new=command.message.auto
    )
    note_refused(connection, ticket.id, message_id, author, command.message.files, now)
    return Applied(ticket.id, message_id, event)


def _close(connection: Connection, config: Config, command: CloseTicket, now: datetime) -> Applied:
    ticket, desk = find_ticket(connection, config, command.ticket)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    if ticket.state == "closed":
        return Applied(ticket.id)
    by_support = command.side == "support"
    event = write_event(connection, ticket.id, "closed", actor, now)
    changed = advance_ticket(connection, desk, ticket, [f"close_by_{command.side}"], actor, now)
    tell(connection, config, ticket.id, Told(event, Change("closed", actor, by_support), label_changed=changed), now)
    return Applied(ticket.id, event=event)


def _take(connection: Connection, config: Config, command: TakeTicket, now: datetime) -> Applied:
    ticket, desk = find_ticket(connection, config, command.ticket)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    event = write_event(connection, ticket.id, "taken", actor, now)
    connection.execute(update(Ticket).where(Ticket.c.id == ticket.id).values(assignee_id=actor))
    if advance_ticket(connection, desk, ticket, ["take"], actor, now):
        tell(connection, config, ticket.id, Told(event, Change("status", actor, True), label_changed=True), now)
    return Applied(ticket.id, event=event)


def _raise(connection: Connection, config: Config, command: RaisePriority, now: datetime) -> Applied:
    ticket, _ = find_ticket(connection, config, command.ticket)
    raise_priority(connection, ticket, command.priority, None, now)
    return Applied(ticket.id)


def _bounce(connection: Connection, config: Config, command: RecordBounce, now: datetime) -> Applied:
    if command.permanent and command.event is not None and command.person is not None:
        outbox.bounce(connection, command.event, command.person, command.words)
    if command.ticket is None:
        return Applied(None)
    ticket, _ = find_ticket(connection, config, command.ticket)
    kind = "delivery_failed" if command.permanent else "delivery_delayed"
    words = f"{command.recipient}: {command.words}"
    return Applied(ticket.id, event=write_event(connection, ticket.id, kind, None, now, new=words))


_HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {
    OpenTicket: _open,
    CustomerReply: _customer_reply,
    SupportReply: _support_reply,
    AddNote: _add_note,
    RecordTrace: _record_trace,
    CloseTicket: _close,
    TakeTicket: _take,
    RaisePriority: _raise,
    RecordBounce: _bounce,
}


def _refused(files: Sequence[NewFile]) -> bool:
    return any(file.verdict == "refused" for file in files)


def _told(event: int, change: Change, message_id: int, message: NewMessage, label_changed: bool = False) -> Told:
    return Told(event, change, message_id, message.message_id, message.files, label_changed)
