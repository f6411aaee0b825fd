"""Tickets, what is said on them and what happened to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.tables.columns import Id, json_value, moment, reference, row_id, words


class TicketNumber(SQLModel, table=True):
    """The next free number of a desk; taken inside the transaction that opens the ticket (HO-08)."""

    __tablename__ = "ticket_number"
    desk: str = Field(primary_key=True)
    next: int


class Ticket(SQLModel, table=True):
    """`conversation`: the first 22 bytes of the Thread-Index its mails have in common, in hex, where a mail or move gave it.

    `waiting_since`: when support last began to wait for the customer, None while it does not; `reminded`: when the clock
    last reminded them of that (EQ-69).
    """

    __tablename__ = "ticket"
    __table_args__ = (
        UniqueConstraint("desk", "number"), Index("ticket_recent", "desk", "updated"),
        Index("ticket_waiting", "waiting_since"),
        Index("ticket_open", "desk", sqlite_where=text("state != 'closed'"), postgresql_where=text("state != 'closed'")),
    )  # fmt: skip
    id: int | None = row_id()
    desk: str
    number: int
    subject: str = words()
    requester_id: int = reference("person")
    organization_id: int | None = reference("organization", null=True)
    asset_id: int | None = reference("asset", null=True)
    assignee_id: int | None = reference("person", null=True)
    department: str = ""
    priority: str = "medium"
    origin: str = words()
    state: str = "new"
    last_reply_by: str = "none"
    taken: bool = False
    flags: list[str] = json_value()
    fields: dict[str, str] = json_value(dict)
    merged_into: int | None = reference("ticket", null=True)
    closed_at: datetime | None = moment(null=True)
    waiting_since: datetime | None = moment(null=True)
    reminded: datetime | None = moment(null=True)
    conversation: str | None = None
    created: datetime = moment()
    updated: datetime = moment()


class Link(SQLModel, table=True):
    """One ticket points at another, for staff only."""

    __tablename__ = "link"
    id: int | None = row_id()
    ticket_id: int = reference("ticket")
    other_id: int = reference("ticket")
    kind: str


class Cc(SQLModel, table=True):
    __tablename__ = "cc"
    __table_args__ = (UniqueConstraint("ticket_id", "person_id"),)
    id: int | None = row_id()
    ticket_id: int = reference("ticket")
    person_id: int = reference("person")
    added_by: int | None = reference("person", null=True, index=False)
    via: str = "mail"
    at: datetime = moment()


class TicketAlias(SQLModel, table=True):
    """What another system called a ticket: its number there, beside the pattern that finds such numbers in a subject."""

    __tablename__ = "ticket_alias"
    __table_args__ = (UniqueConstraint("desk", "number", "system"),)
    id: int | None = row_id()
    desk: str
    system: str = words()
    number: str
    ticket_id: int = reference("ticket")


class Consulted(SQLModel, table=True):
    """Somebody outside whom support asked about a ticket; their answers are notes, and they see nothing else of it."""

    __tablename__ = "consulted"
    __table_args__ = (UniqueConstraint("ticket_id", "person_id"),)
    id: int | None = row_id()
    ticket_id: int = reference("ticket", index=False)
    person_id: int = reference("person")
    asked_by: int | None = reference("person", null=True, index=False)
    at: datetime = moment()


class Message(SQLModel, table=True):
    """A message of a ticket; its words never change, a split or merge may give it another ticket.

    `auto` marks automatic mail kept as a trace. `dmarc` is what was found of its sender's domain (RFC 7489), if anything.
    """

    __tablename__ = "message"
    id: int | None = row_id()
    ticket_id: int = reference("ticket")
    journal_id: int | None = Field(default=None, sa_type=Id, index=True)
    side: str
    note: bool = False
    auto: str | None = None
    author_id: int | None = reference("person", null=True, index=False)
    from_address: str = words()
    from_name: str = words()
    text: str = words()
    hidden: str = words()
    html: str | None = words(None)
    channel: str = "mail"
    message_id: str | None = Field(default=None, index=True)
    dmarc: str | None = None
    at: datetime = moment()


class Attachment(SQLModel, table=True):
    __tablename__ = "attachment"
    id: int | None = row_id()
    message_id: int = reference("message")
    filename: str = words()
    content_type: str = words()
    size: int = Field(sa_type=BigInteger)
    sha256: str
    inline: bool = False
    content_id: str | None = words(None)
    verdict: str
    reason: str | None = words(None)


class Event(SQLModel, table=True):
    """What happened to a ticket, by whom; mails of the outbox tell of one event each.

    `before` is what the event replaced, for as long as it can be undone.
    """

    __tablename__ = "event"
    id: int | None = row_id()
    ticket_id: int | None = reference("ticket", null=True)
    message_id: int | None = reference("message", null=True, index=False)
    kind: str
    actor_id: int | None = reference("person", null=True, index=False)
    old: str | None = words(None)
    new: str | None = words(None)
    before: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True), nullable=True)
    at: datetime = moment()


class Blob(SQLModel, table=True):
    """A file's bytes by their SHA-256; the bytes themselves are in the blob store."""

    __tablename__ = "blob"
    sha256: str = Field(primary_key=True)
    size: int = Field(sa_type=BigInteger)
    at: datetime = moment()
