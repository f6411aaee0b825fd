"""The writing end of the journal.

Doors call `JournalWriter.submit`; one thread commits all that queued up while the last commit ran (group commit),
so an idle door adds no delay and a busy one shares each fsync. A row that fails does not fail its neighbours.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future

from store import journal
from store.database import Store
from store.errors import DiskFailed, NoRoom, Temporary, disk_trouble
from store.journal import Incoming

_MOST = 200  # messages a commit

Waiting = tuple[Incoming, Future[tuple[int, ...]]]


class JournalWriter:
    """The writing end; one per process.

    A future that was cancelled before its commit began is dropped, and nothing of it is written. One whose commit has
    begun can no longer be cancelled and is written: a sender that was told 451 meanwhile sends it again, and the filer
    finds the second copy to be a duplicate. After DiskFailed nothing is written ever again (threats 88).
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._failed: DiskFailed | None = None
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def submit(self, incoming: Incoming) -> Future[tuple[int, ...]]:
        """Queues a message. The future gives its journal ids once they are durable, or raises what went wrong."""
        future: Future[tuple[int, ...]] = Future()
        self._queue.put((incoming, future))
        return future

    def close(self) -> None:
        """Commits what is queued and stops."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while self._commit_next():
            pass

    def _commit_next(self) -> bool:
        """One commit of what is queued, False at the end; a call of its own so that nothing of a mail outlives it."""
        batch: list[Waiting] = []
        item = self._queue.get()
        while item is not None:
            if item[1].set_running_or_notify_cancel():
                batch.append(item)
            if len(batch) == _MOST or self._queue.empty():
                break
            item = self._queue.get()
        self._commit(batch)
        return item is not None

    def _commit(self, batch: list[Waiting]) -> None:
        """Settles every future of the batch; its mails are tried one by one when one of them may be what fails it."""
        if not batch:
            return
        try:
            if self._failed:
                raise self._failed
            results = journal.append(self._store, [incoming for incoming, _ in batch])
        except BaseException as error:
            if isinstance(disk_trouble(error), DiskFailed) and not self._failed:
                self._failed = DiskFailed("the disk of the journal has failed")
                self._failed.__cause__ = error
            of_all = self._failed or (isinstance(error, Temporary) and not isinstance(error, NoRoom))  # a lock, say
            for item in batch:
                if of_all or len(batch) == 1:
                    item[1].set_exception(self._failed or error)
                else:
                    self._commit([item])
            return
        for (_, future), ids in zip(batch, results, strict=True):
            future.set_result(ids)
