"""Support asks somebody outside about a ticket; what they answer is a note, and they see nothing else of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from store import people
from store.acts.conversation import Applied
from store.commands import AskOutsider
from store.config import Config
from store.errors import BadInput
from store.rows import advance_ticket, find_ticket, write_event, write_message
from store.rules.addressing import check_address
from store.rules.fanout import Change
from store.rules.people import relation
from store.schema import Consulted, insert_into
from store.telling import Told, tell


def _ask(connection: Connection, config: Config, command: AskOutsider, now: datetime) -> Applied:
    ticket, desk = find_ticket(connection, config, command.ticket)
    author = people.ensure(connection, command.message.author.email, command.message.author.name, now)
    try:
        email = check_address(command.to.email)
    except ValueError as error:
        raise BadInput(f"{command.to.email}: {error}") from None
    if config.addresses.is_own(email):
        raise BadInput(f"{email} is a mailbox of a desk")
    outsider = people.facts(connection, [people.ensure(connection, email, command.to.name, now)])[0]
    if not outsider.active:
        raise BadInput(f"{email} is inactive here and gets no mail")
    if (part := relation(outsider, people.ticket_facts(connection, ticket), desk)) != "none":
        raise BadInput(f"{email} has a part in {desk.key}#{ticket.number} already ({part}); answer there")
    row = {"ticket_id": ticket.id, "person_id": outsider.id, "asked_by": author, "at": now}
    again = {"index_elements": ["ticket_id", "person_id"], "set_": {"asked_by": author}}
    connection.execute(insert_into(Consulted, connection.dialect.name).on_conflict_do_update(**again), row)
    message_id = write_message(connection, ticket.id, command.message, author, "support", now, note=True)
    event = write_event(connection, ticket.id, "asked", author, now, message_id=message_id, new=email)
    advance_ticket(connection, desk, ticket, ["note"], author, now)
    change = Change("asking", author, by_support=True, addressee=outsider.id)
    told = Told(event, change, message_id, command.message.message_id, command.message.files)
    tell(connection, config, ticket.id, told, now)
    return Applied(ticket.id, message_id, event)


HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {AskOutsider: _ask}
