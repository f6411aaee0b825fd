"""Applies commands: each in the caller's transaction, with its events and its outbox rows. The one writer of tickets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from store import outbox, people
from store.commands import (
    AddNote, Author, CloseTicket, Command, CustomerReply, NewFile, NewMessage, OpenTicket, RaisePriority, RecordBounce,
    RecordTrace, SupportReply, TakeTicket,
)  # fmt: skip
from store.config import Config
from store.errors import NotFound
from store.rules.addressing import normalise
from store.rules.desk import PRIORITIES, Desk
from store.rules.fanout import Change
from store.rules.states import Condition, Happening, advance, label
from store.tables import Attachment, Blob, Event, Link, Message, Ticket, TicketNumber
from store.telling import Told, tell

FIRST_NUMBER = 1001
MOST_CC = 100  # people a mail may put on a ticket (RFC 5321 4.5.3.1.8 asks no server to take more recipients)


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
    ticket_id = _insert(connection, Ticket, values)
    message_id = _write(connection, ticket_id, command.message, requester, "customer", now)
    event = _event(connection, ticket_id, "created", requester, now, message_id=message_id, new=command.origin)
    _note_refused(connection, ticket_id, message_id, requester, command.message.files, now)
    _add_cc(connection, config, ticket_id, requester, command.cc, now)
    if command.linked_to is not None:
        connection.execute(insert(Link).values(ticket_id=ticket_id, other_id=command.linked_to, kind="claims"))
    change = Change(
        "opened", requester, already=command.already, refused_files=_refused(command.message.files),
        acknowledge=command.acknowledge,
    )  # fmt: skip
    tell(connection, config, ticket_id, _told(event, change, message_id, command.message), now)
    return Applied(ticket_id, message_id, event)


def _customer_reply(connection: Connection, config: Config, command: CustomerReply, now: datetime) -> Applied:
    ticket, desk = _ticket(connection, config, command.ticket)
    author = people.ensure(connection, command.message.author.email, command.message.author.name, now)
    message_id = _write(connection, ticket.id, command.message, author, "customer", now)
    event = _event(connection, ticket.id, "reply", author, now, message_id=message_id)
    _note_refused(connection, ticket.id, message_id, author, command.message.files, now)
    _add_cc(connection, config, ticket.id, author, command.cc, now)
    _raise_priority(connection, ticket, command.priority, author, now)
    _flag(connection, ticket, command.flags)
    if command.proved:
        people.confirm(connection, author)
    changed = _advance(connection, desk, ticket, ["customer_reply"], author, now)
    change = Change(
        "customer_reply", author, already=command.already, refused_files=_refused(command.message.files),
        acknowledge=command.acknowledge,
    )  # fmt: skip
    tell(connection, config, ticket.id, _told(event, change, message_id, command.message, changed), now)
    return Applied(ticket.id, message_id, event)


def _support_reply(connection: Connection, config: Config, command: SupportReply, now: datetime) -> Applied:
    ticket, desk = _ticket(connection, config, command.ticket)
    author = people.ensure(connection, command.message.author.email, command.message.author.name, now)
    message_id = _write(connection, ticket.id, command.message, author, "support", now)
    kind = "closed" if command.close else "reply"
    event = _event(connection, ticket.id, kind, author, now, message_id=message_id)
    _note_refused(connection, ticket.id, message_id, author, command.message.files, now)
    happened: list[Happening] = ["support_reply" if command.wait else "support_reply_no_answer"]
    if command.close:
        happened.append("close_by_support")
    changed = _advance(connection, desk, ticket, happened, author, now)
    change = Change("closed" if command.close else "support_reply", author, by_support=True, already=command.already)
    tell(connection, config, ticket.id, _told(event, change, message_id, command.message, changed), now)
    return Applied(ticket.id, message_id, event)


def _add_note(connection: Connection, config: Config, command: AddNote, now: datetime) -> Applied:
    ticket, desk = _ticket(connection, config, command.ticket)
    author = people.ensure(connection, command.message.author.email, command.message.author.name, now)
    message_id = _write(connection, ticket.id, command.message, author, "support", now, note=True)
    event = _event(connection, ticket.id, "note", author, now, message_id=message_id)
    _advance(connection, desk, ticket, ["note"], author, now)
    return Applied(ticket.id, message_id, event)


def _record_trace(connection: Connection, config: Config, command: RecordTrace, now: datetime) -> Applied:
    ticket, _ = _ticket(connection, config, command.ticket)
    author = people.ensure(connection, command.message.author.email, command.message.author.name, now)
    message_id = _write(connection, ticket.id, command.message, author, "system", now)
    event = _event(connection, ticket.id, "automatic", author, now, message_id=message_id, new=command.message.auto)
    _note_refused(connection, ticket.id, message_id, author, command.message.files, now)
    return Applied(ticket.id, message_id, event)


def _close(connection: Connection, config: Config, command: CloseTicket, now: datetime) -> Applied:
    ticket, desk = _ticket(connection, config, command.ticket)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    if ticket.state == "closed":
        return Applied(ticket.id)
    by_support = command.side == "support"
    event = _event(connection, ticket.id, "closed", actor, now)
    changed = _advance(connection, desk, ticket, [f"close_by_{command.side}"], actor, now)
    tell(connection, config, ticket.id, Told(event, Change("closed", actor, by_support), label_changed=changed), now)
    return Applied(ticket.id, event=event)


def _take(connection: Connection, config: Config, command: TakeTicket, now: datetime) -> Applied:
    ticket, desk = _ticket(connection, config, command.ticket)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    event = _event(connection, ticket.id, "taken", actor, now)
    connection.execute(update(Ticket).where(Ticket.id == ticket.id).values(assignee_id=actor))
    if _advance(connection, desk, ticket, ["take"], actor, now):
        tell(connection, config, ticket.id, Told(event, Change("status", actor, True), label_changed=True), now)
    return Applied(ticket.id, event=event)


def _raise(connection: Connection, config: Config, command: RaisePriority, now: datetime) -> Applied:
    ticket, _ = _ticket(connection, config, command.ticket)
    _raise_priority(connection, ticket, command.priority, None, now)
    return Applied(ticket.id)


def _bounce(connection: Connection, config: Config, command: RecordBounce, now: datetime) -> Applied:
    if command.permanent and command.event is not None and command.person is not None:
        outbox.bounce(connection, command.event, command.person, command.words)
    if command.ticket is None:
        return Applied(None)
    ticket, _ = _ticket(connection, config, command.ticket)
    kind = "delivery_failed" if command.permanent else "delivery_delayed"
    words = f"{command.recipient}: {command.words}"
    return Applied(ticket.id, event=_event(connection, ticket.id, kind, None, now, new=words))


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


def take_number(connection: Connection, desk: str) -> int:
    """The next number of a desk, taken for good when the transaction commits (HO-08)."""
    row = connection.execute(
        update(TicketNumber)
        .where(TicketNumber.desk == desk)
        .values(next=TicketNumber.next + 1)
        .returning(TicketNumber.next)
    ).scalar()
    if row is None:
        connection.execute(insert(TicketNumber).values(desk=desk, next=FIRST_NUMBER + 1))
        return FIRST_NUMBER
    return int(row) - 1


def _ticket(connection: Connection, config: Config, ticket_id: int) -> tuple[Any, Desk]:
    query = select(*Ticket.__table__.c).where(Ticket.id == ticket_id)  # type: ignore[attr-defined]
    row = connection.execute(query.with_for_update()).first()
    if row is None or row.desk not in config.desks:
        raise NotFound("there is no such ticket")
    return row, config.desks[row.desk]


def _write(
    connection: Connection, ticket_id: int, message: NewMessage, author: int, side: str, now: datetime, note: bool = False
) -> int:  # fmt: skip
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
        "at": now,
    }
    message_id = _insert(connection, Message, values)
    if message.files:
        _remember_blobs(connection, message.files, now)
        connection.execute(insert(Attachment), [_file_values(message_id, file) for file in message.files])
    return message_id


def _remember_blobs(connection: Connection, files: Sequence[NewFile], now: datetime) -> None:
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    rows = {f.sha256: {"sha256": f.sha256, "size": f.size, "at": now} for f in files if f.verdict == "accepted"}
    if rows:
        connection.execute(dialect.insert(Blob).on_conflict_do_nothing(), list(rows.values()))


def _file_values(message_id: int, file: NewFile) -> dict[str, Any]:
    return {
        "message_id": message_id, "filename": file.filename, "content_type": file.content_type, "size": file.size,
        "sha256": file.sha256, "inline": file.inline, "content_id": file.content_id, "verdict": file.verdict,
        "reason": file.reason,
    }  # fmt: skip


def _advance(
    connection: Connection, desk: Desk, ticket: Any, happened: Sequence[str], actor: int | None, now: datetime
) -> bool:  # fmt: skip
    """Moves the ticket by the laws of `states`; True when the desk's word for it changed."""
    before = Condition(ticket.state, ticket.last_reply_by, ticket.taken)
    after = before
    for happening in happened:
        after = advance(after, cast(Happening, happening))
    connection.execute(
        update(Ticket)
        .where(Ticket.id == ticket.id)
        .values(state=after.state, last_reply_by=after.last_reply_by, taken=after.taken, updated=now)
    )
    old, new = label(before, desk), label(after, desk)
    if old != new:
        _event(connection, ticket.id, "status", actor, now, old=old, new=new)
    return old != new


def _add_cc(
    connection: Connection, config: Config, ticket_id: int, author: int, cc: Sequence[Author], now: datetime
) -> None:  # fmt: skip
    for someone in cc[:MOST_CC]:
        if config.addresses.is_own(someone.email):
            continue  # a desk never becomes a person
        person = people.ensure(connection, someone.email, someone.name, now)
        if person != author and people.add_cc(connection, ticket_id, person, author, "mail", now):
            _event(connection, ticket_id, "cc_added", author, now, new=normalise(someone.email))


def _raise_priority(connection: Connection, ticket: Any, priority: str, actor: int | None, now: datetime) -> None:
    if PRIORITIES.index(cast(Any, priority)) > PRIORITIES.index(ticket.priority):
        connection.execute(update(Ticket).where(Ticket.id == ticket.id).values(priority=priority, updated=now))
        _event(connection, ticket.id, "priority", actor, now, old=ticket.priority, new=priority)


def _flag(connection: Connection, ticket: Any, flags: Sequence[str]) -> None:
    if new := [flag for flag in flags if flag not in ticket.flags]:
        connection.execute(update(Ticket).where(Ticket.id == ticket.id).values(flags=[*ticket.flags, *new]))


def _note_refused(
    connection: Connection, ticket_id: int, message_id: int, actor: int, files: Sequence[NewFile], now: datetime
) -> None:  # fmt: skip
    for file in files:
        if file.verdict == "refused":
            words = f"{file.filename}: {file.reason}"
            _event(connection, ticket_id, "attachment_refused", actor, now, message_id=message_id, new=words)


def _event(
    connection: Connection, ticket_id: int, kind: str, actor: int | None, now: datetime, *,
    message_id: int | None = None, old: str | None = None, new: str | None = None,
) -> int:  # fmt: skip
    values = {
        "ticket_id": ticket_id, "message_id": message_id, "kind": kind, "actor_id": actor, "old": old, "new": new, "at": now,
    }  # fmt: skip
    return _insert(connection, Event, values)


def _insert(connection: Connection, table: Any, values: dict[str, Any]) -> int:
    done = connection.execute(insert(table).values(**values))
    assert done.inserted_primary_key is not None
    return int(done.inserted_primary_key[0])


def _refused(files: Sequence[NewFile]) -> bool:
    return any(file.verdict == "refused" for file in files)


def _told(event: int, change: Change, message_id: int, message: NewMessage, label_changed: bool = False) -> Told:
    return Told(event, change, message_id, message.message_id, message.files, label_changed)
