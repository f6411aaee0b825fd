"""The child processes that read mail, with limits; a pool of them that breaks is replaced by another."""

from __future__ import annotations

import logging
import math
import multiprocessing
import os
import resource
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any

from pebble import ProcessPool

_MEMORY = 512 << 20  # bytes of address space of a child; a mail of 40 MB needs 200 MB
_CPU = 10  # seconds of a child for one task (threats 34)
_log = logging.getLogger("postern.filer")


class ReaderPool:
    """So many children that do one task each at a time.

    A child that dies while no task is known to be its own breaks the pool it belongs to, with all that waits in it:
    those futures end with BrokenProcessPool, and the next task starts new children.
    """

    def __init__(self, count: int, preload: str) -> None:
        # Forked from a server without threads: a fork of this process could inherit a lock that nobody opens.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([preload])
        self._count = count
        self._pool = self._made()

    def schedule(self, task: Callable[..., Any], arguments: tuple[Any, ...], seconds: float) -> Future[Any]:
        """Has a child do it within so many seconds of its time; the child is killed when it needs longer."""
        with suppress(RuntimeError):
            return self._pool.schedule(task, args=arguments, timeout=seconds)
        _log.warning("the readers of mail were lost; there will be others")
        self.replace()
        return self._pool.schedule(task, args=arguments, timeout=seconds)

    def replace(self) -> None:
        """Other children; what these had in hand or before them is lost."""
        self.stop()
        self.join()
        self._pool = self._made()

    def stop(self) -> None:
        """Tells the children to end."""
        self._pool.stop()  # type: ignore[no-untyped-call]

    def join(self) -> None:
        """Waits until they have."""
        self._pool.join()

    def _made(self) -> ProcessPool:
        return ProcessPool(max_workers=self._count, max_tasks=2000, initializer=_limit, context=self._context)


def bound_time() -> None:
    """Called in a child: it is killed when its task alone takes too much of the processor."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime) + _CPU
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


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
