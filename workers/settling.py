"""The ends of attempts, written down: what several threads have to say is one transaction."""

from __future__ import annotations

import fcntl
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from store import clock, sending
from store.config import Config
from store.database import Store
from store.errors import DiskFailed, Temporary
from store.letters import Letter
from store.outbox import End

_log = structlog.get_logger("worker")
_SETTLE = (0.05, 0.2, 1, 2, 5, 5, 5)  # seconds between attempts to write down what the relay said


@dataclass(frozen=True, slots=True)
class _Word:
    letter: Letter
    end: End
    written: Future[None]


class Turn:
    """Whose turn it is to write, among the threads of all workers in a data folder.

    SQLite lets one writer in at a time, and its own way of waiting is to sleep and look again.
    """

    def __init__(self, folder: Path) -> None:
        self._mine = threading.Lock()
        self._file = (folder / "writing.lock").open("a")

    def __enter__(self) -> None:
        self._mine.acquire()
        with suppress(OSError):  # it is but politeness
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._mine.release()


class Settlement:
    """Where threads hand in how their attempts ended. One thread writes down all that was handed in by then."""

    def __init__(self, config: Config, store: Store, holder: str, now: clock.Clock) -> None:
        self._config, self._store, self._holder, self._now = config, store, holder, now
        self.turn = Turn(config.data) if store.sqlite else threading.Lock()
        self._words: deque[_Word] = deque()
        self._writer = ThreadPoolExecutor(1, "settling")

    def hand_in(self, letter: Letter, end: End) -> Future[None]:
        """Done when it is written down, which is insisted on: a forgotten acceptance is a second copy. Or DiskFailed."""
        word = _Word(letter, end, Future())
        self._words.append(word)
        self._writer.submit(self._write_all)
        return word.written

    def close(self) -> None:
        """Ends when all is written."""
        self._writer.shutdown(wait=False)

    def _write_all(self) -> None:
        with self.turn:
            written = self._write([self._words.popleft() for _ in range(len(self._words))])
        for word, kept in written:
            end = word.end
            _log.info(end.state, outbox=end.id, attempts=word.letter.attempts, reply=end.reply, lease_kept=kept)

    def _write(self, words: list[_Word]) -> list[tuple[_Word, bool]]:
        """What of it is written, and whether under a lease that had not gone to another worker."""
        if not words:
            return []
        try:
            kept = self._insist(words)
        except Exception as error:
            if len(words) > 1 and not isinstance(error, DiskFailed):  # perhaps one keeps the others from it
                return [done for word in words for done in self._write([word])]
            for word in words:
                word.written.set_exception(error)
            return []
        for word in words:
            word.written.set_result(None)
        return [] if kept is None else [(word, kept) for word in words]

    def _insist(self, words: list[_Word]) -> bool | None:
        """Whether all leases were kept; None when the database did not answer for too long."""
        ends = [word.end for word in words]
        for wait in (*_SETTLE, None):
            try:
                return sending.settle(self._store, self._config, self._holder, ends, self._now()) == len(ends)
            except DiskFailed as error:
                self._tell_of_loss(words, error)
                raise
            except Temporary as error:
                if wait is None:
                    self._tell_of_loss(words, error)
                else:
                    time.sleep(wait)
        return None

    def _tell_of_loss(self, words: list[_Word], error: Temporary) -> None:
        for word in words:
            _log.error("not written down", outbox=word.end.id, reply=word.end.reply, why=str(error))
