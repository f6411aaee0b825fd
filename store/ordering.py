"""In which order tickets are listed, as a database sorts by it; that of the queue comes from `rules.queue`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, literal_column

from store.config import Config
from store.rules.queue import GENERAL, LEAST, PRIORITY_RANK, origin_ranks
from store.schema import Ticket

RECENT: tuple[ColumnElement[Any], ...] = (Ticket.c.updated.desc(), Ticket.c.id.desc())
# Written out, so that the database sees that the index of open tickets holds all it needs.
CLOSED = Ticket.c.state == literal_column("'closed'")
OPEN = Ticket.c.state != literal_column("'closed'")


def by_queue(config: Config) -> tuple[ColumnElement[Any], ...]:
    """What to order open tickets by, as `queue_key` does; the closed ones stand below by `RECENT`."""
    priority = case(PRIORITY_RANK, value=Ticket.c.priority, else_=LEAST)
    origin = case(origin_ranks(config.desks.values()), value=Ticket.c.origin, else_=GENERAL)
    return priority, origin, Ticket.c.created, Ticket.c.id
