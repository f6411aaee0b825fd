"""Reports about our mails are noted; staff send a mail again, and say which addresses get none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from store import outbox, people, undelivered
from store.acts.conversation import Applied
from store.commands import RecordBounce, ResendMail, SuppressAddress, UnsuppressAddress
from store.config import Config
from store.errors import BadInput, NotFound
from store.rows import find_ticket, write_event
from store.rules.addressing import check_address
from store.rules.events import EventKind
from store.schema import Outbox

_KINDS: dict[str, EventKind] = {"bounced": "delivery_failed", "delayed": "delivery_delayed", "complained": "complained"}


def _record(connection: Connection, config: Config, command: RecordBounce, now: datetime) -> Applied:
    if command.event is not None and command.person is not None:
        since = now - timedelta(days=config.settings.relay.bounce_days)
        row = outbox.report(connection, command.event, command.person, command.fate, command.words, since)
        if row is not None and command.fate == "bounced":
            if command.hard:
                undelivered.count(connection, config, row.recipient, command.words, now)
            return Applied(row.ticket_id, event=undelivered.tell(connection, config, row, command.words, now))
        about = (Outbox.c.event_id == command.event, Outbox.c.person_id == command.person)
        if row is None and connection.execute(select(Outbox.c.state).where(*about)).scalar() == command.fate:
            return Applied(command.ticket)  # told before (threats 78)
    if command.ticket is None:
        return Applied(None)
    ticket, _ = find_ticket(connection, config, command.ticket)
    words = f"{command.recipient}: {command.words}"
    return Applied(ticket.id, event=write_event(connection, ticket.id, _KINDS[command.fate], None, now, new=words))


def _resend(connection: Connection, config: Config, command: ResendMail, now: datetime) -> Applied:
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    row = connection.execute(select(*Outbox.c).where(Outbox.c.id == command.mail)).first()
    if row is None:
        raise NotFound(f"the outbox has no mail {command.mail}")
    if undelivered.is_suppressed(connection, row.recipient):
        if not command.lift:
            raise BadInput(f"{row.recipient} gets no mail: `postern suppressed` says why, --unsuppress ends it")
        _lift(connection, row.recipient, actor, now)
    if outbox.resend(connection, row.id, now) is None:
        raise BadInput(f"mail {row.id} to {row.recipient} is {row.state}; there is nothing to send again")
    return Applied(row.ticket_id, event=write_event(connection, row.ticket_id, "resent", actor, now, new=row.recipient))


def _suppress(connection: Connection, config: Config, command: SuppressAddress, now: datetime) -> Applied:
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    address = _checked(command.address)
    undelivered.suppress(connection, address, f"by {command.by.email}", now)
    return Applied(None, event=write_event(connection, None, "suppressed", actor, now, new=address))


def _unsuppress(connection: Connection, config: Config, command: UnsuppressAddress, now: datetime) -> Applied:
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    return Applied(None, event=_lift(connection, _checked(command.address), actor, now))


def _lift(connection: Connection, address: str, actor: int, now: datetime) -> int:
    if not undelivered.lift(connection, address):
        raise BadInput(f"{address} is not suppressed; `postern suppressed` lists who is")
    return write_event(connection, None, "unsuppressed", actor, now, new=address)


def _checked(address: str) -> str:
    try:
        return check_address(address)
    except ValueError as error:
        raise BadInput(f"{error}, got {address!r}") from None


HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {
    RecordBounce: _record,
    ResendMail: _resend,
    SuppressAddress: _suppress,
    UnsuppressAddress: _unsuppress,
}
