"""An agent at the command line: who they are, the ticket they name, and what they do to it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from gateway.cli.options import opened
from store import people, views
from store.apply import apply
from store.clock import now
from store.commands import Author, Command
from store.config import Config
from store.errors import BadInput
from store.rules.desk import Desk


def find_work(
    connection: Connection, config: Config, tag: str, agent: str, *, at_old_desk: bool = False
) -> tuple[Any, Desk, Author]:
    """The row of the ticket named, or that it went into, its desk, and the agent, who works there.

    `at_old_desk`: it is enough to work where the ticket named was. Raises BadInput or NotFound.
    """
    named, home = views.find_ticket(connection, config, tag)
    row, desk = views.follow_merge(connection, config, named)
    return row, desk, find_agent(connection, home if at_old_desk else desk, agent)


def find_agent(connection: Connection, desk: Desk, email: str) -> Author:
    """Somebody who works at the desk. Raises BadInput."""
    person = people.find(connection, email)
    if person is None or not person.works_at(desk.name):
        raise BadInput(f"--agent: {email} is not on the staff of {desk.name}")
    return Author(person.email, person.name)


def find_any_agent(connection: Connection, email: str) -> Author:
    """Somebody who works at any desk. Raises BadInput."""
    person = people.find(connection, email)
    if person is None or not any(map(person.works_at, person.staff_of)):
        raise BadInput(f"--agent: {email} is not on the staff of any desk")
    return Author(person.email, person.name)


def find_desk(config: Config, name: str) -> Desk:
    """A desk by its name. Raises BadInput, which lists all."""
    if name not in config.desks:
        raise BadInput(f"there is no desk {name!r}; there are {', '.join(sorted(config.desks))}")
    return config.desks[name]


def care_for(
    file: Path | None, tag: str, agent: str, make: Callable[[int, Author], Command], *, at_old_desk: bool = False
) -> dict[str, Any]:
    """Carries out what an agent does to a ticket; the ticket it was done to, as it is then.

    Raises BadInput or NotFound, nothing changed.
    """
    with opened(file) as (config, store), store.write() as connection:
        row, _desk, by = find_work(connection, config, tag, agent, at_old_desk=at_old_desk)
        applied = apply(connection, config, make(row.id, by), now())
        return views.ticket(connection, config, views.ticket_row(connection, applied.ticket or row.id))


def written_words() -> str:
    """What stands on standard input. Raises BadInput when it is nothing."""
    text = "" if sys.stdin.isatty() else sys.stdin.buffer.read().decode("utf-8", "replace").strip()
    if not text:
        raise BadInput("there is nothing on standard input to send")
    return text
