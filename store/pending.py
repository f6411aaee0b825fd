"""What of the outbox waits to be sent, read only; see `outbox` for its states."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from store.database import Store
from store.schema import Outbox
from store.tables.columns import Utc

WAITING = ("due", "deferred")
_OPEN = (*WAITING, "claimed")
_EARLIER = Outbox.alias("earlier")
# A row of the same ticket and recipient that is not settled and was promised before.
BEHIND = (
    select(_EARLIER.c.id)
    .where(
        _EARLIER.c.ticket_id == Outbox.c.ticket_id,
        _EARLIER.c.person_id == Outbox.c.person_id,
        _EARLIER.c.id < Outbox.c.id,
        _EARLIER.c.state.in_(_OPEN),
    )
    .exists()
)
_DUE = (  # one state at a time, in the order of `outbox_due`, which is read no further than the limit
    select(Outbox.c.id, Outbox.c.next_at)
    .where(Outbox.c.state == bindparam("is"), Outbox.c.next_at <= bindparam("at", type_=Utc), ~BEHIND)
    .order_by(Outbox.c.next_at, Outbox.c.id)
    .limit(bindparam("most"))
)
_UNFINISHED = select(Outbox.c.id).where(
    Outbox.c.id.in_(bindparam("ids", expanding=True)), Outbox.c.attempts > 0, Outbox.c.reply == "", Outbox.c.state.in_(WAITING)
)  # fmt: skip
_FORMER = (
    select(Outbox.c.header_id, Outbox.c.facts["tag"].as_string().label("tag"))
    .where(Outbox.c.ticket_id.in_(bindparam("tickets", expanding=True)), Outbox.c.person_id == bindparam("person"))
    .order_by(Outbox.c.id.desc())
    .limit(10)
)


def due(store: Store, now: datetime, limit: int) -> list[int]:
    """Ids that may be sent now, those first that have been due for longest; however many there are, few are read."""
    with store.read() as connection:
        found = [row for state in WAITING for row in connection.execute(_DUE, {"is": state, "at": now, "most": limit})]
    return [row.id for row in sorted(found, key=lambda row: (row.next_at, row.id))[:limit]]


def unfinished(store: Store, ids: Collection[int]) -> set[int]:
    """Those that wait after an attempt that came to no end: their worker died, and perhaps of one of them (threats 82).

    What is claimed is none of them: somebody may have begun it since `due` was asked.
    """
    with store.read() as connection:
        return set(connection.execute(_UNFINISHED, {"ids": ids}).scalars())


def next_due(store: Store) -> datetime | None:
    """When the next row that waits for no other may be sent; None when there is none."""
    with store.read() as connection:
        first = select(func.min(Outbox.c.next_at)).where(Outbox.c.state.in_(WAITING), ~BEHIND)
        at: datetime | None = connection.execute(first).scalar()
    return at


def busy(store: Store, until: datetime) -> int:
    """Rows that are claimed, or waiting for no other and due before `until`."""
    with store.read() as connection:
        waiting = Outbox.c.state.in_(WAITING) & (Outbox.c.next_at <= until) & ~BEHIND
        query = select(func.count()).select_from(Outbox).where((Outbox.c.state == "claimed") | waiting)
        return int(connection.execute(query).scalar_one())


def former(connection: Connection, tickets: Collection[int], person_id: int) -> Sequence[Any]:
    """Message-ID (`header_id`) and `tag` of the last ten mails to this person on these tickets, oldest first."""
    return connection.execute(_FORMER, {"tickets": tickets, "person": person_id}).all()[::-1]
