"""What other systems called the tickets whose mail came from an archive."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from store.rules.old_mail import Number
from store.schema import TicketAlias, insert_into


def remember(connection: Connection, desk: str, ticket_id: int, numbers: Sequence[Number]) -> None:
    """Keeps the numbers with the ticket; one that another ticket has stays with that."""
    if numbers:
        rows = [
            {"desk": desk, "system": system, "number": number, "ticket_id": ticket_id} for system, number in numbers
        ]
        connection.execute(insert_into(TicketAlias, connection.dialect.name).on_conflict_do_nothing(), rows)
