"""Reads mails in child processes with limits, several at a time; what a killer mail takes down is only its own child."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from pebble import ProcessPool

from gateway.parse import Parsed, parse, salvage
from store.blobs import Blobs
from store.errors import Temporary
from store.journal import JournalRow
from store.rules.desk import Files
from store.rules.files import Judgement, judge_all

SECONDS = 20.0  # for one mail, after which its child is killed
_MEMORY = 2 << 30  # bytes of address space of a child: a 40 MB mail needs its bytes about eight times


@dataclass(frozen=True, slots=True)
class Studied:
    """A mail as read, its accepted files in the blob store and their bytes no longer here."""

    parsed: Parsed
    judgements: tuple[Judgement, ...]


def study(raw: bytes, rules: Files, folder: Path) -> Studied:
    """Parses, judges the files and stores the accepted ones. Raises OSError when they cannot be stored."""
    return _keep(parse(raw), rules, Blobs(folder))


class Students:
    """The children; `workers=0` reads in this process, for tests and single commands."""

    def __init__(self, blobs: Blobs, workers: int = 2) -> None:
        self._folder = blobs.folder
        self._pool = ProcessPool(max_workers=workers, max_tasks=2000, initializer=_limit) if workers else None

    def read(
        self, rows: Sequence[JournalRow], rules: Sequence[Files], exhausted: frozenset[int] = frozenset()
    ) -> list[Studied]:
        """Each row read, in order; those in `exhausted` have killed us before and are only salvaged. Raises Temporary."""
        tasks = [
            None if row.id in exhausted else self._start(row, files) for row, files in zip(rows, rules, strict=True)
        ]
        return [self._finish(row, files, task) for row, files, task in zip(rows, rules, tasks, strict=True)]

    def close(self) -> None:
        """Stops the children."""
        if self._pool:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()

    def _start(self, row: JournalRow, rules: Files) -> Future[Studied]:
        if self._pool:
            return self._pool.schedule(study, args=(row.raw, rules, self._folder), timeout=SECONDS)
        future: Future[Studied] = Future()
        try:
            future.set_result(study(row.raw, rules, self._folder))
        except Exception as error:
            future.set_exception(error)
        return future

    def _finish(self, row: JournalRow, rules: Files, task: Future[Studied] | None) -> Studied:
        for _ in range(2):  # a child may have died for another mail's sake, so a killer gets a second chance
            if task is None:
                break
            try:
                return task.result()
            except MemoryError:
                break
            except OSError as error:
                if isinstance(error, TimeoutError):
                    break
                raise Temporary("the files of a mail cannot be stored") from error
            except Exception:
                task = self._start(row, rules)
        return Studied(salvage(row.raw), ())


def _keep(parsed: Parsed, rules: Files, blobs: Blobs) -> Studied:
    judgements = tuple(judge_all(parsed.files, rules))
    for file, judgement in zip(parsed.files, judgements, strict=True):
        if judgement.verdict == "accepted":
            blobs.put(file.content, file.sha256)
    return Studied(replace(parsed, files=tuple(replace(file, content=b"") for file in parsed.files)), judgements)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
