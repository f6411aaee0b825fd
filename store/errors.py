"""Errors sorted by who must act: wait and try again, change something, or correct the input."""

from __future__ import annotations

import traceback
from errno import EDQUOT, EIO, ENOSPC
from pathlib import Path


class PosternError(Exception):
    """The base of every error this product raises on purpose; its text may be shown to a person."""


class Temporary(PosternError):
    """Nobody did wrong; the same request may succeed later (a lock, a full disk, a relay that is down)."""


class NoRoom(Temporary):
    """The disk is full; it works again as soon as there is room."""


class DiskFailed(Temporary):
    """The disk did not make durable what it had taken, and has forgotten it: only a new start knows what is there.

    A process that meets this tries nothing again, tells whoever waits to come back later, and ends (threats 88).
    """


class Permanent(PosternError):
    """The same request will never succeed."""


class BadInput(Permanent):
    """The caller's data is wrong; the text names the place and what was expected."""


class ConfigError(BadInput):
    """The configuration is wrong; the text names the file, the key and what was expected."""


class NotFound(Permanent):
    """What was named does not exist, or not for this person."""


def disk_trouble(error: BaseException) -> NoRoom | DiskFailed | None:
    """The trouble with the disk that an error is, or stands for by its number (threats 87, 88); None for any other."""
    if isinstance(error, NoRoom | DiskFailed):
        return error
    number = error.errno if isinstance(error, OSError) else None
    if number in (ENOSPC, EDQUOT):
        return NoRoom("the disk is full")
    return DiskFailed("the disk did not keep what was written") if number == EIO else None


def describe(error: BaseException) -> str:
    """An error for the log: its kinds and places. Only texts of our own, because a driver's may quote the mail."""
    told: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(told) < 5:
        places = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(seen.__traceback__)[-4:]]
        text = f" ({seen})" if isinstance(seen, PosternError) else ""
        told.append(f"{type(seen).__name__}{text} at {' > '.join(places) or '?'}")
        seen = seen.__cause__
    return "; from ".join(told)
