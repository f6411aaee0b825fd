"""Who does what only one process of the installation does at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, update

from store.database import Store
from store.schema import Lease, insert_into

_PAST = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def hold(store: Store, name: str, holder: str, now: datetime, life: timedelta) -> bool:
    """Takes or renews a lease; False while another holder has it. Raises Temporary."""
    with store.write() as connection:
        free = or_(Lease.c.holder == holder, Lease.c.until < now)
        values = {"holder": holder, "until": now + life}
        if connection.execute(update(Lease).where(Lease.c.name == name, free).values(**values)).rowcount:
            return True
        made = insert_into(Lease, connection.dialect.name).values(name=name, **values).on_conflict_do_nothing()
        return connection.execute(made.returning(Lease.c.name)).first() is not None


def release(store: Store, name: str, holder: str) -> None:
    """Gives a lease up, so that the next one starts at once. Raises Temporary."""
    with store.write() as connection:
        connection.execute(update(Lease).where(Lease.c.name == name, Lease.c.holder == holder).values(until=_PAST))
