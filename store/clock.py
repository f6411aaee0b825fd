"""What a loop is told from outside: the time, read here alone so that a test or `tick --at` can set it, and its end."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

Clock = Callable[[], datetime]


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


class Stop(Protocol):
    """What tells a loop to end; each look at it may be a sign of life."""

    def is_set(self) -> bool: ...
    def wait(self, seconds: float, /) -> bool: ...
