"""How often somebody may try a password: per account and per address of the client, in memory (threats 68)."""

from __future__ import annotations

from collections import deque
from math import ceil
from threading import Lock

from gateway.networks import customer_line
from store.clock import Clock

WINDOW = 600  # seconds
PER_ACCOUNT = 10
PER_CLIENT = 30  # an office shares one address
_MOST_KEYS = 20_000  # of each kind; the oldest are forgotten first


class Throttle:
    """Counts tries that did not succeed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._tries: dict[tuple[str, str], deque[float]] = {}

    def take(self, account: str, client: str) -> int:
        """Counts a try. 0 when it may be made, else the seconds to wait, and nothing is counted."""
        now = self._clock().timestamp()
        limits = {("account", account): PER_ACCOUNT, ("client", customer_line(client)): PER_CLIENT}
        with self._lock:
            for key, most in limits.items():
                tries = self._recent(key, now)
                if len(tries) >= most:
                    return max(1, ceil(tries[0] + WINDOW - now))
            # Counted before the password is looked at, so that many tries at once do not pass together.
            for key in limits:
                tries = self._tries.pop(key, deque())
                self._tries[key] = tries
                tries.append(now)
            while len(self._tries) > 2 * _MOST_KEYS:
                del self._tries[next(iter(self._tries))]
        return 0

    def forgive(self, account: str, client: str) -> None:
        """The try succeeded: the account starts anew, the client gets its try back."""
        with self._lock:
            self._tries.pop(("account", account), None)
            if tries := self._tries.get(("client", customer_line(client))):
                tries.pop()

    def _recent(self, key: tuple[str, str], now: float) -> deque[float]:
        tries = self._tries.get(key, deque())
        while tries and now - tries[0] >= WINDOW:
            tries.popleft()
        return tries
