"""Applies what is said on a ticket: rows, events, state and outbox rows in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from store import citing, people
from store.acts.assigning import tell_assignees
from store.acts.old_mail import advance, author_of, time_of
from store.commands import (
    AddNote,
    CloseTicket,
    CustomerReply,
    NewFile,
    NewMessage,
    RaisePriority,
    RecordTrace,
    SupportReply,
    TakeTicket,
)  # fmt: skip
from store.config import Config
from store.rows import (
    add_cc,
    add_fields,
    add_flags,
    advance_ticket,
    find_ticket,
    note_refused,
    raise_priority,
    write_event,
    write_message,
)  # fmt: skip
from store.rules.addressing import normalise
from store.rules.events import EventKind
from store.rules.fanout import Change
from store.rules.states import Happening
from store.schema import Message, Ticket
from store.telling import Told, tell
from store.ticket_assets import link_assets
from store.uploads import use_up


@dataclass(frozen=True, slots=True)
class Applied:
    """What a command left behind. `undone`: why each thing that was asked and not done was not, in words for who asked."""

    ticket: int | None
    message: int | None = None
    event: int | None = None
    undone: tuple[str, ...] = ()


def _customer_reply(connection: Connection, config: Config, command: CustomerReply, now: datetime) -> Applied:
    ticket, desk = find_ticket(connection, config, command.ticket)
    now = time_of(command.message, now)
    author = people.ensure(connection, command.message.author.email, command.message.author.name, now)
    message_id = write_message(connection, ticket.id, command.message, author, "customer", now)
    if command.uses is not None:
        use_up(connection, ticket.id, command.uses, author, message_id, now)
    event = write_event(
        connection, ticket.id, "closed" if command.close else "reply", author, now, message_id=message_id
    )
    note_refused(connection, ticket.id, message_id, author, command.message.files, now)
    add_cc(connection, config, ticket.id, author, command.cc, now)
    if command.joins and people.add_cc(connection, ticket.id, author, None, "thread", now):
        write_event(connection, ticket.id, "cc_added", None, now, new=normalise(command.message.author.email))
    if command.cc_left_out:
        write_event(connection, ticket.id, "cc_left_out", author, now, new=", ".join(command.cc_left_out))
    citing.remember(connection, desk.name, ticket.id, command.cited)
    raised = raise_priority(connection, ticket, command.priority, author, now)
    add_flags(connection, ticket, command.flags)
    add_fields(connection, ticket, command.fields, author, now)
    if command.assets and ticket.asset_id is None:
        link_assets(connection, ticket.id, command.assets)
    if command.proved:
        people.confirm(connection, author)
    spam = "spam" in ticket.flags  # stays out of sight, whatever is added to it
    happened: list[Happening] = [] if spam else ["customer_reply"]
    if command.close:
        happened = ["close_by_customer"] if ticket.state == "closed" else ["customer_reply", "close_by_customer"]
    changed = advance(connection, desk, ticket, command.message, happened, author, now)
    change = Change(
        "closed" if command.close else "customer_reply", author, already=command.already,
        refused_files=holds_refused(command.message.files), acknowledge=command.acknowledge, quiet=command.quiet,
    )  # fmt: skip
    if not spam:
        alerts = on_call(connection, command.alerts if raised else (), now)
        tell(connection, config, ticket.id, told_by(event, change, message_id, command.message, changed, alerts), now)
    return Applied(ticket.id, message_id, event)


def _support_reply(connection: Connection, config: Config, command: SupportReply, now: datetime) -> Applied:
    ticket, desk = find_ticket(connection, config, command.ticket)
    now = time_of(command.message, now)
    author = author_of(connection, config, command.message, now)
    message_id = write_message(connection, ticket.id, command.message, author, "support", now)
    kind: EventKind = "closed" if command.close else "reply"
    event = write_event(connection, ticket.id, kind, author, now, message_id=message_id)
    note_refused(connection, ticket.id, message_id, author, command.message.files, now)
    happened: list[Happening] = ["support_reply" if command.wait else "support_reply_no_answer"]
    if command.close:
        happened.append("close_by_support")
    changed = advance(connection, desk, ticket, command.message, happened, author, now)
    change = Change("closed" if command.close else "support_reply", author, by_support=True, already=command.already)
    tell(connection, config, ticket.id, told_by(event, change, message_id, command.message, changed), now)
    return Applied(ticket.id, message_id, event)


def _add_note(connection: Connection, config: Config, command: AddNote, now: datetime) -> Applied:
    ticket, desk = find_ticket(connection, config, command.ticket)
    now = time_of(command.message, now)
    author = author_of(connection, config, command.message, now)
    message_id = write_message(connection, ticket.id, command.message, author, "support", now, note=True)
    event = write_event(connection, ticket.id, "note", author, now, message_id=message_id)
    advance(connection, desk, ticket, command.message, ["note"], author, now)
    add_flags(connection, ticket, command.flags)
    if command.unsent:
        change = Change("unsent", author, True, addressee=author)
        tell(connection, config, ticket.id, told_by(event, change, message_id, command.message), now)
    if command.outsider and author is not None:
        told = told_by(event, Change("outsider", author), message_id, command.message)
        tell(connection, config, ticket.id, replace(told, agents=people.who_asked(connection, ticket, author)), now)
    return Applied(ticket.id, message_id, event)


def _record_trace(connection: Connection, config: Config, command: RecordTrace, now: datetime) -> Applied:
    ticket, _ = find_ticket(connection, config, command.ticket)
    now = time_of(command.message, now)
    author = author_of(connection, config, command.message, now)
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
    if ticket.assignee_id not in (None, actor):  # told by an event of its own: the requester may be the former assignee
        former = people.facts(connection, [ticket.assignee_id])[0].email
        handed = write_event(connection, ticket.id, "assigned", actor, now, old=former, new=command.by.email)
        tell_assignees(connection, config, ticket.id, handed, actor, ticket.assignee_id, actor, now)
    return Applied(ticket.id, event=event)


def _raise(connection: Connection, config: Config, command: RaisePriority, now: datetime) -> Applied:
    ticket, _ = find_ticket(connection, config, command.ticket)
    if command.mailbox and f"mail:{command.mailbox}" != ticket.origin:
        write_event(connection, ticket.id, "also_to", None, now, new=command.mailbox)
    event = raise_priority(connection, ticket, command.priority, None, now)
    if event and "spam" not in ticket.flags:
        first = select(Message.c.id).where(Message.c.ticket_id == ticket.id).order_by(Message.c.id).limit(1)
        alerts = on_call(connection, command.alerts, now)
        change, message = Change("raised", ticket.requester_id), connection.execute(first).scalar()
        tell(connection, config, ticket.id, Told(event, change, message, alerts=alerts), now)
    return Applied(ticket.id)


HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {
    CustomerReply: _customer_reply,
    SupportReply: _support_reply,
    AddNote: _add_note,
    RecordTrace: _record_trace,
    CloseTicket: _close,
    TakeTicket: _take,
    RaisePriority: _raise,
}


def holds_refused(files: Sequence[NewFile]) -> bool:
    """Whether any of them is not taken."""
    return any(file.verdict == "refused" for file in files)


def told_by(
    event: int, change: Change, message_id: int, message: NewMessage, label_changed: bool = False, alerts: Sequence[int] = ()
) -> Told:  # fmt: skip
    """A change by what a message says, as it is told."""
    change = replace(change, silent=message.old is not None)
    return Told(
        event, change, message_id, message.message_id, message.files, label_changed, alerts, answered=message.text
    )


def on_call(connection: Connection, addresses: Sequence[str], now: datetime) -> tuple[int, ...]:
    """The people behind on-call addresses."""
    return tuple(people.ensure(connection, address, "", now) for address in addresses)
