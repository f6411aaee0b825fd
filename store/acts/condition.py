"""The stored facts of a ticket's state as an event keeps them, so that what staff did to it can be taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from store.schema import Ticket

_FACTS = (Ticket.c.state, Ticket.c.last_reply_by, Ticket.c.taken, Ticket.c.closed_at)


def keep(ticket: Any) -> dict[str, Any]:
    """The facts of a ticket row as JSON."""
    return {
        "state": ticket.state, "last_reply_by": ticket.last_reply_by, "taken": ticket.taken,
        "closed_at": ticket.closed_at.isoformat() if ticket.closed_at else None,
    }  # fmt: skip


def keep_now(connection: Connection, ticket_id: int) -> dict[str, Any]:
    """The facts a ticket has at this moment."""
    return keep(connection.execute(select(*_FACTS).where(Ticket.c.id == ticket_id)).one())


def restore(connection: Connection, ticket_id: int, was: dict[str, Any], now: datetime) -> None:
    """Gives a ticket the facts that were kept of it."""
    closed_at = datetime.fromisoformat(was["closed_at"]) if was["closed_at"] else None
    waiting_since = now if was["state"] == "waiting_customer" else None
    values = {**was, "closed_at": closed_at, "waiting_since": waiting_since, "updated": now}
    connection.execute(update(Ticket).where(Ticket.c.id == ticket_id).values(**values))


def restore_unless_changed(connection: Connection, ticket: Any, before: dict[str, Any], now: datetime) -> None:
    """Gives back `before["was"]` if the ticket still is what the care made of it, `before["became"]`."""
    if keep(ticket) == before["became"]:
        restore(connection, ticket.id, before["was"], now)
