"""Our own sentences as lines of plain text, measured as a terminal shows them: a Chinese or Japanese sign is two wide."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

WIDTH = 78
_CLOSING = "、。，．：；？！…ー」』）】〉》〕"  # never begin a line (JIS X 4051)
_OPENING = "「『（【〈《〔"  # never end one
_WIDE = r"\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff01-\uff60\uffe0-\uffe6"
_BLANKS = re.compile(r"[ \t\r\n]+")  # what is no blank to break at stays: French puts one before a colon
_CHUNK = re.compile(rf" |[{_OPENING}]*[{_WIDE}][{_CLOSING}]*|[^ {_WIDE}]+[{_CLOSING}]*")


def width(text: str) -> int:
    """Columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def wrap(value: str, indent: str = "", first: str = "") -> str:
    """At most WIDTH wide, the later lines indented and the first as said; links and long names stay whole."""
    text = _BLANKS.sub(" ", value).strip()
    if width(first + text) <= WIDTH:
        return (first + text).rstrip(" ")
    lines, line = [], first
    for chunk in _CHUNK.findall(text):
        if line.strip() and chunk != " " and width(line + chunk) > WIDTH:
            lines.append(line.rstrip(" "))
            line = indent
        if chunk != " " or line.strip():
            line += chunk
    return "\n".join([*lines, line.rstrip(" ")])


def rule(value: str) -> str:
    """A line under a heading, as long as the heading's last line."""
    return "-" * min(width(value.rsplit("\n", 1)[-1]), WIDTH)


def columns(rows: Iterable[tuple[str, str]]) -> str:
    """Names and values, one pair a line, the values below each other."""
    pairs = list(rows)
    widest = max(width(name) for name, _ in pairs)
    return "\n".join(f"{name}{' ' * (widest - width(name))} {value}".rstrip() for name, value in pairs)
