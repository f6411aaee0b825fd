"""Errors into times: how long a mail waits after each kind of trouble, and when it is given up."""

from __future__ import annotations

import random
from datetime import timedelta

from store.errors import Permanent, Temporary

_GROWING = (60, 5 * 60, 15 * 60, 60 * 60)
_STEADY = 4 * 60 * 60
_PATIENCE = 5 * 24 * 60 * 60  # RFC 5321 section 4.5.4.1 asks for four to five days
_SPREAD = 0.1
# Attempts that may end without a word, each with the death of its worker. More than a few, because the mail is seldom the
# cause: a machine that is cut off again and again, while it starts, must not be taken for a mail that kills.
UNFINISHED = 10


class Unreachable(Temporary):
    """No conversation with the relay came about or it broke off early: the relay surely has nothing of this mail."""


class NoSession(Temporary):
    """The relay does not let us in as it is set up; `remedy` is a sentence about what it is, with what to do, and no word of its."""

    def __init__(self, words: str, remedy: str) -> None:
        super().__init__(words)
        self.remedy = remedy


class TooLarge(Permanent):
    """The relay takes mails of `limit` bytes at most (RFC 1870)."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"the mail has {size} bytes, the relay takes {limit} at most")
        self.limit = limit


class Defect(Temporary):
    """Our own mistake; a new start or a new version may do better, five days of waiting will not."""


def _for_days(*first: int) -> tuple[int, ...]:
    steady = (_PATIENCE - sum(first)) // _STEADY
    return first + (_STEADY,) * steady


# The first class that fits. A relay that restarts costs seconds, one that greylists minutes.
_PAUSES: tuple[tuple[type[Temporary], tuple[int, ...]], ...] = (
    (Defect, _GROWING),
    (Unreachable, _for_days(10, 30, *_GROWING)),
    (Temporary, _for_days(*_GROWING)),
)


def pause(error: Temporary, attempts: int, chance: random.Random) -> timedelta | None:
    """How long to wait after attempt number `attempts` (from 1) ended so; None when it was the last one.

    The pause is spread by a tenth either way, so that mails refused together do not come back together.
    """
    pauses = next(pauses for kind, pauses in _PAUSES if isinstance(error, kind))
    if attempts > len(pauses):
        return None
    return timedelta(seconds=pauses[attempts - 1] * chance.uniform(1 - _SPREAD, 1 + _SPREAD))
