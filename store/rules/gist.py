"""What a text says, as far as a machine that varies the rest repeats it (threats 36)."""

from __future__ import annotations

import re
from hashlib import sha256

_VARIES = re.compile(r"[\W\d_]+")
_MOST = 2_000  # letters


def gist(text: str) -> str:
    """A hash of the letters of a text: dates, numbers, blanks and signs are what an answering machine fills in."""
    letters = _VARIES.sub("", text[: 4 * _MOST].casefold())[:_MOST]
    return sha256(letters.encode("utf-8", "replace")).hexdigest()[:32]
