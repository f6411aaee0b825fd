"""SIGTERM and Ctrl-C as a flag that long loops look at."""

from __future__ import annotations

import signal
import time


class StopFlag:
    """Set by SIGTERM or SIGINT. No threading.Event: a handler could wait for a lock its own thread holds."""

    def __init__(self) -> None:
        self._received: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _frame: self._received.append(received))

    def is_set(self) -> bool:
        """True once the process was asked to stop."""
        return bool(self._received)

    def wait(self, seconds: float) -> bool:
        """Sleeps so long, or until asked to stop."""
        until = time.monotonic() + seconds
        while not self._received and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
        return self.is_set()
