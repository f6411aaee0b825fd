"""Probe mails: whether what people write to a mailbox still arrives."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from store.tables.columns import moment, row_id


class Probe(SQLModel, table=True):
    """The probes of a mailbox. `number` of the last one, `sent` when; `waiting`: since when one is out and not back.

    `filed`: when the last one came back, `seconds` from its arrival to that. `told`: when people heard that it stays away.
    """

    __tablename__ = "probe"
    id: int | None = row_id()
    mailbox: str = Field(unique=True)
    number: int = 0
    sent: datetime | None = moment(null=True)
    waiting: datetime | None = moment(null=True)
    filed: datetime | None = moment(null=True)
    seconds: float | None = None
    told: datetime | None = moment(null=True)
