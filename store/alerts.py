"""The renewal alerts people were sent: as an answer to one names them, and that somebody else has answered one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from store import outbox, people
from store.config import Config
from store.rows import write_event
from store.schema import Alert, AlertLine, Asset, Event, Outbox
from store.telling import addressed, no_ticket


@dataclass(frozen=True, slots=True)
class AlertNamed:
    """An alert, whose it is, and its devices: each id with all that it is called, in lower case."""

    id: int
    person: int
    devices: tuple[tuple[int, frozenset[str]], ...]


def find(connection: Connection, desk: str, *, alert: int | None = None, event: int | None = None) -> AlertNamed | None:
    """The alert of a desk with this id, or whose mail told of this event; None when there is none."""
    which = Alert.c.id == alert if alert is not None else Alert.c.event_id == event
    row = connection.execute(select(Alert.c.id, Alert.c.person_id).where(which, Alert.c.desk == desk)).first()
    if row is None:
        return None
    query = (
        select(Asset.c.id, Asset.c.key, Asset.c.external_id, Asset.c.serial, Asset.c.name)
        .join(AlertLine, AlertLine.c.asset_id == Asset.c.id)
        .where(AlertLine.c.alert_id == row.id)
        .order_by(AlertLine.c.id)
    )
    devices = {id_: frozenset(name.lower() for name in names if name) for id_, *names in connection.execute(query)}
    return AlertNamed(row.id, row.person_id, tuple(devices.items()))


def tell_used(connection: Connection, config: Config, alert: int, user: str, now: datetime) -> None:
    """The person an alert was sent to hears once that somebody else, `user`, has written to an address of it."""
    row = connection.execute(select(Alert.c.person_id, Alert.c.desk).where(Alert.c.id == alert)).one()
    about, desk = f"alert {alert}", config.desks[row.desk]
    told = (
        select(Outbox.c.id)
        .join(Event, Event.c.id == Outbox.c.event_id)
        .where(Outbox.c.person_id == row.person_id, Event.c.kind == "address_used", Event.c.old == about)
    )
    person = people.facts(connection, [row.person_id])[0]
    if not person.active or connection.execute(told.limit(1)).first() is not None:
        return
    event = write_event(connection, None, "address_used", None, now, old=about, new=user)
    facts = no_ticket(desk, person, now, person.confirmed) | {
        "role": "admin", "change": "address_used", "about": user, "department": desk.main.department,
        "link": f"{config.base_url}/",
    }  # fmt: skip
    outbox.put(connection, [addressed(config, event, person, "address_used", facts, None, now)])
