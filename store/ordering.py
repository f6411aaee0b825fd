"""The order of the staff queue as a database sorts by it, made from the tables of `rules.queue`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case

from store.config import Config
from store.rules.queue import GENERAL, LEAST, PRIORITY_RANK, origin_ranks
from store.schema import Ticket


def by_queue(config: Config) -> tuple[ColumnElement[Any], ...]:
    """What to order tickets by; the same order as that of `queue_key`."""
    closed = Ticket.c.state == "closed"
    priority = case(PRIORITY_RANK, value=Ticket.c.priority, else_=LEAST)
    origin = case(origin_ranks(config.desks.values()), value=Ticket.c.origin, else_=GENERAL)
    # Among the closed ones the keys of the open ones are all alike, and the other way round.
    return (
        case((closed, 1), else_=0),
        case((closed, 0), else_=priority),
        case((closed, 0), else_=origin),
        case((~closed, Ticket.c.created)),
        case((closed, Ticket.c.updated)).desc(),
        case((closed, -Ticket.c.id), else_=Ticket.c.id),
    )
