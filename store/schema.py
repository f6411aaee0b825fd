"""The tables as SQLAlchemy Core sees them, for every query: their columns are columns to a type checker as well.

Those of the journal are in `journal_schema`, so that a door need not load all the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sqlalchemy import Table
from sqlmodel import SQLModel

from store.tables import (
    assets,
    broken_templates,
    clockwork,
    filing,
    folders,
    outbox,
    people,
    probes,
    telling,
    tickets,
    troubles,
)
from store.tables.columns import core

Alert = core(assets.Alert)
AlertLine = core(assets.AlertLine)
Asset = core(assets.Asset)
AssetEvent = core(assets.AssetEvent)
AssetRequest = core(assets.AssetRequest)
Attachment = core(tickets.Attachment)
Blob = core(tickets.Blob)
Blocked = core(filing.Blocked)
BrokenTemplate = core(broken_templates.BrokenTemplate)
Cc = core(tickets.Cc)
Cited = core(filing.Cited)
ClockMark = core(clockwork.ClockMark)
Consulted = core(tickets.Consulted)
Cursor = core(filing.Cursor)
Event = core(tickets.Event)
Folder = core(folders.Folder)
Gathered = core(telling.Gathered)
Grant = core(people.Grant)
Group = core(people.Group)
InvoiceEntry = core(assets.InvoiceEntry)
Lease = core(filing.Lease)
LeftMail = core(folders.LeftMail)
Link = core(tickets.Link)
Membership = core(people.Membership)
Message = core(tickets.Message)
Organization = core(people.Organization)
Outbox = core(outbox.Outbox)
Outcome = core(filing.Outcome)
Parked = core(filing.Parked)
Person = core(people.Person)
Preference = core(telling.Preference)
Probe = core(probes.Probe)
Staff = core(people.Staff)
Ticket = core(tickets.Ticket)
TicketAlias = core(tickets.TicketAlias)
TicketAsset = core(assets.TicketAsset)
TicketNumber = core(tickets.TicketNumber)
Trouble = core(troubles.Trouble)
Undeliverable = core(outbox.Undeliverable)

MAIN = tuple(table for table in SQLModel.metadata.sorted_tables if table.info.get("ledger") != "journal")


def insert_into(table: Table, dialect: str) -> Any:
    """An INSERT that knows ON CONFLICT, as the database named writes it."""
    # Only that one is imported: a command waits for the other as long as for its own work.
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
