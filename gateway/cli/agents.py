"""The ticket a command names and the agent who gives it, checked together."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from store import people, views
from store.commands import Author
from store.config import Config
from store.errors import BadInput
from store.rules.desk import Desk


def find_work(connection: Connection, config: Config, tag: str, agent: str) -> tuple[Any, Desk, Author]:
    """The row of the ticket named, or that it went into, its desk, and the agent. Raises BadInput or NotFound."""
    named, _desk = views.find_ticket(connection, config, tag)
    row, desk = views.follow_merge(connection, config, named)
    return row, desk, find_agent(connection, desk, agent)


def find_agent(connection: Connection, desk: Desk, email: str) -> Author:
    """Somebody who works at the desk. Raises BadInput."""
    person = people.find(connection, email)
    if person is None or not person.active or desk.name not in person.staff_of:
        raise BadInput(f"--agent: {email} is not on the staff of {desk.name}")
    return Author(person.email, person.name)
