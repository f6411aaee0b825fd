"""The ticket tag in a subject, `[HO#1042]`, and the subject without it."""

from __future__ import annotations

import re

# ASCII digits only, at most ten, no leading zero: int() would take other scripts' digits (threats 39, 46).
_TAG = re.compile(r"\[\s*([A-Za-z][A-Za-z0-9]{0,7})\s*#\s*([1-9][0-9]{0,9})\s*\]")
_PREFIX = re.compile(
    r"^\s*(?:re|aw|antw|sv|vs|rif|r|tr|wg|fw|fwd|rv|enc|odp|res|ref|ynt|vb|doorst|i|ang|回复|答复|转发|返信|転送)"
    r"\s*(?:\[\d{1,3}\]|\(\d{1,3}\)|\*\d{1,3})?\s*[:：]\s*",
    re.IGNORECASE,
)


def tag(key: str, number: int) -> str:
    """The tag as it stands in subjects, `[HO#1042]` (requirements S5)."""
    return f"[{key}#{number}]"


def find_tags(subject: str) -> list[tuple[str, int]]:
    """Every tag in a subject, in order, as (desk key, number). A subject folded in the middle of a tag still has it."""
    return [(key.upper(), int(number)) for key, number in _TAG.findall(subject)]


def base_subject(subject: str) -> str:
    """The customer's own words: reply and forward prefixes and tags taken off (HO-09)."""
    text = _TAG.sub(" ", subject[:998])
    while match := _PREFIX.match(text):
        text = text[match.end() :]
    return " ".join(text.split())
