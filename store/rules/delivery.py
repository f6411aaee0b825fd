"""What the words of a mail system say of an address (RFC 3463)."""

from __future__ import annotations

import re

_STATUS = re.compile(r"(?<![\d.])5\.(\d{1,3}\.\d{1,3})(?![\d.])")
# No such mailbox or host, moved, disabled. Others refuse this mail or this sender, or are full: the address is sound.
_GONE = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"})


def is_hard(words: str) -> bool:
    """Whether mail was refused because its address takes none, and not for what it holds or who sent it."""
    return any(found in _GONE for found in _STATUS.findall(words))
