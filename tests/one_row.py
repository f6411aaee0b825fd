"""The outbox by hand, one row at a time: what a worker does with many."""

from __future__ import annotations

from datetime import datetime

from store import outbox
from store.database import Store
from store.letters import Letter
from store.outbox import End


def claim(store: Store, id_: int, holder: str, now: datetime) -> Letter | None:
    """The letter of a row; None when it is not to be had."""
    return next(iter(outbox.claim(store, [id_], holder, now)), None)


def accept(store: Store, id_: int, holder: str, reply: str, now: datetime) -> bool:
    """The relay took it. False when the lease had gone to another worker."""
    return _end(store, holder, End(id_, "accepted", reply), now)


def defer(store: Store, id_: int, holder: str, reply: str, next_at: datetime, now: datetime) -> bool:
    """The relay said not now."""
    return _end(store, holder, End(id_, "deferred", reply, next_at), now)


def _end(store: Store, holder: str, end: End, now: datetime) -> bool:
    with store.write() as connection:
        return outbox.end(connection, holder, [end], now) == 1
