"""Every table. The journal's two live in a file of their own on SQLite, all in one database on PostgreSQL.

Table models do not validate: what comes from outside passes through the frozen values of `commands` first.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, Index, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER PRIMARY KEY


class Utc(TypeDecorator[datetime]):
    """An aware datetime in UTC; SQLite keeps it without zone, PostgreSQL as timestamptz."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone would be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _id() -> Any:
    return Field(default=None, sa_column=Column(Id, primary_key=True, autoincrement=True))


def _ref(table: str, null: bool = False, index: bool = True) -> Any:
    return Field(default=None if null else ..., sa_type=Id, foreign_key=f"{table}.id", nullable=null, index=index)


def _time(null: bool = False) -> Any:
    return Field(default=None if null else ..., sa_type=Utc, nullable=null)


def _json(default: Any = list) -> Any:
    return Field(default_factory=default, sa_type=JSON, nullable=False)


def _text(default: str | None = "") -> Any:
    return Field(default=default, sa_type=Text, nullable=default is None)


# --- the journal: written by the doors only -------------------------------------------------------------------------


class Received(SQLModel, table=True):
    """A message as a door accepted it, with its envelope; `raw` or, above the blob limit, `blob` holds the bytes."""

    __tablename__ = "received"
    __table_args__ = {"info": {"ledger": "journal"}, "sqlite_autoincrement": True}
    id: int | None = _id()
    door: str
    at: datetime = _time()
    sender: str = _text()
    recipients: list[str] = _json()
    size: int
    sha256: str = Field(index=True)
    raw: bytes | None = Field(default=None, sa_type=LargeBinary, nullable=True)
    blob: str | None = None
    peer: str = _text()
    helo: str = _text()


class Journal(SQLModel, table=True):
    """One row per message and desk addressed; ids become visible in order, so a reader may remember how far it got."""

    __tablename__ = "journal"
    __table_args__ = {"info": {"ledger": "journal"}, "sqlite_autoincrement": True}
    id: int | None = _id()
    received_id: int = _ref("received")
    desk: str
    recipients: list[str] = _json()


# --- the main file ---------------------------------------------------------------------------------------------------


class Outcome(SQLModel, table=True):
    """What became of a journal row; `outcome` stays empty while it is only being attempted."""

    __tablename__ = "outcome"
    __table_args__ = (Index("outcome_content", "desk", "content_hash"),)
    journal_id: int = Field(sa_column=Column(Id, primary_key=True, autoincrement=False))
    desk: str = ""
    attempts: int = 0
    outcome: str | None = None
    rule: str = ""
    reason: str = _text()
    ticket_id: int | None = _ref("ticket", null=True)
    message_id: str | None = Field(default=None, index=True)
    content_hash: str | None = None
    signals: list[dict[str, Any]] = _json()
    at: datetime = _time()


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
    until: datetime = _time()


class Organization(SQLModel, table=True):
    __tablename__ = "organization"
    id: int | None = _id()
    key: str = Field(unique=True)
    desk: str = Field(index=True)
    name: str = _text()
    domains: list[str] = _json()
    level: str = ""
    timezone: str = ""
    language: str = ""


class Person(SQLModel, table=True):
    """Anybody with an address. `vouched`: by `load` or staff; `confirmed`: that, or proved to read mail sent to it.

    `same_as`: a further address of the person named, who is meant wherever it turns up.
    """

    __tablename__ = "person"
    id: int | None = _id()
    email: str = Field(unique=True)
    name: str = _text()
    status: str = "active"
    confirmed: bool = False
    vouched: bool = False
    password: str | None = None
    language: str = ""
    timezone: str = ""
    same_as: int | None = _ref("person", null=True)
    created: datetime = _time()


class Membership(SQLModel, table=True):
    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("person_id", "organization_id"),)
    id: int | None = _id()
    person_id: int = _ref("person")
    organization_id: int = _ref("organization")
    role: str = "member"


class Staff(SQLModel, table=True):
    """A person who works at a desk; no departments listed means all of them."""

    __tablename__ = "staff"
    __table_args__ = (UniqueConstraint("person_id", "desk"),)
    id: int | None = _id()
    person_id: int = _ref("person")
    desk: str = Field(index=True)
    role: str = "agent"
    departments: list[str] = _json()


class Group(SQLModel, table=True):
    __tablename__ = "groups"
    id: int | None = _id()
    key: str = Field(unique=True)
    organization_id: int = _ref("organization")
    parent_id: int | None = _ref("groups", null=True)
    name: str = _text()
    reference: str = _text()
    enabled: bool = True


class Grant(SQLModel, table=True):
    __tablename__ = "grants"
    __table_args__ = (UniqueConstraint("person_id", "group_id"),)
    id: int | None = _id()
    person_id: int = _ref("person")
    group_id: int = _ref("groups")
    right: str


class TicketNumber(SQLModel, table=True):
    """The next free number of a desk; taken inside the transaction that opens the ticket (HO-08)."""

    __tablename__ = "ticket_number"
    desk: str = Field(primary_key=True)
    next: int


class Ticket(SQLModel, table=True):
    __tablename__ = "ticket"
    __table_args__ = (
        UniqueConstraint("desk", "number"), Index("ticket_recent", "desk", "updated"),
        Index("ticket_open", "desk", sqlite_where=text("state != 'closed'"), postgresql_where=text("state != 'closed'")),
    )  # fmt: skip
    id: int | None = _id()
    desk: str
    number: int
    subject: str = _text()
    requester_id: int = _ref("person")
    organization_id: int | None = _ref("organization", null=True)
    assignee_id: int | None = _ref("person", null=True)
    department: str = ""
    priority: str = "medium"
    origin: str = _text()
    state: str = "new"
    last_reply_by: str = "none"
    taken: bool = False
    flags: list[str] = _json()
    fields: dict[str, str] = _json(dict)
    merged_into: int | None = _ref("ticket", null=True)
    closed_at: datetime | None = _time(null=True)
    created: datetime = _time()
    updated: datetime = _time()


class Link(SQLModel, table=True):
    """One ticket points at another, for staff only."""

    __tablename__ = "link"
    id: int | None = _id()
    ticket_id: int = _ref("ticket")
    other_id: int = _ref("ticket")
    kind: str


class Cited(SQLModel, table=True):
    """A Message-ID that a mail of a ticket answers and nobody here has seen: what colleagues have in common (design 3)."""

    __tablename__ = "cited"
    __table_args__ = (UniqueConstraint("desk", "message_id", "ticket_id"),)
    id: int | None = _id()
    desk: str
    message_id: str
    ticket_id: int = _ref("ticket")


class Consulted(SQLModel, table=True):
    """Somebody outside whom support asked about a ticket; their answers are notes, and they see nothing else of it."""

    __tablename__ = "consulted"
    __table_args__ = (UniqueConstraint("ticket_id", "person_id"),)
    id: int | None = _id()
    ticket_id: int = _ref("ticket", index=False)
    person_id: int = _ref("person")
    asked_by: int | None = _ref("person", null=True, index=False)
    at: datetime = _time()


class Parked(SQLModel, table=True):
    """What a mail asked for without proof of who sent it; it waits for that person's word (threats 40)."""

    __tablename__ = "parked"
    id: int | None = _id()
    desk: str
    ticket_id: int = _ref("ticket")
    person_id: int = _ref("person")
    journal_id: int | None = Field(default=None, sa_type=Id, index=True)
    message_id: int | None = _ref("message", null=True, index=False)
    asked: list[dict[str, Any]] = _json()
    at: datetime = _time()
    done_at: datetime | None = _time(null=True)


class Blocked(SQLModel, table=True):
    """An address, or a domain written as @example.com, whose mail a desk keeps without a word to anybody."""

    __tablename__ = "blocked"
    __table_args__ = (UniqueConstraint("desk", "pattern"),)
    id: int | None = _id()
    desk: str
    pattern: str
    blocked_by: int | None = _ref("person", null=True, index=False)
    at: datetime = _time()


class Cc(SQLModel, table=True):
    __tablename__ = "cc"
    __table_args__ = (UniqueConstraint("ticket_id", "person_id"),)
    id: int | None = _id()
    ticket_id: int = _ref("ticket")
    person_id: int = _ref("person")
    added_by: int | None = _ref("person", null=True, index=False)
    via: str = "mail"
    at: datetime = _time()


class Message(SQLModel, table=True):
    """A message of a ticket; its words never change, a split or merge may give it another ticket.

    `auto` marks automatic mail kept as a trace. `dmarc` is what was found of its sender's domain (RFC 7489), if anything.
    """

    __tablename__ = "message"
    id: int | None = _id()
    ticket_id: int = _ref("ticket")
    journal_id: int | None = Field(default=None, sa_type=Id, index=True)
    side: str
    note: bool = False
    auto: str | None = None
    author_id: int | None = _ref("person", null=True, index=False)
    from_address: str = _text()
    from_name: str = _text()
    text: str = _text()
    hidden: str = _text()
    html: str | None = _text(None)
    channel: str = "mail"
    message_id: str | None = Field(default=None, index=True)
    dmarc: str | None = None
    at: datetime = _time()


class Attachment(SQLModel, table=True):
    __tablename__ = "attachment"
    id: int | None = _id()
    message_id: int = _ref("message")
    filename: str = _text()
    content_type: str = _text()
    size: int = Field(sa_type=BigInteger)
    sha256: str
    inline: bool = False
    content_id: str | None = _text(None)
    verdict: str
    reason: str | None = _text(None)


class Event(SQLModel, table=True):
    """What happened to a ticket, by whom; mails of the outbox tell of one event each.

    `before` is what the event replaced, for as long as it can be undone.
    """

    __tablename__ = "event"
    id: int | None = _id()
    ticket_id: int | None = _ref("ticket", null=True)
    message_id: int | None = _ref("message", null=True, index=False)
    kind: str
    actor_id: int | None = _ref("person", null=True, index=False)
    old: str | None = _text(None)
    new: str | None = _text(None)
    before: dict[str, Any] | None = Field(default=None, sa_type=JSON, nullable=True)
    at: datetime = _time()


class Outbox(SQLModel, table=True):
    """One mail to one person about one event; `facts` freezes what it is made from (design 5).

    Of automatic answers alone (threats 38): `correspondent` is the address they go to without its + part, `stranger_of`
    the desk when nobody has vouched for it, `gist` what the answered mail says.
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
    id: int | None = _id()
    event_id: int = _ref("event", index=False)
    ticket_id: int | None = _ref("ticket", null=True, index=False)
    message_id: int | None = _ref("message", null=True, index=False)
    person_id: int = _ref("person", index=False)
    recipient: str
    template: str
    state: str = "due"
    attempts: int = 0
    next_at: datetime = _time()
    lease_until: datetime | None = _time(null=True)
    claimed_by: str = ""
    header_id: str = Field(unique=True, description="the Message-ID of every copy of this mail, without <>")
    reply: str = _text()
    facts: dict[str, Any] = _json(dict)
    correspondent: str | None = None
    gist: str | None = None
    stranger_of: str | None = None
    created: datetime = _time()


class Blob(SQLModel, table=True):
    """A file's bytes by their SHA-256; the bytes themselves are in the blob store."""

    __tablename__ = "blob"
    sha256: str = Field(primary_key=True)
    size: int = Field(sa_type=BigInteger)
    at: datetime = _time()


JOURNAL = tuple(t for t in SQLModel.metadata.sorted_tables if t.info.get("ledger") == "journal")
MAIN = tuple(t for t in SQLModel.metadata.sorted_tables if t.info.get("ledger") != "journal")
