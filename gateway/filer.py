"""The life of a mail, from the journal to its ticket. Read `Filer.file_next` first; the rules are in `decide`.

    journal rows ─► study (child processes) ─► look up ─► decide ─► carry out ─► outcome    one transaction for many mails

One filer of the installation applies, by a lease; it takes mails in journal order. An error in a batch rolls it
back and takes its mails one by one, so that one mail never stops the others.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from gateway.carrying import command_for
from gateway.decide import Verdict, decide
from gateway.explaining import signals
from gateway.lookup import content_key, look_up
from gateway.parse import Parsed
from gateway.studying import Students, Studied
from store import outcomes
from store.apply import apply
from store.clock import Clock, now
from store.config import Config
from store.database import Store
from store.errors import Temporary
from store.holder import Holder
from store.journal import JournalRow
from store.rules.desk import Files

BATCH = 50  # mails a transaction
POLL = 0.05  # seconds between looks into an empty journal
PAUSE = 1.0  # seconds to wait when nothing can be filed
PATIENCE = 3  # attempts after which a mail is not studied again, but filed with its raw bytes alone
_log = logging.getLogger("postern.filer")


class Stop(Protocol):
    """What tells a loop to end."""

    def is_set(self) -> bool: ...
    def wait(self, seconds: float, /) -> bool: ...


class Filer:
    """Files journalled mail; one per process."""

    def __init__(self, config: Config, store: Store, students: Students, clock: Clock = now) -> None:
        self._config = config
        self._store = store
        self._students = students
        self._clock = clock
        self._name = Holder(config, "filer")
        self._holder = self._name.value
        self._taken: set[int] = set()  # rows this process has counted as attempted and not yet filed
        self._faults: Counter[int] = Counter()  # our own errors with a row, in this process

    def run(self, stop: Stop) -> None:
        """Files until told to stop. Trouble with the database or the disk is waited for."""
        while not stop.is_set():
            faults = self._faults.total()
            try:
                filed = self.file_next()
            except (Temporary, OSError) as error:
                _log.warning("filing waits: %s", error)
                stop.wait(PAUSE)
            except Exception:
                _log.exception("filing waits")
                stop.wait(PAUSE)
            else:
                if not filed:
                    stop.wait(POLL)
                elif self._faults.total() > faults:
                    stop.wait(PAUSE)  # what failed for a passing reason may do better in a while
        with suppress(Temporary, OSError):
            outcomes.take_back_attempts(self._store, self._taken)
            outcomes.release_lease(self._store, self._holder)
        self._name.give_up()

    def file_next(self) -> int:
        """Files the next mails of the journal; how many. Raises Temporary when the database or disk cannot take them."""
        if outcomes.oldest_unfiled(self._store) is None:
            return 0
        if not outcomes.hold_lease(self._store, self._holder, self._clock()):
            return 0
        waiting = outcomes.unfiled(self._store, BATCH)
        if not waiting:  # the former holder of the lease was just done with them
            return 0
        rows, attempts = self._take(waiting)
        hopeless = frozenset(
            row.id
            for row in rows
            if attempts.get(row.id, 0) > PATIENCE or self._faults[row.id] >= PATIENCE or row.missing
        )
        rules = [desk.files if (desk := self._config.desks.get(row.desk)) else Files() for row in rows]
        studied = self._students.read(rows, rules, hopeless)
        try:
            self._file(rows, studied)
        except Temporary:
            raise
        except Exception:
            _log.exception("a batch of %d mails is taken one by one", len(rows))
            for row, one in zip(rows, studied, strict=True):
                self._file_alone(row, one)
        return len(rows)

    def _take(self, waiting: Sequence[JournalRow]) -> tuple[Sequence[JournalRow], dict[int, int]]:
        """The rows to file now, counted as attempted, with their counts.

        A count above one says that a filer died with the row in hand. Such a row is taken alone, so that one mail that
        kills filers does not spoil its neighbours.
        """
        begun = {id_ for id_ in outcomes.attempted(self._store, waiting) if id_ not in self._taken}
        first = next((place for place, row in enumerate(waiting) if row.id in begun), len(waiting))
        rows = waiting[: max(1, first)]
        attempts = outcomes.count_attempts(
            self._store, [row for row in rows if row.id not in self._taken], self._clock()
        )
        self._taken.update(row.id for row in rows)
        return rows, attempts

    def _file(self, rows: Sequence[JournalRow], studied: Sequence[Studied]) -> None:
        with self._store.write() as connection:
            for row, one in zip(rows, studied, strict=True):
                self._file_one(connection, row, one, self._clock())
            outcomes.advance_cursor(connection, rows)
        self._taken.difference_update(row.id for row in rows)

    def _file_alone(self, row: JournalRow, studied: Studied) -> None:
        """One mail in a transaction of its own; after `PATIENCE` errors of ours its outcome is a dead letter."""
        try:
            self._file([row], [studied])
        except Temporary:
            raise
        except Exception as error:
            _log.exception("journal row %d cannot be filed", row.id)
            self._faults[row.id] += 1
            if self._faults[row.id] > PATIENCE:
                self._bury(row, studied, f"our own fault: {type(error).__name__}")

    def _bury(self, row: JournalRow, studied: Studied, reason: str) -> None:
        with self._store.write() as connection:
            self._settle(connection, row, studied.parsed, Verdict("dead", reason, rule="error"), [], None)
            outcomes.advance_cursor(connection, [row])
        self._taken.discard(row.id)

    def _file_one(self, connection: Connection, row: JournalRow, studied: Studied, at: datetime) -> None:
        parsed = studied.parsed
        if row.missing:
            lost = Verdict("dead", "its bytes are missing from the store", rule="error")
            return self._settle(connection, row, parsed, lost, [], None)
        if row.desk not in self._config.desks:
            gone = Verdict("held", f"there is no desk {row.desk!r} any more", rule="no_desk")
            return self._settle(connection, row, parsed, gone, [], None)
        facts = look_up(connection, self._config, row, parsed, at)
        verdict = decide(parsed, facts)
        command = command_for(self._config, row, studied, facts, verdict)
        applied = apply(connection, self._config, command, at) if command else None
        ticket = applied.ticket if applied else None
        self._settle(connection, row, parsed, verdict, signals(parsed, facts), ticket)

    def _settle(
        self,
        connection: Connection,
        row: JournalRow,
        parsed: Parsed,
        verdict: Verdict,
        told: list[dict[str, object]],
        ticket: int | None,
    ) -> None:
        key = content_key(parsed, row)
        outcomes.settle(connection, row, verdict, parsed.message_id, key, told, ticket, self._clock())
