"""The mails that are to go out or went."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import json_value, moment, reference, row_id, words


class Outbox(SQLModel, table=True):
    """One mail to one person about one event; `facts` freezes what it is made from (design 5).

    Of automatic answers alone (threats 38): `correspondent` is the address they go to without its + part, `stranger_of`
    the desk when nobody has vouched for it, `gist` what the answered mail says. `ended`: when the relay took or refused it.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("event_id", "person_id"),
        Index("outbox_due", "state", "next_at"),
        Index("outbox_person", "person_id", "created"),
        Index("outbox_line", "ticket_id", "person_id", "id"),
        Index("outbox_answers", "correspondent", "created"),
        Index("outbox_strangers", "stranger_of", "created"),
    )
    id: int | None = row_id()
    event_id: int = reference("event", index=False)
    ticket_id: int | None = reference("ticket", null=True, index=False)
    message_id: int | None = reference("message", null=True, index=False)
    person_id: int = reference("person", index=False)
    recipient: str
    template: str
    state: str = "due"
    attempts: int = 0
    next_at: datetime = moment()
    lease_until: datetime | None = moment(null=True)
    claimed_by: str = ""
    header_id: str = Field(unique=True, description="the Message-ID of every copy of this mail, without <>")
    reply: str = words()
    facts: dict[str, Any] = json_value(dict)
    correspondent: str | None = None
    gist: str | None = None
    stranger_of: str | None = None
    created: datetime = moment()
    ended: datetime | None = moment(null=True)


class Undeliverable(SQLModel, table=True):
    """An address that mail came back from: how often for good in a row (`hard`), and since when it gets none any more."""

    __tablename__ = "undeliverable"
    id: int | None = row_id()
    address: str = Field(unique=True)
    hard: int = 0
    suppressed: datetime | None = moment(null=True)
    why: str = words()
    at: datetime = moment()
