"""How mail programs write a subject that is not ASCII: RFC 2047 in the dialect of each."""

from __future__ import annotations

from base64 import b64encode
from itertools import groupby


def plain(subject: str) -> str:
    """The words that need it; what is ASCII stays readable (Apple Mail, Thunderbird, Notes)."""
    parts = [" ".join(words) for _, words in groupby(subject.split(" "), str.isascii)]
    return _fold([part if part.isascii() else _q(part, "utf-8") for part in parts])


def base64_words(subject: str) -> str:
    """The whole of it, cut after 30 octets wherever that may be, a character or a tag (Gmail)."""
    raw = subject.encode()
    return _fold([f"=?UTF-8?B?{b64encode(raw[at : at + 30]).decode()}?=" for at in range(0, len(raw), 30)])


def latin_words(subject: str) -> str:
    """The whole of it in ISO 8859-1, brackets and signs left as they are (Exchange)."""
    return _fold([_q(subject[at : at + 40], "iso-8859-1") for at in range(0, len(subject), 40)])


def quoted_words(subject: str) -> str:
    """The whole of it with every sign escaped, cut after 12 characters (Zimbra, Yahoo)."""
    return _fold([_q(subject[at : at + 12], "utf-8", "") for at in range(0, len(subject), 12)])


def tabbed(subject: str) -> str:
    """Raw UTF-8, folded with a tab at every blank, also within the tag's line (ticket systems of old)."""
    return subject.replace(" ", "\r\n\t")


def _q(text: str, charset: str, safe: str = "[]#:()") -> str:
    signs = (
        bytes([octet]).decode() if chr(octet).isascii() and (chr(octet).isalnum() or chr(octet) in safe) else f"={octet:02X}"
        for octet in text.encode(charset)
    )  # fmt: skip
    return f"=?{charset}?Q?{''.join(signs).replace('=20', '_')}?="


def _fold(words: list[str]) -> str:
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > 66:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return "\r\n ".join(lines)
