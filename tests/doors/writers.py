"""Journals for tests: the real one, failing or waiting when told to, and its database locked by another process."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from sqlalchemy import event

from store.config import Config
from store.database import Store
from store.journal import Incoming
from store.journal_writer import JournalWriter


class Journal:
    """A JournalWriter that fails the next mails with `faults`, one each, and holds all back while `gate` is closed."""

    def __init__(self, store: Store, *faults: BaseException) -> None:
        self.faults = list(faults)
        self.gate = threading.Event()
        self.gate.set()
        self.asked = threading.Event()
        self.given: list[Future[tuple[int, ...]]] = []
        self._writer = JournalWriter(store)

    def submit(self, incoming: Incoming) -> Future[tuple[int, ...]]:
        self.asked.set()
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, RuntimeError):
                raise fault
            failed: Future[tuple[int, ...]] = Future()
            failed.set_exception(fault)
            return failed
        if self.gate.is_set():
            return self._writer.submit(incoming)
        return self._later(incoming)

    def _later(self, incoming: Incoming) -> Future[tuple[int, ...]]:
        future: Future[tuple[int, ...]] = Future()
        self.given.append(future)

        def run() -> None:
            self.gate.wait(20)
            if future.set_running_or_notify_cancel():
                future.set_result(self._writer.submit(incoming).result())

        threading.Thread(target=run, daemon=True).start()
        return future

    def close(self) -> None:
        self.gate.set()
        self._writer.close()


_LOCKER = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print(flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(config: Config) -> Iterator[subprocess.Popen[bytes]]:
    """SQLite's write lock of the journal is in the hands of another process, until it ends or the block does."""
    command = [sys.executable, "-c", _LOCKER, str(config.data / "journal.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def be_impatient(store: Store, seconds: float) -> None:
    """From now on the store waits this long for a lock of the journal, not as long as in earnest."""

    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA busy_timeout={seconds * 1000:.0f}")

    event.listen(store.journal, "connect", connected)
    store.journal.dispose()
