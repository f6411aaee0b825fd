"""The ends of attempts, written down: what several threads have to say is one transaction, and each waits for it."""

from __future__ import annotations

import fcntl
import threading
import time
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


@dataclass(slots=True)
class _Word:
    letter: Letter
    end: End
    written: bool = False
    error: Exception | None = None


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
    """Where threads hand in how their attempts ended. Whoever comes first writes for all that are waiting by then."""

    def __init__(self, config: Config, store: Store, holder: str, now: clock.Clock) -> None:
        self._config, self._store, self._holder, self._now = config, store, holder, now
        self.turn = Turn(config.data) if store.sqlite else threading.Lock()
        self._words: list[_Word] = []
        self._adding, self._writing = threading.Lock(), threading.Lock()

    def write(self, letter: Letter, end: End) -> None:
        """Returns when it is written down, insisting: a forgotten acceptance is a second copy. Raises DiskFailed."""
        word = _Word(letter, end)
        with self._adding:
            self._words.append(word)
        with self._writing:  # what another has written for us waits for no turn any more
            if not word.written:
                with self.turn:
                    self._write_all()
        if word.error is not None:
            raise word.error

    def _write_all(self) -> None:
        with self._adding:
            words, self._words = self._words, []
        try:
            self._insist(words)
        except DiskFailed as error:
            for word in words:
                word.error = error
        except Exception as error:  # one that cannot be written must not keep the others from it
            if len(words) == 1:
                words[0].error = error
            for word in words if len(words) > 1 else ():
                try:
                    self._insist([word])
                except Exception as own:
                    word.error = own
        for word in words:
            word.written = True

    def _insist(self, words: list[_Word]) -> None:
        ends = [word.end for word in words]
        for wait in (*_SETTLE, None):
            try:
                kept = sending.settle(self._store, self._config, self._holder, ends, self._now())
            except DiskFailed as error:
                self._tell_of_loss(words, error)
                raise
            except Temporary as error:
                if wait is None:
                    return self._tell_of_loss(words, error)
                time.sleep(wait)
            else:
                for word in words:
                    attempts, end = word.letter.attempts, word.end
                    _log.info(
                        end.state, outbox=end.id, attempts=attempts, reply=end.reply, lease_kept=kept == len(ends)
                    )
                return None

    def _tell_of_loss(self, words: list[_Word], error: Temporary) -> None:
        for word in words:
            _log.error("not written down", outbox=word.end.id, reply=word.end.reply, why=str(error))
