"""Outbox rows to the relay: claim, compose, send, settle. The actor takes ids of rows and nothing else."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence

import structlog

from store import broken_templates, clock, crash, outbox, troubles
from store.config import Config
from store.database import Store
from store.errors import DiskFailed, NotFound, Permanent, Temporary
from store.letters import Letter
from store.outbox import End
from store.rules.desk import Desk
from workers.compose import MOST_ATTACHED, Mail, compose
from workers.relay import Relay
from workers.relay_words import UNREACHABLE
from workers.retry import UNFINISHED, Defect, NoSession, TooLarge, Unreachable, pause
from workers.settling import Settlement

_log = structlog.get_logger("worker")
_LETTER = 64 * 1024  # bytes of a mail, at most in general, that are no files; these take 25 for 18 in base64


class Delivery:
    """What the threads of one worker share: the rows they have in hand, and all they need to send them.

    A thread claims several rows at once; what it does not come to, because one of them takes long, another thread sends.
    As many as there are `connections` make and send a mail at a time, while others write down how theirs ended.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        relay: Relay,
        holder: str,
        now: clock.Clock = clock.now,
        chance: random.Random | None = None,
        connections: int = 1,
    ) -> None:
        self._config, self._store, self._relay, self._holder = config, store, relay, holder
        self._now, self._chance = now, chance or random.Random()
        self._settlement = Settlement(config, store, holder, now)
        self._trouble = troubles.Memory("relay")
        self._lock = threading.Lock()
        self._sending = threading.BoundedSemaphore(connections)
        self._in_hand: set[int] = set()
        self._claimed: deque[Letter] = deque()
        self._stopped = False
        self._rested = time.monotonic()
        self.after: Callable[[int], object] = lambda _id: None  # told of each row that is out of hand again
        self.failed: DiskFailed | None = None  # from then on no row is taken (threats 88)

    @property
    def in_hand(self) -> frozenset[int]:
        """The rows claimed at this moment, whose leases need the heartbeat."""
        with self._lock:
            return frozenset(self._in_hand)

    @property
    def waiting(self) -> bool:
        """Whether rows are claimed that no thread has come to yet."""
        return bool(self._claimed)

    def idle(self) -> float:
        """Seconds since anything was in hand; 0 while something is."""
        with self._lock:
            return 0.0 if self._in_hand else time.monotonic() - self._rested

    def stop(self) -> None:
        """Begins nothing more: what is claimed and not begun is due again. Raises Temporary (the database)."""
        self._stopped = True
        letters = []
        while (letter := self._next()) is not None:
            letters.append(letter.id)
        try:
            with self._settlement.turn:
                outbox.hand_back(self._store, letters, self._holder)
        finally:
            self._let_go(letters)

    def deliver(self, ids: Sequence[int]) -> None:
        """The actor. Whatever happens ends in the rows, or in the end of their leases."""
        try:
            self._claim(self._take(ids))
            while self._deliver_next():
                pass
        except DiskFailed as error:
            self.failed = error

    @property
    def _halted(self) -> bool:
        return self._stopped or self.failed is not None

    def _next(self) -> Letter | None:
        try:
            return self._claimed.popleft()
        except IndexError:
            return None

    def _deliver_next(self) -> bool:
        """One row, from its mail to the end that is written down; False when there is none, or none may be begun."""
        letter = None
        try:
            with self._sending:
                letter = None if self._halted else self._next()
                if letter is None:
                    return False
                crash.point("O4")
                end, trouble = self._attempt(letter)
            self._settlement.write(letter, end)
            if end.state == "accepted":
                crash.point("O9")
                self._note(None)
            elif trouble:
                self._note(trouble)
            return True
        finally:
            if letter is not None:
                self._let_go([letter.id])

    def _attempt(self, letter: Letter) -> tuple[End, str]:
        """How it ended, and what is wrong with the relay. Raises DiskFailed."""
        if letter.barred:
            return End(letter.id, "suppressed", f"the address is suppressed: {letter.barred}"), ""
        try:
            reply = self._send(letter)
        except DiskFailed:
            raise
        except Permanent as error:
            return End(letter.id, "failed", str(error)), ""
        except Temporary as error:
            crash.point("O10")
            return self._later(letter, error), _trouble(error)
        crash.point("O7")
        return End(letter.id, "accepted", reply), ""

    def _take(self, ids: Sequence[int]) -> list[int]:
        """Those that no other thread has, in hand from now on; only the one that has a row may let it go."""
        if self._halted:
            return []
        with self._lock:
            mine = [id_ for id_ in ids if id_ not in self._in_hand]
            self._in_hand.update(mine)
        return mine

    def _let_go(self, ids: Collection[int]) -> None:
        with self._lock:
            self._in_hand.difference_update(ids)
            self._rested = time.monotonic()
        for id_ in ids:
            self.after(id_)

    def _claim(self, ids: Sequence[int]) -> None:
        """Takes rows for this worker; they wait for the next thread that is free."""
        letters: list[Letter] = []
        try:
            if ids:
                with self._settlement.turn:
                    letters = outbox.claim(self._store, ids, self._holder, self._now())
        except DiskFailed:
            raise
        except Temporary as error:
            _log.warning("claim postponed", outbox=list(ids), why=str(error))  # the rows are still due
        finally:
            claimed = {letter.id for letter in letters}
            self._let_go([id_ for id_ in ids if id_ not in claimed])
        self._claimed.extend(letters)

    def _send(self, letter: Letter) -> str:
        """The relay's words. Raises Temporary or Permanent, for our own mistakes too."""
        if letter.attempts > UNFINISHED and not letter.reply:
            # Every attempt so far died with its process: such a row must not go on killing workers.
            raise Permanent(f"given up: none of {letter.attempts - 1} attempts came to an end")
        try:
            try:
                return self._relay.send(self._compose(letter))
            except TooLarge as error:  # its files are on the portal too
                room = min(max(0, error.limit * 18 // 25 - _LETTER), MOST_ATTACHED)
                return self._relay.send(self._compose(letter, room))
        except (Temporary, Permanent):
            raise
        except Exception as error:
            _log.exception("relay", outbox=letter.id)
            raise Defect(f"could not be sent: {error!r}") from error

    def _compose(self, letter: Letter, room: int = MOST_ATTACHED) -> Mail:
        try:
            desk = self._config.desks[letter.facts["desk"]]
            mail = compose(letter, desk, secret=self._config.secret, read_blob=self._read_blob, room=room)
        except NotFound as error:  # a file may come back with a backup
            raise Defect(f"could not be composed: {error}") from error
        except (Temporary, Permanent):
            raise
        except Exception as error:
            _log.exception("compose", outbox=letter.id)
            raise Defect(f"could not be composed: {error!r}") from error
        if mail.fault:
            _log.error("template", outbox=letter.id, desk=desk.name, fault=mail.fault, instead="the shipped one")
            self._note_fault(letter, desk, mail.fault)
        return mail

    def _note(self, trouble: str | None) -> None:
        """What is wrong with the relay, for whoever looks after the gateway; the rows themselves only wait."""
        if not self._trouble.is_news(trouble):
            return
        if trouble:
            _log.error("mails wait", why=trouble)
        try:
            with self._settlement.turn, self._store.write() as connection:
                over = self._trouble.note(connection, trouble, self._now())
                if over and over.lasts(self._now()):
                    outbox.hasten_deferred(connection, self._now())
        except DiskFailed:
            raise
        except Temporary as error:
            _log.warning("not written down", what=trouble, why=str(error))

    def _note_fault(self, letter: Letter, desk: Desk, fault: str) -> None:
        """Tells of the fault; the mail goes out whether that can be written or not."""
        try:
            broken_templates.note(self._store, desk, letter.ticket_id, fault, self._now())
        except DiskFailed:
            raise
        except Temporary as error:
            _log.warning("not written down", outbox=letter.id, why=str(error))

    def _read_blob(self, digest: str) -> bytes:
        try:
            return self._store.blobs.get(digest)
        except OSError as error:
            raise Temporary(f"a file cannot be read: {error.strerror}") from error

    def _later(self, letter: Letter, error: Temporary) -> End:
        wait = pause(error, letter.attempts, self._chance)
        if wait is None:
            return End(letter.id, "failed", f"given up after {letter.attempts} attempts: {error}")
        return End(letter.id, "deferred", str(error), self._now() + wait)


def _trouble(error: Temporary) -> str:
    """What is wrong with the relay; empty when it is this mail alone that has to wait."""
    if isinstance(error, NoSession):
        return error.remedy
    return UNREACHABLE if isinstance(error, Unreachable) else ""
