"""Trouble with the servers we use, the relay and the filters, kept where whoever looks after the gateway looks (threats 96).

The part that needs such a server writes it down and takes it back: nobody is asked for the sake of being asked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from store.schema import Trouble, insert_into

_PATIENCE = timedelta(minutes=5)  # within which a server may have been started again
_AGAIN = 60.0  # seconds after which the same is written once more: another process may have said otherwise


@dataclass(frozen=True, slots=True)
class State:
    """What is wrong with a server, in a sentence with what to do, and since when."""

    why: str
    since: datetime

    def lasts(self, now: datetime) -> bool:
        """Whether it is more than a server that starts again."""
        return now - self.since >= _PATIENCE


def states(connection: Connection) -> dict[str, State]:
    """The servers that did not work when they were last needed."""
    rows = connection.execute(select(Trouble.c.peer, Trouble.c.why, Trouble.c.since)).all()
    return {row.peer: State(row.why, row.since) for row in rows}


class Memory:
    """What this process last wrote of a server, so that it writes what is new and not each mail's experience."""

    def __init__(self, peer: str) -> None:
        self._peer = peer
        self._said: tuple[str | None, float] | None = None

    def is_news(self, why: str | None) -> bool:
        """Whether `note` would write; None is no trouble."""
        return self._said is None or self._said[0] != why or time.monotonic() - self._said[1] >= _AGAIN

    def note(self, connection: Connection, why: str | None, now: datetime) -> State | None:
        """Writes down what is wrong, since when it first was, or that nothing is; the trouble that is over thereby."""
        if not self.is_news(why):
            return None
        over = None
        if why is None:
            gone = delete(Trouble).where(Trouble.c.peer == self._peer).returning(Trouble.c.why, Trouble.c.since)
            over = next((State(*row) for row in connection.execute(gone)), None)
        else:
            made = insert_into(Trouble, connection.dialect.name).values(peer=self._peer, why=why, since=now)
            connection.execute(made.on_conflict_do_update(index_elements=["peer"], set_={"why": why}))
        self._said = (why, time.monotonic())
        return over
