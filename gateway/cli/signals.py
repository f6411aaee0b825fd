"""SIGTERM and Ctrl-C as a flag that long loops look at, and what they mean to a child."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ASKED = (signal.SIGTERM, signal.SIGINT)
_PR_SET_PDEATHSIG = 1


class StopFlag:
    """Set by SIGTERM or SIGINT. No threading.Event: a handler could wait for a lock its own thread holds.

    A loop that looks at it gives a sign of life by it: `beat` is called at each look.
    """

    def __init__(self, beat: Callable[[], None] = lambda: None) -> None:
        self._received: list[int] = []
        self._beat = beat
        for number in _ASKED:
            signal.signal(number, lambda received, _frame: self._received.append(received))

    def is_set(self) -> bool:
        """True once the process was asked to stop."""
        self._beat()
        return bool(self._received)

    def wait(self, seconds: float) -> bool:
        """Sleeps so long, or until asked to stop."""
        until = time.monotonic() + seconds
        while not self.is_set() and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
        return self.is_set()

    def ignore(self) -> None:
        """From here on nothing can turn a good end into a death by signal: the interpreter takes handlers away early."""
        for number in _ASKED:
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def held_back() -> Iterator[None]:
    """SIGTERM and SIGINT wait: a child forked meanwhile would take one that is meant for it for its parent's."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ASKED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKED)


def as_child_of(parent: int) -> None:
    """In a child just forked: signals mean what they mean to any process, and it ends when its parent is killed.

    Else a door would stay open behind a dead gateway. On Linux the kernel sends SIGTERM then; a parent that died before
    we could ask for that is no longer ours. A session of its own keeps Ctrl-C to the parent, which stops all in order.
    """
    for number in _ASKED:
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if parent != os.getppid():
        sys.exit(1)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKED)
