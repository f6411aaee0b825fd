"""Servers beside us that do not do their work."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from store.tables.columns import moment, words


class Trouble(SQLModel, table=True):
    """A server (`relay`, `clamd`, `rspamd`) that did not work when it was last needed; `why` in words of our own."""

    __tablename__ = "trouble"
    peer: str = Field(primary_key=True)
    why: str = words()
    since: datetime = moment()
