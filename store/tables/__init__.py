"""Every table. The journal's two live in a file of their own on SQLite, all in one database on PostgreSQL.

Table models do not validate: what comes from outside passes through the frozen values of `commands` first.
"""

from sqlmodel import SQLModel

from store.tables.assets import Alert, AlertLine, Asset, AssetEvent, AssetRequest, InvoiceEntry, TicketAsset
from store.tables.broken_templates import BrokenTemplate
from store.tables.clockwork import ClockMark
from store.tables.columns import Id, Utc
from store.tables.filing import Blocked, Cited, Cursor, Lease, Outcome, Parked
from store.tables.folders import Folder, LeftMail
from store.tables.journal import Journal, Received
from store.tables.outbox import Outbox, Undeliverable
from store.tables.people import Grant, Group, Membership, Organization, Person, Staff
from store.tables.probes import Probe
from store.tables.telling import Gathered, Preference
from store.tables.tickets import (
    Attachment,
    Blob,
    Cc,
    Consulted,
    Event,
    Link,
    Message,
    Ticket,
    TicketAlias,
    TicketNumber,
)

__all__ = [
    "JOURNAL",
    "MAIN",
    "Alert",
    "AlertLine",
    "Asset",
    "AssetEvent",
    "AssetRequest",
    "Attachment",
    "Blob",
    "Blocked",
    "BrokenTemplate",
    "Cc",
    "Cited",
    "ClockMark",
    "Consulted",
    "Cursor",
    "Event",
    "Folder",
    "Gathered",
    "Grant",
    "Group",
    "Id",
    "InvoiceEntry",
    "Journal",
    "Lease",
    "LeftMail",
    "Link",
    "Membership",
    "Message",
    "Organization",
    "Outbox",
    "Outcome",
    "Parked",
    "Person",
    "Preference",
    "Probe",
    "Received",
    "Staff",
    "Ticket",
    "TicketAlias",
    "TicketAsset",
    "TicketNumber",
    "Undeliverable",
    "Utc",
]

JOURNAL = tuple(t for t in SQLModel.metadata.sorted_tables if t.info.get("ledger") == "journal")
MAIN = tuple(t for t in SQLModel.metadata.sorted_tables if t.info.get("ledger") != "journal")
