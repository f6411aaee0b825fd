"""The tables as SQLAlchemy Core sees them, for every query: their columns are columns to a type checker as well."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sqlalchemy import Table

from store import tables


def _core(model: Any) -> Table:
    table: Table = model.__table__
    return table


Alert = _core(tables.Alert)
AlertLine = _core(tables.AlertLine)
Asset = _core(tables.Asset)
AssetEvent = _core(tables.AssetEvent)
AssetRequest = _core(tables.AssetRequest)
Attachment = _core(tables.Attachment)
Blob = _core(tables.Blob)
Blocked = _core(tables.Blocked)
BrokenTemplate = _core(tables.BrokenTemplate)
Cc = _core(tables.Cc)
Cited = _core(tables.Cited)
ClockMark = _core(tables.ClockMark)
Consulted = _core(tables.Consulted)
Cursor = _core(tables.Cursor)
Event = _core(tables.Event)
Folder = _core(tables.Folder)
Gathered = _core(tables.Gathered)
Grant = _core(tables.Grant)
Group = _core(tables.Group)
InvoiceEntry = _core(tables.InvoiceEntry)
Journal = _core(tables.Journal)
Lease = _core(tables.Lease)
LeftMail = _core(tables.LeftMail)
Link = _core(tables.Link)
Membership = _core(tables.Membership)
Message = _core(tables.Message)
Organization = _core(tables.Organization)
Outbox = _core(tables.Outbox)
Outcome = _core(tables.Outcome)
Parked = _core(tables.Parked)
Person = _core(tables.Person)
Preference = _core(tables.Preference)
Probe = _core(tables.Probe)
Received = _core(tables.Received)
Staff = _core(tables.Staff)
Ticket = _core(tables.Ticket)
TicketAlias = _core(tables.TicketAlias)
TicketAsset = _core(tables.TicketAsset)
TicketNumber = _core(tables.TicketNumber)
Undeliverable = _core(tables.Undeliverable)


def insert_into(table: Table, dialect: str) -> Any:
    """An INSERT that knows ON CONFLICT, as the database named writes it."""
    # Only that one is imported: a command waits for the other as long as for its own work.
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
