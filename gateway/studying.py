"""Reads mails in child processes with limits, several at a time; what a killer mail takes down is only its own child."""

from __future__ import annotations

import math
import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path

from pebble import ProcessExpired, ProcessPool

from gateway.parse import Parsed, parse, salvage
from gateway.parse.authentication import Proof
from gateway.proof import names
from gateway.proof.checking import Origin, prove
from store.blobs import Blobs
from store.errors import Temporary
from store.journal import JournalRow
from store.rules.desk import Files
from store.rules.files import Judgement, judge_all

SECONDS = 3.0  # for a mail beside the others, and one more for every 10 MB
LAST_SECONDS = 20.0  # for one that needed longer, or killed its child
STARTING = 60.0  # until the first child can read
_MOMENT = 0.25
_CPU = 10  # seconds of a child for one mail (threats 34)
DNS = names.Dns()
_MEMORY = 512 << 20  # bytes of address space of a child; a mail of 40 MB needs 200 MB


class ReadersLost(Temporary):
    """The children read no more and their pool makes no others: only a new start of the filer helps."""


@dataclass(frozen=True, slots=True)
class Studied:
    """A mail as read, its accepted files in the blob store and their bytes no longer here."""

    parsed: Parsed
    judgements: tuple[Judgement, ...]
    proof: Proof | None = None  # computed where it came straight from the Internet, else None


def study(raw: bytes, rules: Files, folder: Path, origin: Origin | None = None) -> Studied:
    """Parses, judges the files and stores the accepted ones; with an `origin` also SPF, DKIM and DMARC are computed.

    Raises OSError or Temporary when files cannot be stored.
    """
    parsed, blobs = parse(raw), Blobs(folder)
    judgements = tuple(judge_all(parsed.files, rules))
    for file, judgement in zip(parsed.files, judgements, strict=True):
        if judgement.verdict == "accepted":
            blobs.put(file.content, file.sha256)
    parsed = _without_bytes(parsed)
    return Studied(parsed, judgements, prove(raw, parsed, origin) if origin else None)


def study_within_limits(raw: bytes, rules: Files, folder: Path, origin: Origin | None = None) -> Studied:
    """`study` in a child, which is killed when this mail alone takes too much of the processor."""
    _bound_time()
    return study(raw, rules, folder, origin)


def read_within_limits(raw: bytes, rules: Files) -> Studied:
    """The same without storing or asking anything."""
    _bound_time()
    parsed = parse(raw)
    return Studied(_without_bytes(parsed), tuple(judge_all(parsed.files, rules)))


def _without_bytes(parsed: Parsed) -> Parsed:
    return replace(parsed, files=tuple(replace(file, content=b"") for file in parsed.files))


def _bound_time() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime) + _CPU
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


class Reading:
    """A mail that is being read. One that fails beside the others is read once more by a child that nobody waits for."""

    def __init__(
        self,
        row: JournalRow,
        begun: Future[Studied],
        again: Callable[[], Future[Studied]] | None,
        checked: bool = False,
    ) -> None:
        self.row = row
        self.checked = checked  # SPF, DKIM and DMARC are computed as well, by children of its own
        self._future = begun
        self._again = again

    @property
    def done(self) -> bool:
        """True when `result` need not wait. Raises ReadersLost."""
        while self._future.done():
            if self._again is None or not _worth_another(self._future.exception()):
                return True
            self._future, self._again = self._again(), None
        return False

    @property
    def future(self) -> Future[Studied]:
        """What to wait for until it is worth asking `done` again."""
        return self._future

    def result(self) -> Studied:
        """The mail as read, or its bare bytes when no child survives it.

        Raises Temporary when its files cannot be stored, and ReadersLost.
        """
        assert self.done
        error = self._future.exception()
        if error is None:
            return self._future.result()
        if isinstance(error, Temporary):
            raise error
        if isinstance(error, BrokenProcessPool):
            raise ReadersLost("the readers of mail were lost") from error
        if _is_ours(error):
            raise Temporary("the files of a mail cannot be stored") from error
        return Studied(salvage(self.row.raw), ())

    def drop(self) -> None:
        """Ends it; a child at work on it is killed."""
        self._again = None
        self._future.cancel()


class Students:
    """The children; `workers=0` reads in this process, for tests and single commands. `resolve` answers for the DNS."""

    read = staticmethod(study_within_limits)  # what a child does

    def __init__(self, blobs: Blobs, workers: int = 2, resolve: names.Resolver = DNS) -> None:
        self._folder = blobs.folder
        self._resolve = resolve
        self._pools: tuple[ProcessPool, ...] = ()
        self._first: Future[int] | None = None  # until it is done no child can read
        self._begun = time.monotonic()
        if workers:
            # Forked from a server without threads: a fork of this process could inherit a lock that nobody opens.
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload([__name__])
            self._pools = tuple(
                ProcessPool(max_workers=count, max_tasks=2000, initializer=_limit, context=context)
                for count in (workers, 1, workers * 2)
            )
            self._first = self._pools[0].schedule(os.getpid)

    @property
    def ready(self) -> bool:
        """True once a child can read; waits a moment for that. Raises ReadersLost."""
        if self._first is None:
            return True
        try:
            self._first.result(_MOMENT)
        except TimeoutError as error:
            if time.monotonic() - self._begun > STARTING:
                raise ReadersLost("no reader of mail comes up") from error
            return False
        except Exception as error:
            raise ReadersLost("the readers of mail were lost") from error
        self._first = None
        return True

    def begin(self, row: JournalRow, rules: Files, hopeless: bool = False, check: bool = False) -> Reading:
        """Starts to read a row. A hopeless one has killed us before and keeps only its bytes. Raises ReadersLost.

        `check`: compute SPF, DKIM and DMARC too. That is mostly waiting for a stranger's servers, so such mails have
        children of their own and more time.
        """
        if hopeless:
            return Reading(row, _settled(lambda: Studied(salvage(row.raw), ())), None)
        origin = Origin(row.peer, row.helo, row.sender, self._resolve) if check else None
        task = (row.raw, rules, self._folder, origin)
        if not self._pools:
            return Reading(row, _settled(lambda: study(*task)), lambda: _settled(lambda: study(*task)))
        beside, alone, straight = self._pools
        more = names.SECONDS if check else 0.0
        seconds = SECONDS + row.size / 10_000_000 + more
        return Reading(
            row,
            self._schedule(straight if check else beside, task, seconds),
            lambda: self._schedule(alone, task, LAST_SECONDS + more),
            check,
        )

    def _schedule(
        self, pool: ProcessPool, task: tuple[bytes, Files, Path, Origin | None], seconds: float
    ) -> Future[Studied]:
        try:
            begun: Future[Studied] = pool.schedule(self.read, args=task, timeout=seconds)
        except RuntimeError as error:  # a child that was killed while it had nothing to do ends its pool
            raise ReadersLost("the readers of mail were lost") from error
        return begun

    def close(self) -> None:
        """Stops the children."""
        for pool in self._pools:
            pool.stop()  # type: ignore[no-untyped-call]
        for pool in self._pools:
            pool.join()


def _settled(work: Callable[[], Studied]) -> Future[Studied]:
    future: Future[Studied] = Future()
    try:
        future.set_result(work())
    except Exception as error:
        future.set_exception(error)
    return future


def _is_ours(error: BaseException) -> bool:
    return isinstance(error, OSError | Temporary) and not isinstance(error, TimeoutError | ProcessExpired)


def _worth_another(error: BaseException | None) -> bool:
    """False when it went well, or when the next child would fare no better."""
    return error is not None and not isinstance(error, MemoryError | BrokenProcessPool) and not _is_ours(error)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A filer that is killed takes its children along, whatever they are busy with."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
