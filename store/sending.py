"""What the ends of attempts bring with them: the row's state, and for a mail that is not sent what people hear of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from store import crash, outbox, undelivered
from store.config import Config
from store.database import Store
from store.outbox import End
from store.rules.delivery import is_hard
from store.schema import Outbox

_GOOD = ("accepted", "deferred")


def settle(store: Store, config: Config, holder: str, ends: Sequence[End], now: datetime) -> int:
    """Writes down how attempts ended, in one transaction; of how many the lease had not gone to another worker."""
    with store.write() as connection:
        kept = outbox.end(connection, holder, [end for end in ends if end.state in _GOOD], now)
        for bad in (end for end in ends if end.state not in _GOOD):
            if outbox.end(connection, holder, [bad], now):
                kept += 1
                row = connection.execute(select(*Outbox.c).where(Outbox.c.id == bad.id)).one()
                if bad.state == "failed" and is_hard(bad.reply):
                    undelivered.count(connection, config, row.recipient, bad.reply, now)
                undelivered.tell(connection, config, row, bad.reply, now)
        for _ in ends:
            crash.point("O8")
    return kept
