"""The invoice entries of monthly subscriptions: one for each month on whose first day they were active (DV-25)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time

from sqlalchemy import Connection, and_, exists, literal, or_, select

from store.config import Config
from store.database import Store
from store.marks import mark, marks, places, zone_names
from store.rules.calendar import moment_of, today
from store.rules.terms import later
from store.schema import Asset, AssetEvent, InvoiceEntry, Organization, insert_into
from store.tables.columns import Utc

_MOST_MONTHS = 12  # that are caught up after an outage


def invoice_due(config: Config, store: Store, now: datetime) -> Iterable[None]:
    """Writes the entries of the month, and of those that an outage has left out, a place at a time. Raises Temporary."""
    with store.read() as connection:
        done, everywhere = marks(connection), places(connection, config)
    for desk, zone in everywhere:
        name, first = f"invoices {desk} {zone}", today(now, zone).replace(day=1)
        before = done[name].day if name in done else first
        if name in done and before == first:
            continue
        with store.write() as connection:
            for month in _months(before, first):
                _write(connection, config, desk, zone, month, now)
            mark(connection, name, first, now)
        yield


def _months(done: date, first: date) -> Iterator[date]:
    month = later(first, 1 - _MOST_MONTHS, 1)
    while month <= first:
        if month > done or month == first:
            yield month
        month = later(month, 1, 1)


def _write(connection: Connection, config: Config, desk: str, zone: str, month: date, now: datetime) -> None:
    begin = moment_of(month, time(), zone)
    began = or_(AssetEvent.c.kind == "activated", and_(AssetEvent.c.kind == "loaded", AssetEvent.c.new == "active"))
    since = exists().where(AssetEvent.c.asset_id == Asset.c.id, began, AssetEvent.c.at > begin, AssetEvent.c.at <= now)
    monthly = (
        select(Asset.c.organization_id, Asset.c.id, literal(f"{month:%Y-%m}"), literal(now, Utc))
        .join(Organization, Organization.c.id == Asset.c.organization_id)
        .where(
            Organization.c.desk == desk, Organization.c.timezone.in_(zone_names(config, desk, zone)), Asset.c.plan == "monthly",
            or_(Asset.c.state == "active", and_(Asset.c.state == "deactivation_pending", Asset.c.effective >= month)),
            ~since,
        )
        .order_by(Asset.c.id)
    )  # fmt: skip
    made = insert_into(InvoiceEntry, connection.dialect.name)
    made = made.from_select(["organization_id", "asset_id", "month", "at"], monthly)
    connection.execute(made.on_conflict_do_nothing(index_elements=["asset_id", "month"]))
