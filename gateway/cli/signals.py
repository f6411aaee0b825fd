"""SIGTERM and Ctrl-C as a flag that long loops look at, and the end of a part whose supervisor is gone."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable

SUPERVISED = "POSTERN_SUPERVISED"  # in the environment of a part: the process id of its supervisor
WRONG_SETTING = 78  # EX_CONFIG of sysexits: a part says that starting it again will not help
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


def end_with_supervisor() -> None:
    """Sees to it that a part ends when its supervisor is killed, so that no door stays open behind a dead gateway.

    On Linux the kernel sends SIGTERM then. A supervisor that died before we could ask for that is no longer our parent.
    """
    supervisor = os.environ.get(SUPERVISED)
    if supervisor is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if supervisor != str(os.getppid()):
        sys.exit(1)
