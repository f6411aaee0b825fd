"""One outbox row to the relay: claim, compose, send, settle. The actor takes the row's id and nothing else."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog

from store import clock, crash, outbox
from store.config import Config
from store.database import Store
from store.errors import DiskFailed, NotFound, Permanent, Temporary
from store.letters import Letter
from workers.compose import Mail, compose
from workers.relay import Relay
from workers.retry import UNFINISHED, Defect, pause

_log = structlog.get_logger("worker")
_SETTLE = (0.05, 0.2, 1, 2, 5, 5, 5)  # seconds between attempts to write down what the relay said


class Delivery:
    """What the threads of one worker share: the rows they have in hand, and all they need to send them."""

    def __init__(
        self,
        config: Config,
        store: Store,
        relay: Relay,
        holder: str,
        now: clock.Clock = clock.now,
        chance: random.Random | None = None,
    ) -> None:
        self._config, self._store, self._relay, self._holder = config, store, relay, holder
        self._now, self._chance = now, chance or random.Random()
        self._lock = threading.Lock()
        self._in_hand: set[int] = set()
        self._rested = time.monotonic()
        self.after: Callable[[int], object] = lambda _id: None  # told of each row that is out of hand again
        self.failed: DiskFailed | None = None  # from then on no row is taken (threats 88)

    @property
    def in_hand(self) -> frozenset[int]:
        """The rows being sent at this moment, whose leases need the heartbeat."""
        with self._lock:
            return frozenset(self._in_hand)

    def idle(self) -> float:
        """Seconds since anything was in hand; 0 while something is."""
        with self._lock:
            return 0.0 if self._in_hand else time.monotonic() - self._rested

    def deliver(self, outbox_id: int) -> None:
        """The actor. Whatever happens ends in the row, or in the end of its lease."""
        if self.failed is not None:
            return
        try:
            self._deliver(outbox_id)
        except DiskFailed as error:
            self.failed = error

    def _deliver(self, outbox_id: int) -> None:
        with self._holding(outbox_id) as mine:
            letter = self._claim(outbox_id) if mine else None
            if letter is None:
                return
            crash.point("O4")
            try:
                reply = self._attempt(letter)
            except Permanent as error:
                self._settle(letter, outbox.fail, str(error))
            except Temporary as error:
                crash.point("O10")
                self._later(letter, error)
            else:
                crash.point("O7")
                self._settle(letter, outbox.accept, reply)
                crash.point("O9")

    @contextmanager
    def _holding(self, outbox_id: int) -> Iterator[bool]:
        """False when another thread has the row; only the one that has it may let it go."""
        with self._lock:
            mine = outbox_id not in self._in_hand
            self._in_hand.add(outbox_id)
        try:
            yield mine
        finally:
            if mine:
                with self._lock:
                    self._in_hand.discard(outbox_id)
                    self._rested = time.monotonic()
            self.after(outbox_id)

    def _claim(self, outbox_id: int) -> Letter | None:
        try:
            return outbox.claim(self._store, outbox_id, self._holder, self._now())
        except DiskFailed:
            raise
        except Temporary as error:
            _log.warning("claim postponed", outbox=outbox_id, why=str(error))
            return None  # the row is still due

    def _attempt(self, letter: Letter) -> str:
        """The relay's words. Raises Temporary or Permanent, for our own mistakes too."""
        if letter.attempts > UNFINISHED and not letter.reply:
            # Every attempt so far died with its process: such a row must not go on killing workers.
            raise Permanent(f"given up: none of {letter.attempts - 1} attempts came to an end")
        mail = self._compose(letter)
        try:
            return self._relay.send(mail)
        except (Temporary, Permanent):
            raise
        except Exception as error:
            _log.exception("relay", outbox=letter.id)
            raise Defect(f"could not be sent: {error!r}") from error

    def _compose(self, letter: Letter) -> Mail:
        try:
            desk = self._config.desks[letter.facts["desk"]]
            mail = compose(letter, desk, secret=self._config.secret, read_blob=self._read_blob)
        except NotFound as error:  # a file may come back with a backup
            raise Defect(f"could not be composed: {error}") from error
        except (Temporary, Permanent):
            raise
        except Exception as error:
            _log.exception("compose", outbox=letter.id)
            raise Defect(f"could not be composed: {error!r}") from error
        if mail.fault:
            _log.error("template", outbox=letter.id, desk=desk.name, fault=mail.fault, instead="the shipped one")
            self._note(letter, mail.fault)
        return mail

    def _note(self, letter: Letter, fault: str) -> None:
        """Shows the fault on the ticket; the mail goes out whether that can be written or not."""
        if letter.ticket_id is None:
            return
        try:
            outbox.note_fault(self._store, letter.ticket_id, fault, self._now())
        except DiskFailed:
            raise
        except Temporary as error:
            _log.warning("not written down", outbox=letter.id, why=str(error))

    def _read_blob(self, digest: str) -> bytes:
        try:
            return self._store.blobs.get(digest)
        except OSError as error:
            raise Temporary(f"a file cannot be read: {error.strerror}") from error

    def _later(self, letter: Letter, error: Temporary) -> None:
        wait = pause(error, letter.attempts, self._chance)
        if wait is None:
            self._settle(letter, outbox.fail, f"given up after {letter.attempts} attempts: {error}")
            return
        self._settle(letter, outbox.defer, str(error), self._now() + wait)

    def _settle(self, letter: Letter, change: Callable[..., bool], reply: str, *until: datetime) -> None:
        """Writes the end of the attempt down, insisting: a forgotten acceptance is a second copy. Raises DiskFailed."""
        for wait in (*_SETTLE, None):
            try:
                kept = change(self._store, letter.id, self._holder, reply, *until, self._now())
            except DiskFailed as error:
                _log.error("not written down", outbox=letter.id, reply=reply, why=str(error))
                raise
            except Temporary as error:
                if wait is None:
                    _log.error("not written down", outbox=letter.id, reply=reply, why=str(error))
                    return
                time.sleep(wait)
            else:
                _log.info(change.__name__, outbox=letter.id, attempts=letter.attempts, reply=reply, lease_kept=kept)
                return
