"""What mails of a ticket answer that nobody here has seen: by it colleagues find each other before a tag exists (design 3)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from store.schema import Cited, insert_into

MOST = 10  # ids a mail: the first is the root of the talk, the last ones those it answers


def remember(connection: Connection, desk: str, ticket_id: int, ids: Sequence[str]) -> None:
    """Keeps the Message-IDs with the ticket; those already there stay."""
    if ids:
        few = [*ids[:1], *ids[1:][1 - MOST :]]
        rows = [{"desk": desk, "message_id": id_, "ticket_id": ticket_id} for id_ in dict.fromkeys(few)]
        connection.execute(insert_into(Cited, connection.dialect.name).on_conflict_do_nothing(), rows)
