"""The header block: fields in order, unfolded, bounded, with broken lines stepped over (RFC 5322 section 2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.parse.charset import decode_bytes

MAX_VALUE = 100_000
MAX_BLOCK = 1_000_000
MAX_FIELDS = 2_000

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_BOMS = (b"\xff\xfe", b"\xfe\xff")
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9][\w.:-]{1,59})", re.IGNORECASE)
_CHARSET_SEARCH = 20_000
# A line that others do not join must not make somebody of nobody (threat 45).
_WHO = frozenset({"from", "sender", "reply-to"})
_HEADER_END = re.compile(rb"\n\r?\n")


@dataclass(frozen=True, slots=True)
class Field:
    """One header field; the value is unfolded text, not yet decoded by RFC 2047."""

    name: str
    value: str


class Headers:
    """The fields of one block, looked up by name in either case; order and repeats are kept."""

    def __init__(self, fields: list[Field], defects: list[str]) -> None:
        self.fields = fields
        self.defects = defects
        self._index: dict[str, list[str]] = {}
        for field in fields:
            self._index.setdefault(field.name.lower(), []).append(field.value)

    def all(self, name: str) -> list[str]:
        """Every value of a field, top first."""
        return self._index.get(name.lower(), [])

    def first(self, name: str) -> str:
        """The topmost value, empty when missing; repeats never win over it."""
        return (self.all(name) or [""])[0].strip()

    def names(self) -> set[str]:
        """All field names in lower case."""
        return set(self._index)


def settle_line_ends(raw: bytes) -> bytes:
    """The same bytes with one meaning of "line": a message without any LF is an old Macintosh one."""
    if b"\n" not in raw:
        return raw.replace(b"\r", b"\n")
    if b"\r\r\n" in raw:
        raw = re.sub(rb"\r+\n", b"\r\n", raw)
    return raw


def split_message(raw: bytes) -> tuple[Headers, bytes]:
    """(the header block read, the body bytes); without any field all is body, without an empty line all is header."""
    if raw.startswith(_BOMS):
        raw = raw.decode("utf-16", "replace").encode("utf-8", "replace")
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    start = 0
    while raw.startswith((b"\n", b"\r\n"), start) and start < 100:
        start = raw.index(b"\n", start) + 1
    if not _FIELD.match(raw, start) and not raw.startswith((b"From ", b">From "), start):
        start = 0
        if not _rest_has_fields(raw):
            return Headers([], ["no-headers"]), raw
    end = _HEADER_END.search(raw, start)
    stop, after = (end.start() + 1, end.end()) if end else (len(raw), len(raw))
    if raw.startswith((b"\n", b"\r\n"), start):
        return Headers([], ["no-headers"]), raw[start:]
    # Raw 8-bit headers are mostly written in the charset of the text below them.
    label = _CHARSET.search(raw, start, stop + _CHARSET_SEARCH)
    fields, used, defects = read_fields(raw[start:stop], label[1].decode("ascii") if label else None)
    if used is not None:
        after = start + used
    return Headers(fields, defects), raw[after:]


def _rest_has_fields(raw: bytes) -> bool:
    block = raw[:4000].split(b"\n\n")[0].split(b"\r\n\r\n")[0]
    return sum(bool(_FIELD.match(line)) for line in block.splitlines()) >= 2


def read_fields(block: bytes, label: str | None = None) -> tuple[list[Field], int | None, list[str]]:
    """(fields, offset where the block really ended when that is earlier than its end, defects).

    `label`: the charset to try for raw 8-bit values that are no UTF-8.
    """
    fields: list[Field] = []
    defects: list[str] = []
    name, at = "", 0
    chunks: list[bytes] = []
    if len(block) > MAX_BLOCK:
        defects.append("headers-too-large")

    def flush() -> None:
        if name and len(fields) < MAX_FIELDS:
            value = b"".join(chunks)
            if len(value) > MAX_VALUE:
                defects.append("header-too-long")
            fields.append(Field(name, _read_value(name, value[:MAX_VALUE], label)))

    lines = block[:MAX_BLOCK].split(b"\n")
    for number, line in enumerate(lines):
        if line[:1] in (b" ", b"\t"):
            chunks.append(line.rstrip(b"\r"))
        elif match := _FIELD.match(line):
            flush()
            name, chunks = match[1].decode("ascii"), [line[match.end() :].rstrip(b"\r")]
        elif line.strip() and not line.startswith((b"From ", b">From ")):
            if "broken-header" not in defects:
                defects.append("broken-header")
            if not _goes_on(lines, number + 1):
                flush()
                return fields, at, defects
            if name.lower() in _WHO:
                flush()
                name, chunks = "", []
            else:  # some programs fold without the blank
                chunks.append(b" " + line.rstrip(b"\r"))
        at += len(line) + 1
    flush()
    return fields, None, defects


def _goes_on(lines: list[bytes], start: int) -> bool:
    """Whether after a broken line more fields follow; else the author forgot the empty line before the text."""
    following = [line for line in lines[start : start + 20] if line.strip() and line[:1] not in (b" ", b"\t")]
    return bool(following) and sum(bool(_FIELD.match(line)) for line in following) * 2 > len(following)


def _read_value(name: str, value: bytes, label: str | None) -> str:
    # A lone CR would start a new field for parsers that take it as a line end.
    value = value.replace(b"\r", b" ").replace(b"\t", b" ")
    if not value.isascii():
        text, fits = decode_bytes(value, "utf-8")
        return text if fits or label is None else decode_bytes(value, label)[0]
    if b"\x1b" in value and name.lower() not in _WHO:
        return decode_bytes(value, None)[0]  # ISO-2022-JP as it stands
    return value.decode("ascii").replace("\0", "\ufffd")


_PARAMETER = re.compile(r';\s*([^=;\s"]{1,200})\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)', re.DOTALL)
MAX_PARAMETERS = 1_000


def split_parameters(value: str) -> tuple[str, list[tuple[str, str]]]:
    """(main value in lower case, parameters in order) of a MIME field (RFC 2045 section 5.1); repeats are kept."""
    main = value.split(";", 1)[0].strip().lower()
    pairs: list[tuple[str, str]] = []
    for match in _scan_parameters(value):
        text = match[2].strip()
        if text.startswith('"'):
            text = re.sub(r"\\(.)", r"\1", text[1:-1] if len(text) > 1 and text.endswith('"') else text[1:], flags=re.S)
        pairs.append((match[1].lower(), text))
        if len(pairs) >= MAX_PARAMETERS:
            break
    return main, pairs


def _scan_parameters(value: str) -> Iterator[re.Match[str]]:
    at = value.find(";")
    return _PARAMETER.finditer(value, at) if at >= 0 else iter(())
