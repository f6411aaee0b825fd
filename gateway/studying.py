"""Reads mails in child processes with limits, several at a time; what a killer mail takes down is only its own child."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

from pebble import ProcessExpired

from gateway.filters import SECONDS as SECONDS_OF_FILTER
from gateway.filters import SILENT, Envelope, Filters, Said
from gateway.parse import Parsed, parse, salvage
from gateway.parse.authentication import Proof
from gateway.proof import names
from gateway.proof.checking import Origin, prove
from gateway.reader_pool import ReaderPool, bound_time
from store.blobs import Blobs
from store.errors import Temporary
from store.journal import JournalRow
from store.rules.desk import Files
from store.rules.files import Judgement, judge_all

SECONDS = 3.0  # for a mail beside the others, and one more for every 10 MB
LAST_SECONDS = 20.0  # for one that needed longer, or killed its child
STARTING = 60.0  # until the first child can read
_MOMENT = 0.25
DNS = names.Dns()
_BROKEN = 3  # times a mail is read again because its reader was lost with others, and perhaps by the fault of another


class ReadersLost(Temporary):
    """The children read no more and no others come up: only a new start of the filer helps."""


@dataclass(frozen=True, slots=True)
class Studied:
    """A mail as read, its accepted files in the blob store and their bytes no longer here."""

    parsed: Parsed
    judgements: tuple[Judgement, ...]
    proof: Proof | None = None  # computed where it came straight from the Internet, else None
    said: Said = SILENT  # by the filters


Asking = tuple[Filters, Envelope]


def study(
    raw: bytes, rules: Files, folder: Path, origin: Origin | None = None, asking: Asking | None = None
) -> Studied:
    """Parses, judges the files and stores the accepted ones; with an `origin` also SPF, DKIM and DMARC are computed.

    `asking`: the filters that are asked, too, and what they want to know.

    Raises OSError or Temporary when files cannot be stored.
    """
    parsed, blobs = parse(raw), Blobs(folder)
    judgements, said = tuple(judge_all(parsed.files, rules)), SILENT
    if asking:
        judgements, said = asking[0].ask(raw, parsed.files, judgements, asking[1])
    for file, judgement in zip(parsed.files, judgements, strict=True):
        if judgement.verdict == "accepted":
            blobs.put(file.content, file.sha256)
    parsed = _without_bytes(parsed)
    return Studied(parsed, judgements, prove(raw, parsed, origin) if origin else None, said)


def study_within_limits(
    raw: bytes, rules: Files, folder: Path, origin: Origin | None = None, asking: Asking | None = None
) -> Studied:
    """`study` in a child, which is killed when this mail alone takes too much of the processor."""
    bound_time()
    return study(raw, rules, folder, origin, asking)


def read_within_limits(raw: bytes, rules: Files) -> Studied:
    """The same without storing or asking anything."""
    bound_time()
    parsed = parse(raw)
    return Studied(_without_bytes(parsed), tuple(judge_all(parsed.files, rules)))


def _without_bytes(parsed: Parsed) -> Parsed:
    return replace(parsed, files=tuple(replace(file, content=b"") for file in parsed.files))


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
        self.checked = checked  # others are asked about it, which is mostly waiting: by children of its own
        self._future = begun
        self._again = again
        self._failed = self._broken = 0

    @property
    def done(self) -> bool:
        """True when `result` need not wait."""
        while self._future.done():
            error = self._future.exception()
            if isinstance(error, BrokenProcessPool):
                self._broken += 1
            elif error is not None:
                self._failed += 1
            if self._again is None or self._failed > 1 or self._broken > _BROKEN or not _worth_another(error):
                return True
            self._future = self._again()
        return False

    @property
    def future(self) -> Future[Studied]:
        """What to wait for until it is worth asking `done` again."""
        return self._future

    def result(self) -> Studied:
        """The mail as read, or its bare bytes when no child survives it. Raises Temporary when its files cannot be stored."""
        assert self.done
        error = self._future.exception()
        if error is None:
            return self._future.result()
        if isinstance(error, Temporary):
            raise error
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

    def __init__(
        self, blobs: Blobs, workers: int = 2, resolve: names.Resolver = DNS, filters: Filters | None = None
    ) -> None:
        self._folder = blobs.folder
        self._filters = filters
        self._resolve = resolve
        self._pools: tuple[ReaderPool, ...] = ()
        self._first: Future[int] | None = None  # until it is done no child can read
        self._begun = 0.0
        if workers:
            self._pools = tuple(ReaderPool(count, __name__) for count in (workers, 1, workers * 2))
            self._begin()

    @property
    def ready(self) -> bool:
        """True once a child can read; waits a moment for that. Raises ReadersLost."""
        if self._first is None:
            return True
        try:
            self._first.result(_MOMENT)
        except Exception as error:
            if time.monotonic() - self._begun > STARTING:
                raise ReadersLost("no reader of mail comes up") from error
            if self._first.done():  # that child died before it could read
                self._ask()
            return False
        self._first = None
        return True

    def _begin(self) -> None:
        self._begun = time.monotonic()
        self._ask()

    def _ask(self) -> None:
        self._first = self._pools[0].schedule(os.getpid, (), STARTING)

    def replace(self) -> None:
        """Other children instead of those that come to no end; what was begun is lost."""
        for pool in self._pools:
            pool.replace()
        self._begin()

    def begin(self, row: JournalRow, rules: Files, hopeless: bool = False, check: bool = False) -> Reading:
        """Starts to read a row. A hopeless one has killed us before and keeps only its bytes.

        `check`: compute SPF, DKIM and DMARC too. That is mostly waiting for a stranger's servers, so such mails have
        children of their own and more time.
        """
        if hopeless:
            return Reading(row, _settled(lambda: Studied(salvage(row.raw), ())), None)
        origin = Origin(row.peer, row.helo, row.sender, self._resolve) if check else None
        asking = (self._filters, Envelope(row.peer, row.helo, row.sender, row.recipients)) if self._filters else None
        task = (row.raw, rules, self._folder, origin, asking)
        if not self._pools:
            return Reading(row, _settled(lambda: study(*task)), lambda: _settled(lambda: study(*task)))
        beside, alone, straight = self._pools
        more = (names.SECONDS if check else 0.0) + (2 * SECONDS_OF_FILTER if asking else 0.0)
        waits = check or asking is not None
        seconds = SECONDS + row.size / 10_000_000 + more
        return Reading(
            row,
            (straight if waits else beside).schedule(self.read, task, seconds),
            lambda: alone.schedule(self.read, task, LAST_SECONDS + more),
            waits,
        )

    def close(self) -> None:
        """Stops the children."""
        for pool in self._pools:
            pool.stop()
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
    return error is not None and not isinstance(error, MemoryError) and not _is_ours(error)
