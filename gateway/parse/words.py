"""Encoded words (RFC 2047), parameter values (RFC 2231) and the cleaning of everything shown in one line."""

from __future__ import annotations

import binascii
import re
import unicodedata
from urllib.parse import unquote_to_bytes

from gateway.parse.charset import decode_bytes

ENCODED_WORD = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?=")
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb"
)
_INVISIBLES = re.compile(f"[{_INVISIBLE}\U000e0000-\U000e007f]+")
# An invisible sign beside a digit leaves a blank: no number may appear that the writer's own program did not show.
_BESIDE_DIGIT = re.compile("(?<=[0-9#])\u200b|\u200b(?=[0-9#])")
# At the edges of a tag a blank would still read as part of it, so the sign is shown as what it is: not readable.
_IN_TAG = re.compile("(?<=[#\\[])\u200b|\u200b(?=[#\\]])")
_CONTROLS = re.compile("[\x01-\x1f\x7f-\x9f\u2028\u2029]+")
_BROKEN = re.compile("[\ud800-\udfff\x00]")


def decode_words(value: str) -> str:
    """A header value with its encoded words decoded; words split inside a character are joined before decoding."""
    if "=?" not in value:
        return value
    out: list[str] = []
    pending, charset, at = b"", "", 0
    for match in ENCODED_WORD.finditer(value):
        between = value[at : match.start()]
        label = match[1].split("*", 1)[0]
        if between.strip() or not charset:
            out.append(_flush(pending, charset))
            out.append(between)
            pending = b""
        elif label.lower() != charset.lower():
            out.append(_flush(pending, charset))
            pending = b""
        charset = label
        pending += _decode_word(match[2], match[3])
        at = match.end()
    out.append(_flush(pending, charset))
    out.append(value[at:])
    return "".join(out)


def _decode_word(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(data.replace(b"_", b" "), header=False)
    return decode_base64(data)


def decode_base64(data: bytes | memoryview) -> bytes:
    """Base64 read with what is there: foreign signs are stepped over, missing padding is added."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        kept = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
        kept = kept[: len(kept) - 1] if len(kept) % 4 == 1 else kept
        return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


def _flush(data: bytes, charset: str) -> str:
    return decode_bytes(data, charset)[0] if data else ""


def decode_extended(value: str) -> str:
    """charset'language'percent-encoded text (RFC 2231 section 4)."""
    charset, _, rest = value.partition("'")
    _language, quote, text = rest.partition("'")
    if not quote:
        charset, text = "", value
    return decode_bytes(unquote_to_bytes(text), charset or None)[0]


def join_parameters(pairs: list[tuple[str, str]], key: str) -> list[str]:
    """All readings of a parameter: each plain one, the extended one, the continued one (RFC 2231 section 3)."""
    found: list[str] = []
    segments: dict[int, tuple[bool, str]] = {}
    for name, value in pairs:
        base, star, rest = name.partition("*")
        if base != key:
            continue
        if not star:
            found.append(decode_words(value))
            if "'" in value and "%" in value:
                found.append(decode_extended(value))
        elif not rest:
            found.append(decode_extended(value))
        elif (number := rest.rstrip("*")).isascii() and number.isdigit() and len(number) <= 4:
            segments.setdefault(int(number), (rest.endswith("*"), value))
    if segments:
        found.append(_join_segments(segments))
    return [value for value in dict.fromkeys(found) if value]


def _join_segments(segments: dict[int, tuple[bool, str]]) -> str:
    data, charset = b"", None
    for place, number in enumerate(sorted(segments)):
        extended, value = segments[number]
        if place == 0 and extended and value.count("'") >= 2:
            charset, _, value = value.split("'", 2)
        data += unquote_to_bytes(value) if extended else value.encode("utf-8", "replace")
    if charset is None:
        return decode_words(data.decode("utf-8", "replace"))
    return decode_bytes(data, charset or None)[0]


def clean_line(text: str, limit: int = 998) -> str:
    """One line without controls, bidi and zero-width signs, blanks collapsed, cut at `limit` characters."""
    text = text[: limit * 8]
    if text.isascii() and text.isprintable():
        return " ".join(text.split())[:limit].strip()
    text = _BROKEN.sub("\ufffd", text)
    text = _CONTROLS.sub(" ", text)
    text = _INVISIBLES.sub("\u200b", text)  # one for a run, or looking past each run takes quadratic time
    text = _BESIDE_DIGIT.sub(" ", _IN_TAG.sub("\ufffd", text))
    text = _INVISIBLES.sub("", text)
    return " ".join(unicodedata.normalize("NFC", text).split())[:limit].strip()


def drop_invisible(text: str) -> str:
    """The text without format characters of any kind and without controls."""
    if text.isascii() and text.isprintable():
        return text
    kept = (c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    return _INVISIBLES.sub("", "".join(kept))
