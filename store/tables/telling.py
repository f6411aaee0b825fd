"""How people want to be told, and what waits to be told them in one mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import Id, json_value, moment, reference, row_id, words


class Preference(SQLModel, table=True):
    """How a person wants to hear of a category, where they have said so."""

    __tablename__ = "preference"
    __table_args__ = (UniqueConstraint("person_id", "category"),)
    id: int | None = row_id()
    person_id: int = reference("person", index=False)
    category: str
    choice: str


class Gathered(SQLModel, table=True):
    """A notice that waits for a digest instead of being a mail of its own.

    `alone`: its digest is of its ticket alone. `digest`: the event of the digest that told of it; `why`: the reason why none
    ever does. It waits as long as neither says anything.
    """

    __tablename__ = "gathered"
    __table_args__ = (UniqueConstraint("event_id", "person_id"), Index("gathered_due", "digest", "due"))
    id: int | None = row_id()
    event_id: int = reference("event", index=False)
    person_id: int = reference("person")
    desk: str
    ticket_id: int = reference("ticket")
    message_id: int | None = reference("message", null=True, index=False)
    category: str
    role: str
    alone: bool = False
    facts: dict[str, Any] = json_value(dict)
    due: datetime = moment()
    digest: int | None = Field(default=None, sa_type=Id, foreign_key="event.id", nullable=True)
    why: str = words()
    at: datetime = moment()
