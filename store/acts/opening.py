"""Opens tickets: the row, its first message, and what it is linked to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from store import alerts, aliases, citing, people
from store.acts.conversation import Applied, holds_refused, on_call, told_by
from store.acts.old_mail import author_of, time_of
from store.commands import OpenTicket
from store.config import Config
from store.errors import BadInput
from store.rows import add_cc, insert_row, note_refused, take_number, was_told, write_event, write_message
from store.rules.addressing import normalise
from store.rules.fanout import Change
from store.schema import Link, Ticket
from store.telling import Told, tell
from store.ticket_assets import link_assets


def open_ticket(connection: Connection, config: Config, command: OpenTicket, now: datetime) -> Applied:
    """Opens a ticket; also for acts that begin with one."""
    desk = config.desks[command.desk]
    now = time_of(command.message, now)
    old, customer = command.message.old, command.written_to or command.message.author
    requester = people.ensure(connection, customer.email, customer.name, now)
    author = requester if command.written_to is None else author_of(connection, config, command.message, now)
    actor = author if command.by is None else people.ensure(connection, command.by.email, command.by.name, now)
    if command.by is not None:
        if config.addresses.is_own(command.message.author.email):
            raise BadInput("a mailbox of a desk is nobody a ticket can be opened for")
        people.vouch(connection, requester)  # an agent knows them
    if command.join_organization:
        people.join_by_domain(connection, requester, command.message.author.email, desk.name)
    values = {
        "desk": desk.name,
        "number": take_number(connection, desk.name),
        "subject": command.subject,
        "requester_id": requester,
        "organization_id": people.organization_of(connection, requester, desk.name),
        "department": command.department,
        "priority": command.priority,
        "origin": command.origin,
        **_condition(command, now),
        "flags": list(command.flags),
        "fields": dict(command.fields),
        "conversation": command.message.conversation,
        "created": now,
        "updated": now,
    }
    ticket_id = insert_row(connection, Ticket, values)
    side = "customer" if command.written_to is None else "support"
    message_id = write_message(connection, ticket_id, command.message, author, side, now)
    event = write_event(connection, ticket_id, "created", actor, now, message_id=message_id, new=command.origin)
    link_assets(connection, ticket_id, command.assets)
    for mailbox in command.also_to:
        write_event(connection, ticket_id, "also_to", None, now, new=mailbox)
    note_refused(connection, ticket_id, message_id, author, command.message.files, now)
    add_cc(connection, config, ticket_id, requester, command.cc, now)
    citing.remember(connection, desk.name, ticket_id, command.cited)
    aliases.remember(connection, desk.name, ticket_id, old.numbers if old else ())
    for link in command.links:
        connection.execute(insert(Link).values(ticket_id=ticket_id, other_id=link.ticket, kind=link.kind))
    change = Change(
        "opened", actor, by_support=command.by is not None, already=command.already, answer=command.answer,
        refused_files=holds_refused(command.message.files), missing=command.missing, settled=command.settled,
    )  # fmt: skip
    if not command.spam:
        told = told_by(event, change, message_id, command.message, alerts=on_call(connection, command.alerts, now))
        tell(connection, config, ticket_id, replace(told, assets=command.wished), now)
    if command.misused_by is not None:
        _tell_owner(connection, config, command, now)
    return Applied(ticket_id, message_id, event)


def _condition(command: OpenTicket, now: datetime) -> dict[str, Any]:
    """The facts of a ticket's state when it is opened."""
    old = command.message.old
    waits = bool(command.missing or command.written_to)  # T16
    ended = command.spam or command.settled or bool(old and old.closes)
    return {
        "state": "closed" if ended else "waiting_customer" if waits else "new",
        "closed_at": now if ended else None,
        "waiting_since": now if waits and not ended else None,
        **({"last_reply_by": "support", "taken": True} if command.written_to else {}),
    }


def _tell_owner(connection: Connection, config: Config, command: OpenTicket, now: datetime) -> None:
    """The person an address was signed for hears once, for each ticket and each alert, that somebody else has used it."""
    claimed = next((link.ticket for link in command.links if link.kind == "claims"), None)
    assert command.misused_by is not None
    user = normalise(command.message.author.email)
    if claimed is None and command.alert is not None:
        alerts.tell_used(connection, config, command.alert, user, now)
    if claimed is None or was_told(connection, claimed, "address_used", command.misused_by):
        return
    event = write_event(connection, claimed, "address_used", None, now, new=user)
    change = Change("address_used", None, addressee=command.misused_by)
    tell(connection, config, claimed, Told(event, change, about=user), now)


HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {OpenTicket: open_ticket}
