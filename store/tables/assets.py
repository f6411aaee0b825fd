"""What customers subscribe to: devices, machines and services, what is asked about them, and who was warned of what."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import Id, moment, reference, row_id, words
from store.tables.columns import day as calendar_day


class Asset(SQLModel, table=True):
    """A device, machine or service; `state` as in `store/rules/assets.py`.

    `anchor_day`: the day of the month on which its terms begin, so that 31 January, 28 February and 31 March are one
    row. `confirmed_for`: the renewal date somebody has confirmed. `missed`: the renewal date that passed without a
    word, until somebody acknowledges it (A-31). `effective`: the last active day while deactivation is pending (DV-19).
    """

    __tablename__ = "asset"
    __table_args__ = (Index("asset_due", "state", "renewal_date"), Index("asset_ending", "state", "effective"))
    id: int | None = row_id()
    key: str = Field(unique=True)
    organization_id: int = reference("organization")
    group_id: int | None = reference("groups", null=True)
    kind: str = "device"
    name: str = words()
    model: str = words()
    serial: str = words()
    external_id: str = Field(default="", index=True)
    state: str = "inactive"
    plan: str = ""
    renewal_date: date | None = calendar_day(null=True)
    contract_end: date | None = calendar_day(null=True)
    anchor_day: int | None = None
    confirmed_for: date | None = calendar_day(null=True)
    confirmed_by: int | None = reference("person", null=True, index=False)
    confirmed_at: datetime | None = moment(null=True)
    missed: date | None = calendar_day(null=True)
    effective: date | None = calendar_day(null=True)
    created: datetime = moment()
    updated: datetime = moment()


class AssetRequest(SQLModel, table=True):
    """What somebody asked for about an asset; a ticket may hold the requests of one mail about several."""

    __tablename__ = "asset_request"
    id: int | None = row_id()
    asset_id: int = reference("asset")
    kind: str
    ticket_id: int | None = reference("ticket", null=True)
    by_id: int | None = reference("person", null=True, index=False)
    at: datetime = moment()
    state: str = "open"


class AssetEvent(SQLModel, table=True):
    """What happened to an asset; nobody in `actor_id` is the clock or whoever loads files."""

    __tablename__ = "asset_event"
    id: int | None = row_id()
    asset_id: int = reference("asset")
    kind: str
    actor_id: int | None = reference("person", null=True, index=False)
    at: datetime = moment()
    old: str | None = words(None)
    new: str | None = words(None)


class TicketAsset(SQLModel, table=True):
    """The assets that a ticket is about when there are several; when there is one, `ticket.asset_id` names it."""

    __tablename__ = "ticket_asset"
    __table_args__ = (UniqueConstraint("ticket_id", "asset_id"),)
    id: int | None = row_id()
    ticket_id: int = reference("ticket", index=False)
    asset_id: int = reference("asset")


class Alert(SQLModel, table=True):
    """The one mail of a day in which a desk warns a person of renewals (A-21); `event_id`: the event its outbox row tells of."""

    __tablename__ = "alert"
    __table_args__ = (UniqueConstraint("person_id", "desk", "day"),)
    id: int | None = row_id()
    event_id: int = reference("event")
    person_id: int = reference("person", index=False)
    desk: str
    day: date = calendar_day()
    at: datetime = moment()


class AlertLine(SQLModel, table=True):
    """One asset in an alert: due on that day, warned of `step` days before; each person is warned of a step once."""

    __tablename__ = "alert_line"
    __table_args__ = (UniqueConstraint("person_id", "asset_id", "due", "step"),)
    id: int | None = row_id()
    alert_id: int = reference("alert")
    person_id: int = reference("person", index=False)
    asset_id: int = reference("asset")
    due: date = calendar_day()
    step: int


class InvoiceEntry(SQLModel, table=True):
    """That a monthly asset is invoiced for a month, written as 2026-03 (DV-25)."""

    __tablename__ = "invoice_entry"
    __table_args__ = (UniqueConstraint("asset_id", "month"),)
    id: int | None = row_id()
    organization_id: int = reference("organization")
    asset_id: int = Field(sa_type=Id, foreign_key="asset.id", nullable=False)
    month: str
    at: datetime = moment()
