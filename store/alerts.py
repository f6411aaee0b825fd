"""The renewal alerts people were sent, as an answer to one names them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from store.schema import Alert, AlertLine, Asset


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
