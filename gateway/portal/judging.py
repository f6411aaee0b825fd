"""Judges uploaded files as the filer judges those of mails: in a child process with limits, and by clamd where it is asked.

A file that kills whoever reads it, or eats time or memory, takes down that child alone (threats 34, 48).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

from gateway.filters import SECONDS as SECONDS_OF_FILTER
from gateway.filters import SILENT, Envelope, Filters, Said
from gateway.parse.parsed import File
from gateway.reader_pool import ReaderPool, bound_time
from store.errors import Temporary
from store.rules.desk import Files
from store.rules.files import Judgement, judge_all

SECONDS = 10.0  # for all the files of a form; each takes less than one
_NOBODY = Envelope("", "", "", ())
UNREADABLE = "it cannot be examined; please send it in another form, and by itself"

Judged = tuple[tuple[Judgement, ...], Said]
log = logging.getLogger("postern.portal")


class Judge:
    """The child of one portal, started for the first upload. `work` is what it does."""

    def __init__(
        self, filters: Filters, work: Callable[[Sequence[File], Files, Filters], Judged] | None = None
    ) -> None:
        self._filters = replace(filters, rspamd=None)  # that one judges mails
        self._work = work or judge
        self._pool: ReaderPool | None = None
        self._lock = threading.Lock()

    def judge(self, files: Sequence[File], rules: Files) -> Judged:
        """The judgements on the files of one form, and what clamd said. Raises Temporary when the child was lost."""
        seconds = SECONDS + (SECONDS_OF_FILTER if self._filters else 0.0)
        with self._lock:
            if self._pool is None:
                self._pool = ReaderPool(1, __name__)
            future = self._pool.schedule(self._work, (files, rules, self._filters), seconds)
        try:
            judged: Judged = future.result()
        except BrokenProcessPool as error:
            raise Temporary("the process that judges uploads was lost") from error
        except Exception as error:  # it ran out of time or memory, died, or met a fault of ours
            log.error("an upload of %d files was not judged: %s", len(files), type(error).__name__)
            return (Judgement("refused", UNREADABLE),) * len(files), SILENT
        return judged

    def close(self) -> None:
        """Stops the child."""
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()


def judge(files: Sequence[File], rules: Files, filters: Filters) -> Judged:
    """What the child does."""
    bound_time()
    judgements = judge_all(files, rules)
    return filters.ask(b"", files, judgements, _NOBODY) if filters else (tuple(judgements), SILENT)
