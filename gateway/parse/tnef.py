"""What is inside winmail.dat, which Outlook and Exchange send in place of MIME parts (MS-OXTNEF).

A reader of our own: tnefparse loops as often as a number in the file says.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.parse.charset import decode_bytes

_SIGNATURE = 0x223E9F78
_MAX_FILES = 200
_MAX_PROPERTIES = 5_000
# Attributes (MS-OXTNEF 2.1.3.2) and properties (MS-OXPROPS).
_BODY, _DATA, _TITLE, _RENDERING, _MESSAGE, _ATTACHMENT, _CODEPAGE = (
    0x800C, 0x800F, 0x8010, 0x9002, 0x9003, 0x9005, 0x9007,
)  # fmt: skip
_P_TEXT, _P_RTF, _P_HTML, _P_CODEPAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
_P_DISPLAY, _P_OBJECT, _P_NAME, _P_LONG_NAME, _P_KIND, _P_ID = 0x3001, 0x3701, 0x3704, 0x3707, 0x370E, 0x3712
_SIZES = {0x2: 4, 0x3: 4, 0x4: 4, 0xA: 4, 0xB: 4, 0x5: 8, 0x6: 8, 0x7: 8, 0x14: 8, 0x40: 8, 0x48: 16}
_OBJECT, _TEXT, _WIDE_TEXT, _BINARY = 0xD, 0x1E, 0x1F, 0x102
_VARIABLE = frozenset({_OBJECT, _TEXT, _WIDE_TEXT, _BINARY})
_MANY, _NAMED = 0x1000, 0x8000
_ID_SIZE = 16  # the name of an object's interface stands before its data
_CHARSETS = {65001: "utf-8", 20127: "us-ascii", 20866: "koi8-r", 21866: "koi8-u", 51932: "euc-jp", 54936: "gb18030"}


@dataclass(slots=True)
class Enclosed:
    """One file of the container."""

    name: str = ""
    kind: str = ""
    content_id: str = ""
    content: bytes = b""


@dataclass(slots=True)
class Container:
    """What was read; `rich_only`: the words are there as compressed RTF alone, which nobody reads here."""

    text: str = ""
    html: str = ""
    rich_only: bool = False
    files: list[Enclosed] = field(default_factory=list)


def read_tnef(data: bytes) -> Container | None:
    """The container's words and files, None when it is damaged or none: then it is best kept as it is."""
    try:
        return _read(data)
    except (struct.error, UnicodeError, ValueError):
        return None


def _read(data: bytes) -> Container | None:
    if len(data) < 6 or struct.unpack_from("<I", data)[0] != _SIGNATURE:
        return None
    found = Container()
    label, rich, at = "cp1252", False, 6
    while at + 11 <= len(data):
        name, size = struct.unpack_from("<xHxxI", data, at)
        if at + 9 + size > len(data):
            return None
        value = data[at + 9 : at + 9 + size]
        at += size + 11
        if name == _RENDERING:
            if len(found.files) == _MAX_FILES:
                return None
            found.files.append(Enclosed())
        elif name == _CODEPAGE:
            label = _label(value)
        elif name == _BODY:
            found.text = found.text or decode_bytes(value.rstrip(b"\0"), label)[0]
        elif name == _MESSAGE:
            rich = _read_message(found, value, label) or rich
        elif found.files and name in (_TITLE, _DATA, _ATTACHMENT):
            _read_attachment(found.files[-1], name, value, label)
    found.text = found.text.replace("\r\n", "\n").replace("\r", "\n")
    found.html = found.html.replace("\r\n", "\n").replace("\r", "\n")
    found.rich_only = rich and not found.text.strip() and not found.html.strip()
    return found


def _label(value: bytes) -> str:
    number = struct.unpack_from("<I", value)[0]
    if 28591 <= number <= 28605:
        return f"iso-8859-{number - 28590}"
    return _CHARSETS.get(number, f"cp{number}")


def _read_message(found: Container, value: bytes, label: str) -> bool:
    """Reads the words; whether there are some in RTF."""
    given = {number: (kind, data) for number, kind, data in _properties(value)}
    own = _label(given[_P_CODEPAGE][1]) if _P_CODEPAGE in given else label
    if _P_TEXT in given:
        found.text = _text(*given[_P_TEXT], label)
    if _P_HTML in given:
        found.html = _text(*given[_P_HTML], own)
    return _P_RTF in given


def _read_attachment(file: Enclosed, name: int, value: bytes, label: str) -> None:
    if name == _TITLE:
        file.name = file.name or _text(_TEXT, value, label)
    elif name == _DATA:
        file.content = value
    else:
        given = {number: (kind, data) for number, kind, data in _properties(value)}
        long_name = next((given[n] for n in (_P_LONG_NAME, _P_NAME, _P_DISPLAY) if n in given), None)
        file.name = _text(*long_name, label) if long_name else file.name
        file.kind = _text(*given[_P_KIND], label) if _P_KIND in given else ""
        file.content_id = _text(*given[_P_ID], label) if _P_ID in given else ""
        if _P_OBJECT in given:
            kind, content = given[_P_OBJECT]
            file.content = content[_ID_SIZE:] if kind == _OBJECT else content


def _text(kind: int, data: bytes, label: str) -> str:
    if kind == _WIDE_TEXT:
        return decode_bytes(data[: len(data) // 2 * 2], "utf-16le")[0].rstrip("\0\ufffd")
    return decode_bytes(data.rstrip(b"\0"), label)[0]


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(number, type, first value) of each property in a list (MS-OXTNEF 2.1.3.4); a damaged end is left out."""
    count, at = struct.unpack_from("<I", data)[0], 4
    for _ in range(min(count, _MAX_PROPERTIES)):
        if at + 4 > len(data):
            return
        kind, number = struct.unpack_from("<HH", data, at)
        at += 4
        if number >= _NAMED:
            by_number = struct.unpack_from("<I", data, at + 16)[0] == 0
            size = 0 if by_number else struct.unpack_from("<I", data, at + 20)[0]
            at += 24 + size + -size % 4
        values, variable = 1, kind & ~_MANY in _VARIABLE
        if kind & _MANY or variable:
            values = struct.unpack_from("<I", data, at)[0]
            at += 4
        fixed = _SIZES.get(kind & ~_MANY)
        if fixed is None and not variable:
            return
        first = b""
        for place in range(values):
            if at >= len(data):
                return
            size = struct.unpack_from("<I", data, at)[0] if variable else fixed or 0
            at += 4 if variable else 0
            if place == 0:
                first = data[at : at + size]
            at += size + -size % 4
        yield number, kind & ~_MANY, first
