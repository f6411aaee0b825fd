"""What became of the journal's rows, who may do what only one does at a time, and what a desk remembers of mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import Id, json_value, moment, reference, row_id, words


class Outcome(SQLModel, table=True):
    """What became of a journal row; `outcome` stays empty while it is only being attempted."""

    __tablename__ = "outcome"
    __table_args__ = (Index("outcome_content", "desk", "content_hash"),)
    journal_id: int = Field(sa_column=Column(Id, primary_key=True, autoincrement=False))
    desk: str = ""
    attempts: int = 0
    outcome: str | None = None
    rule: str = ""
    reason: str = words()
    ticket_id: int | None = reference("ticket", null=True)
    message_id: str | None = Field(default=None, index=True)
    content_hash: str | None = None
    signals: list[dict[str, Any]] = json_value()
    at: datetime = moment()


class Cursor(SQLModel, table=True):
    """How far a reader of the journal has got: every row up to `value` has its outcome."""

    __tablename__ = "cursor"
    name: str = Field(primary_key=True)
    value: int = Field(sa_type=Id, default=0)


class Lease(SQLModel, table=True):
    """Who may do a thing that only one process of the installation does at a time."""

    __tablename__ = "lease"
    name: str = Field(primary_key=True)
    holder: str
    until: datetime = moment()


class Cited(SQLModel, table=True):
    """A Message-ID that a mail of a ticket answers and nobody here has seen: what colleagues have in common (design 3)."""

    __tablename__ = "cited"
    __table_args__ = (UniqueConstraint("desk", "message_id", "ticket_id"),)
    id: int | None = row_id()
    desk: str
    message_id: str
    ticket_id: int = reference("ticket")


class Parked(SQLModel, table=True):
    """What a mail asked for without proof of who sent it; it waits for that person's word (threats 40)."""

    __tablename__ = "parked"
    id: int | None = row_id()
    desk: str
    ticket_id: int = reference("ticket")
    person_id: int = reference("person")
    journal_id: int | None = Field(default=None, sa_type=Id, index=True)
    message_id: int | None = reference("message", null=True, index=False)
    asked: list[dict[str, Any]] = json_value()
    at: datetime = moment()
    done_at: datetime | None = moment(null=True)


class Blocked(SQLModel, table=True):
    """An address, or a domain written as @example.com, whose mail a desk keeps without a word to anybody."""

    __tablename__ = "blocked"
    __table_args__ = (UniqueConstraint("desk", "pattern"),)
    id: int | None = row_id()
    desk: str
    pattern: str
    blocked_by: int | None = reference("person", null=True, index=False)
    at: datetime = moment()
