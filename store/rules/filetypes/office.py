"""Word and Excel files: the ZIP packages (ECMA-376 part 2), the compound files before them (MS-CFB), and RTF."""

from __future__ import annotations

import html
import struct
import zlib
from collections.abc import Iterator, Sequence

from store.rules.filetypes.unsound import CUT_OFF, DAMAGED, Unsound, check_rest
from store.rules.filetypes.zips import Member

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
RTF = b"{\\rtf"
LOCKED = "it is locked with a password; please send it without one"
MACROS = "it holds macros"
NOT_OFFICE = "it is no {} document"

_TYPES = "[content_types].xml"
_MOST_TYPES = 1 << 20  # bytes; a workbook of a thousand sheets has 200 KB
_END_OF_CHAIN = 0xFFFFFFFA  # and above: no sector
_LOCKED_STREAM = "encryptedpackage"
_MACRO_PARTS = ("vbaproject.bin", "vbadata.xml")


def check_package(content: bytes, members: Sequence[Member], folder: str, kind: str) -> None:
    """Raises Unsound unless the ZIP is a document whose parts lie in `folder` ("word", "xl") and holds no macros."""
    if len({name.lower() for m in members for name in m.names}) < len(members):
        raise Unsound(DAMAGED)  # two parts of one name: every program takes another one
    parts = {name.replace("\\", "/").lstrip("/").lower(): m for m in members for name in m.names}
    if _TYPES not in parts or not any(part.startswith(f"{folder}/") for part in parts):
        raise Unsound(NOT_OFFICE.format(kind))
    if any(part.endswith(_MACRO_PARTS) or part.startswith("xl/macrosheets/") for part in parts):
        raise Unsound(MACROS)
    if any(member.encrypted for member in members):
        raise Unsound(LOCKED)
    types = html.unescape(_content_types(content, parts[_TYPES])).lower()
    if "macroenabled" in types or "vbaproject" in types or "macrosheet" in types:
        raise Unsound(MACROS)
    if "<!doctype" in types or "<!entity" in types:
        raise Unsound(DAMAGED)


def _content_types(content: bytes, member: Member) -> str:
    """The one part that is unpacked, up to a fixed size, because a part with macros may have any name (threats 51)."""
    packed = content[member.start : member.start + min(member.packed, _MOST_TYPES)]
    if member.method == 8:
        try:
            packed = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, _MOST_TYPES + 1)
        except zlib.error:
            raise Unsound(DAMAGED) from None
    elif member.method != 0:
        raise Unsound(DAMAGED)
    if len(packed) > _MOST_TYPES or member.size > _MOST_TYPES:
        raise Unsound(DAMAGED)
    return packed.replace(b"\0", b"").decode("utf-8", "replace")  # UTF-16 without its zeros is as good to search


def check_compound(content: bytes, streams: tuple[str, ...], kind: str) -> None:
    """Raises Unsound unless this is a sound compound file with one of `streams` (in lower case) in it, not one locked with a password.

    Macros are part of what .doc and .xls are, and so no reason to refuse one.
    """
    names = {name.lower() for name in _entries(content)}
    if _LOCKED_STREAM in names:
        raise Unsound(LOCKED)
    if not names.intersection(streams):
        raise Unsound(NOT_OFFICE.format(kind))


def is_locked_package(content: bytes) -> bool:
    """True for a .docx or .xlsx with a password, which is a compound file around the package (MS-OFFCRYPTO)."""
    try:
        return content.startswith(OLE) and _LOCKED_STREAM in (name.lower() for name in _entries(content))
    except (Unsound, struct.error, IndexError):
        return False


def _entries(content: bytes) -> Iterator[str]:
    """The names of the storages and streams of a compound file."""
    version, order, shift, mini_shift = struct.unpack_from("<26x4H", content)
    if order != 0xFFFE or (version, shift) not in ((3, 9), (4, 12)) or mini_shift != 6:
        raise Unsound(DAMAGED)
    size = 1 << shift
    tables, first, cutoff = struct.unpack_from("<44xII4xI", content)
    if cutoff != 4096 or not 0 < tables <= len(content) // size:
        raise Unsound(DAMAGED)
    places = _table_places(content, size)
    sector, seen, most = first, 0, len(content) // size
    while sector < _END_OF_CHAIN:
        start = (sector + 1) * size
        if start + 128 > len(content) or seen > most:
            raise Unsound(CUT_OFF if start >= len(content) else DAMAGED)
        for place in range(start, min(start + size, len(content) - 127), 128):
            length, kind = struct.unpack_from("<HB", content, place + 64)
            if kind in (1, 2, 5) and 2 <= length <= 64:
                yield content[place : place + length - 2].decode("utf-16-le", "replace")
        sector, seen = _next_sector(content, places, sector, size), seen + 1


def _table_places(content: bytes, size: int) -> list[int]:
    """Where the sectors of the allocation table begin: 109 are listed in the header, the others in a chain."""
    sectors = list(struct.unpack_from("<109I", content, 76))
    more, seen = struct.unpack_from("<68xI", content)[0], 0
    while more < _END_OF_CHAIN and seen <= len(content) // size:
        if (more + 2) * size > len(content):
            raise Unsound(CUT_OFF)
        *listed, more = struct.unpack_from(f"<{size // 4}I", content, (more + 1) * size)
        sectors += listed
        seen += 1
        if len(sectors) > len(content) // size + 236:
            raise Unsound(DAMAGED)
    return [(sector + 1) * size for sector in sectors if sector < _END_OF_CHAIN]


def _next_sector(content: bytes, places: list[int], sector: int, size: int) -> int:
    table, entry = divmod(sector, size // 4)
    if table >= len(places):
        raise Unsound(DAMAGED)
    return int(struct.unpack_from("<I", content, places[table] + 4 * entry)[0])


def check_rtf(content: bytes) -> None:
    """Raises Unsound for an RTF text that is cut off or carries an embedded object, which is a file in disguise."""
    if any(content.find(mark) >= 0 for mark in (b"\\objdata", b"\\objupdate", b"\\objocx")):
        raise Unsound("another file is embedded in it")
    end = content.rfind(b"}")
    if end < 0:
        raise Unsound(CUT_OFF)
    check_rest(content, end + 1)
