"""A devices desk with a fleet, a clock that is told the time, and what it wrote, read back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from store import clock
from store.schema import Alert, AlertLine, Asset, AssetEvent, InvoiceEntry, Outbox, Person
from tests.harness import Gateway
from workers.clock import JOBS, tick

_JOBS = [job for job in JOBS if "blob" not in job.name]  # looks at 256 folders


def at(text: str) -> datetime:
    """A moment: a day at nine in the morning where no hour is named, in UTC where no zone is."""
    moment = datetime.fromisoformat(text if "T" in text else f"{text}T09:00")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class House:
    """What the tests drive."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.config, self.store = gateway.config, gateway.store

    def tick(self, text: str | datetime) -> None:
        tick(self.config, self.store, text if isinstance(text, datetime) else at(text), _JOBS)

    def days(self, first: str, last: str) -> Iterator[date]:
        """Ticks at nine on each of these days, and gives the day."""
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last):
            self.tick(f"{day}T09:00")
            yield day
            day += timedelta(days=1)

    def asset(self, key: str) -> Any:
        with self.store.read() as connection:
            return connection.execute(select(*Asset.c).where(Asset.c.key == key)).one()

    def change(self, key: str, **values: Any) -> None:
        with self.store.write() as connection:
            connection.execute(Asset.update().where(Asset.c.key == key).values(**values))

    def history(self, key: str) -> list[tuple[str, str | None, str | None]]:
        """What happened to an asset, but for its coming in by load."""
        query = (
            select(AssetEvent.c.kind, AssetEvent.c.old, AssetEvent.c.new)
            .join(Asset, Asset.c.id == AssetEvent.c.asset_id)
            .where(Asset.c.key == key, AssetEvent.c.kind != "loaded")
            .order_by(AssetEvent.c.id)
        )
        with self.store.read() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def mails(self, template: str = "renewal_alert") -> list[tuple[str, str, tuple[str, ...]]]:
        """Who was told what and when: address, day of the mail, keys of the devices in it."""
        query = select(Outbox.c.recipient, Outbox.c.created, Outbox.c.facts).where(Outbox.c.template == template)
        with self.store.read() as connection:
            rows = connection.execute(query.order_by(Outbox.c.created, Outbox.c.recipient)).all()
        return [
            (row.recipient, f"{row.created:%Y-%m-%d}", tuple(device["key"] for device in row.facts["devices"]))
            for row in rows
        ]

    def told(self, who: str, template: str = "renewal_alert") -> list[str]:
        """The days on which somebody was told."""
        return [day for recipient, day, _keys in self.mails(template) if recipient == who]

    def steps(self) -> list[tuple[str, str, str, int]]:
        """Everything that was told: address, asset, due date, step."""
        query = (
            select(Person.c.email, Asset.c.key, AlertLine.c.due, AlertLine.c.step)
            .join(Alert, Alert.c.id == AlertLine.c.alert_id)
            .join(Person, Person.c.id == AlertLine.c.person_id)
            .join(Asset, Asset.c.id == AlertLine.c.asset_id)
        )
        with self.store.read() as connection:
            return sorted((row[0], row[1], row[2].isoformat(), row[3]) for row in connection.execute(query))

    def invoices(self) -> list[tuple[str, str]]:
        query = select(Asset.c.key, InvoiceEntry.c.month).join(Asset, Asset.c.id == InvoiceEntry.c.asset_id)
        with self.store.read() as connection:
            return sorted((row[0], row[1]) for row in connection.execute(query))

    def leave(self) -> list[tuple[str, str]]:
        """Has a worker claim all that is due; (address, why) of what it did not get."""
        from store import outbox, pending

        now = clock.now()
        outbox.claim(self.store, pending.due(self.store, now, 1000), "worker", now)
        query = select(Outbox.c.recipient, Outbox.c.reply).where(Outbox.c.state == "suppressed")
        with self.store.read() as connection:
            return [tuple(row) for row in connection.execute(query.order_by(Outbox.c.id))]
