"""Senders and domains whose mail a desk keeps silently, as people and programs read them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from store.schema import Blocked, Person
from store.views import iso


def blocked(connection: Connection, desk: str | None = None) -> list[dict[str, Any]]:
    """Who is blocked, where, by whom and since when, newest last."""
    query = select(Blocked.c.desk, Blocked.c.pattern, Person.c.email, Blocked.c.at).outerjoin(
        Person, Person.c.id == Blocked.c.blocked_by
    )
    if desk:
        query = query.where(Blocked.c.desk == desk)
    return [
        {"desk": row.desk, "pattern": row.pattern, "by": row.email, "at": iso(row.at)}
        for row in connection.execute(query.order_by(Blocked.c.id))
    ]
