"""Journals for tests: the real one, failing or waiting when told to."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from store.database import Store
from store.journal import Incoming, JournalWriter


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
            future.set_result(self._writer.submit(incoming).result())

        threading.Thread(target=run, daemon=True).start()
        return future

    def close(self) -> None:
        self.gate.set()
        self._writer.close()
