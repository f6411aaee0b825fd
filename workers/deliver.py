"""Outbox rows to the relay: claim, compose, send, settle. The actor takes ids of rows and nothing else."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import structlog

from store import clock, crash, outbox, troubles
from store.config import Config
from store.database import Store
from store.errors import DiskFailed, Permanent, Temporary
from store.letters import Letter
from store.outbox import End
from workers.compose import MOST_ATTACHED, Mail
from workers.composer import Composer
from workers.relay import Relay
from workers.relay_words import UNREACHABLE
from workers.retry import UNFINISHED, Defect, NoSession, TooLarge, Unreachable, pause
from workers.settling import Settlement

_log = structlog.get_logger("worker")
_LETTER = 64 * 1024  # bytes of a mail, at most in general, that are no files; these take 25 for 18 in base64


@dataclass(frozen=True, slots=True)
class _Told:
    """An attempt that has ended. `trouble`: what it says of the relay; None that it works, "" nothing."""

    end: End
    written: Future[None]
    trouble: str | None


class Delivery:
    """What the threads of one worker share: the rows they have in hand, and all they need to send them.

    A thread claims several rows at once; what it does not come to, because one of them takes long, another thread sends.
    """

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
        self._composer = Composer(config, store, now)
        self._settlement = Settlement(config, store, holder, now)
        self._trouble = troubles.Memory("relay")
        self._lock = threading.Lock()
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

    def close(self) -> None:
        """Ends when what is to be written down is."""
        self._settlement.close()

    def deliver(self, ids: Sequence[int]) -> None:
        """The actor. Whatever happens ends in the rows, or in the end of their leases."""
        try:
            self._claim(self._take(ids))
            while not self._halted and (letter := self._next()) is not None:
                self._see_written(self._deliver(letter))
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

    def _deliver(self, letter: Letter) -> _Told:
        """One attempt. The next begins when this one's end is written down: a crash makes no thread send two second copies."""
        crash.point("O4")
        try:
            made = self._make(letter)
            end, trouble = self._send(letter, made) if isinstance(made, Mail) else (made, "")
            return _Told(end, self._settlement.hand_in(letter, end), trouble)
        except BaseException:
            self._let_go([letter.id])
            raise

    def _see_written(self, told: _Told) -> None:
        """Returns when it is written down. Raises DiskFailed."""
        try:
            told.written.result()
        finally:
            self._let_go([told.end.id])
        if told.end.state == "accepted":
            crash.point("O9")
        if told.trouble != "":
            self._note(told.trouble)

    def _make(self, letter: Letter) -> Mail | End:
        """The mail; or the end of the attempt, because there is none."""
        if letter.barred:
            return End(letter.id, "suppressed", f"the address is suppressed: {letter.barred}")
        if letter.attempts > UNFINISHED and not letter.reply:
            # Every attempt so far died with its process: such a row must not go on killing workers.
            return End(letter.id, "failed", f"given up: none of {letter.attempts - 1} attempts came to an end")
        try:
            return self._composer.compose(letter)
        except DiskFailed:
            raise
        except (Temporary, Permanent) as error:
            return self._end(letter, error)

    def _send(self, letter: Letter, mail: Mail) -> tuple[End, str | None]:
        """How it ended, and what that says of the relay; see `_Told`."""
        try:
            reply = self._hand_over(letter, mail)
        except NoSession as error:
            return self._end(letter, error), error.remedy
        except (Temporary, Permanent) as error:
            return self._end(letter, error), UNREACHABLE if isinstance(error, Unreachable) else ""
        crash.point("O7")
        return End(letter.id, "accepted", reply), None

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

    def _hand_over(self, letter: Letter, mail: Mail) -> str:
        """The relay's words. Raises Temporary or Permanent, for our own mistakes too."""
        try:
            try:
                return self._relay.send(mail)
            except TooLarge as error:  # its files are on the portal too
                room = min(max(0, error.limit * 18 // 25 - _LETTER), MOST_ATTACHED)
                return self._relay.send(self._composer.compose(letter, room))
        except (Temporary, Permanent):
            raise
        except Exception as error:
            _log.exception("relay", outbox=letter.id)
            raise Defect(f"could not be sent: {error!r}") from error

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

    def _end(self, letter: Letter, error: Temporary | Permanent) -> End:
        if isinstance(error, Permanent):
            return End(letter.id, "failed", str(error))
        crash.point("O10")
        wait = pause(error, letter.attempts, self._chance)
        if wait is None:
            return End(letter.id, "failed", f"given up after {letter.attempts} attempts: {error}")
        return End(letter.id, "deferred", str(error), self._now() + wait)
