"""The life of a mail, from the journal to its ticket. Read `Filer.file_next` first; the rules are in `decide`.

    journal rows ─► study (child processes) ─► look up ─► decide ─► carry out ─► outcome    one transaction for many mails

One filer of the installation applies, by a lease; it takes mails in journal order and files them in that order, but
for one whose reading takes long: that steps aside. An error in a batch rolls it back and takes its mails one by one,
so that one mail never stops the others.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gateway.carrying import work_for
from gateway.case import Case, Work
from gateway.decide import Verdict, decide
from gateway.explaining import signals
from gateway.filter_troubles import note
from gateway.hand import Hand
from gateway.lookup import content_key, look_up
from gateway.parse import Parsed
from gateway.proof.believing import is_to_be_checked, proof_of
from gateway.studying import ReadersLost, Reading, Students, Studied
from store import crash, journal, outcomes
from store.apply import apply
from store.clock import Clock, Stop, now
from store.commands import Command
from store.config import Config
from store.database import Store
from store.errors import DiskFailed, Permanent, Temporary
from store.holder import Holder
from store.journal import JournalRow
from store.rules.desk import Files

BATCH = 50  # mails a transaction
POLL = 0.05  # seconds between looks into an empty journal
PAUSE = 1.0  # seconds to wait when nothing can be filed
PATIENCE = 3  # errors after which a mail is not studied again, but filed with its raw bytes alone
DEATHS = 5  # of filers with it in hand, after which the same is done; some may die of a power cut
_RENEW = timedelta(seconds=10)  # a lease this old is renewed
_log = logging.getLogger("postern.filer")


class Filer:
    """Files journalled mail; one per process."""

    def __init__(self, config: Config, store: Store, students: Students, clock: Clock = now) -> None:
        self._config = config
        self._store = store
        self._students = students
        self._clock = clock
        self._name = Holder(config, "filer")
        self._holder = self._name.value
        self._leads_since: datetime | None = None  # when the lease was renewed; None while it is not ours
        self._hand = Hand()
        self._position = 0  # the last row taken in hand
        self._settled: set[int] = set()  # rows behind the position that have their outcome
        self._begun: dict[int, int] = {}  # rows a filer died with in hand, with how often
        self._alone = False  # one of these comes next, or is in hand
        self._taken: set[int] = set()  # rows this process has counted as attempted and not yet filed
        self._faults: Counter[int] = Counter()  # our own errors with a row, in this process
        self._losses = 0  # times the readers were replaced since a mail was filed

    def run(self, stop: Stop) -> None:
        """Files until told to stop. Trouble with the database or the disk is waited for. Raises DiskFailed, ReadersLost."""
        while not stop.is_set():
            faults = self._faults.total()
            try:
                busy = self.file_next()
            except (DiskFailed, ReadersLost):
                raise  # and nothing more is written: the next filer finds what was in hand as what this one died with
            except (Temporary, OSError) as error:
                _log.warning("filing waits: %s", error)
                stop.wait(PAUSE)
            except Exception:
                _log.exception("filing waits")
                stop.wait(PAUSE)
            else:
                if not busy:
                    stop.wait(POLL)
                elif self._faults.total() > faults:
                    stop.wait(PAUSE)  # what failed for a passing reason may do better in a while
        self._let_go()
        with suppress(Temporary, OSError):
            outcomes.take_back_attempts(self._store, self._taken)
            outcomes.release_lease(self._store, self._holder)
        self._name.give_up()

    def file_next(self) -> int:
        """Files what can be filed; how many mails that were, or are still being read. Waits a moment for these at most.

        One at least while no child can read yet: a mail counted as attempted then would be suspected of each death meanwhile.
        Raises Temporary when the database or the disk cannot take them, DiskFailed and ReadersLost when only a new start
        can help.
        """
        try:
            if not self._leads():
                return 0
            if not self._students.ready:
                return 1
            self._take()
            ready = self._hand.ready(BATCH)
            if self._hand.stuck:
                self._replace_readers()
            elif ready:
                self._file_all(ready)
            else:
                self._hand.wait()
        except BaseException:
            self._let_go()
            raise
        return len(ready) or len(self._hand)

    def _replace_readers(self) -> None:
        """What was in hand is read by others. Raises ReadersLost when these read nothing either, again and again."""
        self._losses += 1
        if self._losses > PATIENCE:
            raise ReadersLost("the readers of mail come to no end")
        _log.warning("the readers of mail come to no end; there will be others")
        self._let_go()
        self._students.replace()

    def _leads(self) -> bool:
        """Whether this filer is the one that files; a new leader starts from what the database says."""
        at = self._clock()
        if self._leads_since is not None and abs(at - self._leads_since) < _RENEW:
            return True
        if not outcomes.hold_lease(self._store, self._holder, at):
            self._let_go()
            return False
        if self._leads_since is None:
            self._position, self._settled, attempted = outcomes.progress(self._store)
            self._begun = {id_: times for id_, times in attempted.items() if id_ not in self._taken}
            if self._begun:
                crash.point("F6")
        self._leads_since = at
        return True

    def _let_go(self) -> None:
        """Forgets all that is in hand: whoever leads next takes it up again."""
        self._hand.drop()
        self._leads_since = None

    def _take(self) -> None:
        """Counts an attempt for the next rows and has them read.

        A row that a filer died with is in hand alone, so that one mail that kills filers does not spoil its neighbours.
        """
        room = min(BATCH, self._hand.room)
        if room == 0 or (self._alone and len(self._hand)):
            return
        rows = journal.rows_after(self._store, self._position, room, self._settled)
        suspect = next((place for place, row in enumerate(rows) if row.id in self._begun), len(rows))
        self._alone = suspect == 0 and bool(rows)
        if self._alone and len(self._hand):
            return
        rows = rows[: max(1, suspect)]
        if not rows:  # all rows up to the last settled one are settled or in hand
            self._position = max({self._position} | self._settled)
            self._settled.clear()
            return
        outcomes.count_attempts(self._store, [row for row in rows if row.id not in self._taken], self._clock())
        self._taken.update(row.id for row in rows)
        crash.point("F1")
        self._hand.add(self._begin(row) for row in rows)
        self._position = rows[-1].id

    def _begin(self, row: JournalRow) -> Reading:
        desk = self._config.desks.get(row.desk)
        hopeless = self._begun.get(row.id, 0) >= DEATHS or self._faults[row.id] >= PATIENCE or row.missing
        check = is_to_be_checked(self._config.settings.auth, row)
        return self._students.begin(row, desk.files if desk else Files(), hopeless, check)

    def _file_all(self, ready: Sequence[Reading]) -> None:
        studied = [(reading.row, reading.result()) for reading in ready]
        crash.point("F2")
        try:
            self._file(studied)
        except Temporary:
            raise
        except Exception:
            _log.exception("a batch of %d mails is taken one by one", len(ready))
            alone = [self._file_alone(row, one) for row, one in studied]
            if not all(alone):
                self._let_go()  # to take up again what failed

    def _file(self, studied: Sequence[tuple[JournalRow, Studied]]) -> None:
        with self._store.write() as connection:
            for row, one in studied:
                self._file_one(connection, row, one, self._clock())
            outcomes.advance_cursor(connection)
            crash.point("F4")
        crash.point("F5")
        self._forget([row.id for row, _ in studied])

    def _file_alone(self, row: JournalRow, studied: Studied) -> bool:
        """One mail in a transaction of its own; after `PATIENCE` errors of ours its outcome is a dead letter."""
        try:
            self._file([(row, studied)])
        except Temporary:
            raise
        except Exception as error:
            _log.exception("journal row %d cannot be filed", row.id)
            self._faults[row.id] += 1
            if self._faults[row.id] <= PATIENCE:
                return False
            self._bury(row, studied, f"our own fault: {type(error).__name__}")
        return True

    def _bury(self, row: JournalRow, studied: Studied, reason: str) -> None:
        with self._store.write() as connection:
            self._settle(connection, row, studied.parsed, Verdict("dead", reason, rule="error"), [], None)
            outcomes.advance_cursor(connection)
        self._forget([row.id])

    def _forget(self, ids: Sequence[int]) -> None:
        """What is filed needs no keeping in mind."""
        self._losses = 0
        self._hand.remove(ids)
        self._taken.difference_update(ids)
        for id_ in ids:
            self._begun.pop(id_, None)

    def _file_one(self, connection: Connection, row: JournalRow, studied: Studied, at: datetime) -> None:
        parsed = studied.parsed
        if row.missing:
            lost = Verdict("dead", "its bytes are missing from the store", rule="error")
            return self._settle(connection, row, parsed, lost, [], None)
        if row.desk not in self._config.desks:
            gone = Verdict("held", f"there is no desk {row.desk!r} any more", rule="no_desk")
            return self._settle(connection, row, parsed, gone, [], None)
        proof = proof_of(self._config.settings.auth, row, parsed, studied.proof)
        note(connection, studied.said, at)
        facts = look_up(connection, self._config, row, parsed, at, proof, studied.said)
        verdict = decide(parsed, facts)
        work = work_for(Case(self._config, row, studied, facts, verdict))
        ticket = self._carry_out(connection, work, at)
        self._settle(connection, row, parsed, verdict, signals(parsed, facts), ticket)

    def _carry_out(self, connection: Connection, work: Work, at: datetime) -> int | None:
        """Does the work, or what is to be done instead when the store says that it cannot be; the ticket it was done to."""
        if work.otherwise is None:
            return self._apply(connection, work.commands, at)
        try:
            with connection.begin_nested():
                return self._apply(connection, work.commands, at)
        except Permanent as error:
            return self._apply(connection, work.otherwise(str(error)), at)

    def _apply(self, connection: Connection, commands: Sequence[Command], at: datetime) -> int | None:
        tickets = [apply(connection, self._config, command, at).ticket for command in commands]
        return tickets[0] if tickets else None

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
