"""Mail of an archive: on what terms it is taken, and the numbers another system gave its tickets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

_LONGEST = 998  # characters of a subject that are looked at, as in `tags`
_NUMBER = 64  # characters of a number at most
_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)

Number = tuple[str, str]  # the pattern of the system it is of, and the number as it stands there


@dataclass(frozen=True, slots=True)
class Terms:
    """How a mail of an archive is taken.

    `at`: when it was sent or received. `numbers`: patterns of other systems' ticket numbers. `trust_from`: whoever stands
    in From is believed, so that staff of the archive speak for support. `open_after`: a ticket whose last mail is older is
    closed; None: none is.
    """

    at: datetime
    numbers: tuple[str, ...] = ()
    trust_from: bool = False
    open_after: datetime | None = None

    @property
    def closes(self) -> bool:
        """Whether a ticket that ends with this mail is closed."""
        return self.open_after is not None and self.at < self.open_after

    def as_json(self) -> dict[str, Any]:
        """What `of_json` reads."""
        return {
            "at": self.at.isoformat(), "numbers": list(self.numbers), "trust_from": self.trust_from,
            "open_after": self.open_after.isoformat() if self.open_after else None,
        }  # fmt: skip


def of_json(value: Mapping[str, Any] | None) -> Terms | None:
    """The terms as `as_json` wrote them; None for mail of no archive."""
    if value is None:
        return None
    after = value["open_after"]
    return Terms(
        datetime.fromisoformat(value["at"]), tuple(value["numbers"]), value["trust_from"],
        datetime.fromisoformat(after) if after else None,
    )  # fmt: skip


def likely_time(stated: Iterable[datetime | None], now: datetime) -> datetime:
    """The first time stated that can be true: not before there was such mail, and not to come. Else `now`."""
    return next((at for at in stated if at is not None and _EARLIEST <= at <= now), now)


def check_pattern(pattern: str) -> str:
    """The pattern itself. Raises ValueError when it is none of a ticket number."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
    if compiled.groups != 1:
        raise ValueError(rf"{pattern!r} needs one group in parentheses around the number, as in \[Ticket#(\d+)\]")
    if any(compiled.search(text) for text in ("", "4711", "20260302100047")):
        raise ValueError(
            rf"{pattern!r} takes any number for a ticket's; expected what stands around it too, as in \[Ticket#(\d+)\]"
        )
    return pattern


def find_numbers(subject: str, patterns: Sequence[str]) -> tuple[Number, ...]:
    """Every number of other systems in a decoded subject, in order of the patterns."""
    text = " ".join(subject[:_LONGEST].split())
    found = (
        (pattern, number)
        for pattern in patterns
        for match in _compiled(pattern).finditer(text)
        if (number := match[1]) and len(number) <= _NUMBER
    )
    return tuple(dict.fromkeys(found))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
