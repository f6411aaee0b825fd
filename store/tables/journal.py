"""The journal, written by the doors only: a file of its own on SQLite."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, LargeBinary
from sqlmodel import Field, SQLModel

from store.tables.columns import json_value, moment, reference, row_id, words


class Received(SQLModel, table=True):
    """A message as a door accepted it, with its envelope; `raw` or, above the blob limit, `blob` holds the bytes.

    `old`: the terms on which a mail of an archive was taken.
    """

    __tablename__ = "received"
    __table_args__ = {"info": {"ledger": "journal"}, "sqlite_autoincrement": True}
    id: int | None = row_id()
    door: str
    at: datetime = moment()
    sender: str = words()
    recipients: list[str] = json_value()
    size: int
    sha256: str = Field(index=True)
    raw: bytes | None = Field(default=None, sa_type=LargeBinary, nullable=True)
    blob: str | None = None
    peer: str = words()
    helo: str = words()
    old: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True), nullable=True)


class Journal(SQLModel, table=True):
    """One row per message and desk addressed; ids become visible in order, so a reader may remember how far it got."""

    __tablename__ = "journal"
    __table_args__ = {"info": {"ledger": "journal"}, "sqlite_autoincrement": True}
    id: int | None = row_id()
    received_id: int = reference("received")
    desk: str
    recipients: list[str] = json_value()
