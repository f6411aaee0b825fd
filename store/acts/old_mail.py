"""What is different about a message of an archive: its time, its author, and what it does to the ticket's state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from store import aliases, people
from store.commands import NewMessage
from store.config import Config
from store.rows import advance_ticket
from store.rules.desk import Desk
from store.rules.states import Happening


def time_of(message: NewMessage, now: datetime) -> datetime:
    """When it was said."""
    return message.old.at if message.old else now


def author_of(connection: Connection, config: Config, message: NewMessage, now: datetime) -> int | None:
    """Who said it; None for a desk itself, which is nobody (X-08): in an archive its old answers are from its mailbox."""
    if message.old and config.addresses.is_own(message.author.email):
        return None
    return people.ensure(connection, message.author.email, message.author.name, now)


def advance(
    connection: Connection, desk: Desk, ticket: Any, message: NewMessage, happened: Sequence[Happening],
    actor: int | None, now: datetime,
) -> bool:  # fmt: skip
    """`advance_ticket` by what a message does; an old one undoes nothing that happened since, and may be the end of it."""
    if message.old is None:
        return advance_ticket(connection, desk, ticket, happened, actor, now)
    aliases.remember(connection, desk.name, ticket.id, message.old.numbers)
    if message.old.at < ticket.updated:
        return False
    end: list[Happening] = ["close_by_support"] if message.old.closes else []
    return advance_ticket(connection, desk, ticket, [*happened, *end], actor, now)
