"""Spam, blocked senders, held tickets that prove to be ordinary ones, and mail that makes none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from store import outbox, people
from store.acts import condition
from store.acts.conversation import Applied
from store.acts.joining import messages_of
from store.commands import BlockSender, MarkSpam, Redirect, ReleaseTicket, UnblockSender, UnmarkSpam
from store.config import Config
from store.errors import BadInput, NotFound
from store.rows import drop_flags, find_ticket, write_event
from store.rules.addressing import check_address
from store.rules.fanout import ANSWERS, Change
from store.schema import Blocked, Event, Ticket, insert_into
from store.telling import Told, tell, tell_without_ticket

_NEW = {"state": "new", "last_reply_by": "none", "taken": False, "closed_at": None}


def _mark(connection: Connection, config: Config, command: MarkSpam, now: datetime) -> Applied:
    ticket, _desk = find_ticket(connection, config, command.ticket)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    if "spam" in ticket.flags:
        return Applied(ticket.id)
    _make_spam(connection, ticket, now)
    outbox.withdraw(connection, ticket.id, ANSWERS, "marked as spam")
    before = {"was": condition.keep(ticket), "became": condition.keep_now(connection, ticket.id)}
    return Applied(ticket.id, event=write_event(connection, ticket.id, "spam", actor, now, before=before))


def _make_spam(connection: Connection, ticket: Any, now: datetime) -> None:
    closed_at = ticket.closed_at or now
    values = {"flags": [*ticket.flags, "spam"], "state": "closed", "closed_at": closed_at, "updated": now}
    connection.execute(update(Ticket).where(Ticket.c.id == ticket.id).values(**values))


def _unmark(connection: Connection, config: Config, command: UnmarkSpam, now: datetime) -> Applied:
    ticket, _desk = find_ticket(connection, config, command.ticket)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    if "spam" not in ticket.flags:
        return Applied(ticket.id)
    marked = select(Event.c.before).where(
        Event.c.ticket_id == ticket.id, Event.c.kind == "spam", Event.c.before.is_not(None)
    )
    before = connection.execute(marked.order_by(Event.c.id.desc()).limit(1)).scalar()
    drop_flags(connection, ticket, {"spam"})
    condition.restore(connection, ticket.id, before["was"] if before else _NEW, now)
    return Applied(ticket.id, event=write_event(connection, ticket.id, "unspam", actor, now, before={}))


def _undo_mark(connection: Connection, config: Config, ticket: Any, event: Any, actor: int, now: datetime) -> None:
    if "spam" not in ticket.flags:
        raise BadInput("there is nothing to take back: the ticket is not marked as spam any more")
    drop_flags(connection, ticket, {"spam"})
    condition.restore_unless_changed(connection, ticket, event.before, now)


def _undo_unmark(connection: Connection, config: Config, ticket: Any, event: Any, actor: int, now: datetime) -> None:
    if "spam" in ticket.flags:
        raise BadInput("there is nothing to take back: the ticket is marked as spam again")
    _make_spam(connection, ticket, now)


def _block(connection: Connection, config: Config, command: BlockSender, now: datetime) -> Applied:
    pattern = _pattern(command.pattern)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    domain = pattern.rpartition("@")[2]
    if config.addresses.is_own(pattern) or (pattern.startswith("@") and domain in config.addresses.domains):
        raise BadInput(f"{pattern} is an address of this installation itself")
    person = people.find(connection, pattern)
    if person is not None and command.desk in person.staff_of:
        raise BadInput(f"{pattern} is on the staff of {command.desk}")
    values = {"desk": command.desk, "pattern": pattern, "blocked_by": actor, "at": now}
    made = insert_into(Blocked, connection.dialect.name).values(**values).on_conflict_do_nothing()
    if connection.execute(made).rowcount < 1:
        return Applied(None)
    return Applied(None, event=write_event(connection, None, "blocked", actor, now, new=f"{command.desk}: {pattern}"))


def _unblock(connection: Connection, config: Config, command: UnblockSender, now: datetime) -> Applied:
    pattern = _pattern(command.pattern)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    gone = delete(Blocked).where(Blocked.c.desk == command.desk, Blocked.c.pattern == pattern)
    if connection.execute(gone).rowcount < 1:
        raise NotFound(f"{pattern} is not blocked at {command.desk}")
    return Applied(None, event=write_event(connection, None, "unblocked", actor, now, old=f"{command.desk}: {pattern}"))


def _pattern(written: str) -> str:
    """An address or `@domain` in the form in which senders are compared. Raises BadInput."""
    domain = written.strip().startswith("@")
    try:
        address = check_address(f"x{written.strip()}" if domain else written)
    except ValueError:
        raise BadInput(f"{written}: expected an address, or a domain such as @example.com") from None
    return address[1:] if domain else address


def _release(connection: Connection, config: Config, command: ReleaseTicket, now: datetime) -> Applied:
    ticket, desk = find_ticket(connection, config, command.ticket)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    if "held" not in ticket.flags:
        raise BadInput(f"{desk.key}#{ticket.number} is not held")
    drop_flags(connection, ticket, {"held", "unknown-sender", "portal-first"})
    requester = people.facts(connection, [ticket.requester_id])[0]
    if requester.active:
        people.vouch(connection, requester.id)
    event = write_event(connection, ticket.id, "released", actor, now)
    first = next(iter(messages_of(connection, ticket.id)), None)
    tell(connection, config, ticket.id, Told(event, Change("released", actor, True), first), now)
    return Applied(ticket.id, event=event)


def _redirect(connection: Connection, config: Config, command: Redirect, now: datetime) -> Applied:
    author = people.ensure(connection, command.author.email, command.author.name, now)
    words = f"{command.desk}: {command.message_id or 'a mail without a Message-ID'}"
    event = write_event(connection, None, "redirected", author, now, new=words)
    tell_without_ticket(connection, config, event, people.facts(connection, [author])[0], command, now)
    return Applied(None, event=event)


HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {
    MarkSpam: _mark,
    UnmarkSpam: _unmark,
    BlockSender: _block,
    UnblockSender: _unblock,
    ReleaseTicket: _release,
    Redirect: _redirect,
}
UNDO: dict[str, Callable[[Connection, Config, Any, Any, int, datetime], None]] = {
    "spam": _undo_mark,
    "unspam": _undo_unmark,
}
