"""The list of a ZIP's members, read from its central directory and compared with the members (PKWARE APPNOTE 6.3.10)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from store.rules.filetypes.unsound import DAMAGED, Unsound

SPLIT = "it is one part of an archive in several parts"
MASKED = "the names of the files in it are hidden"
IN_FRONT = "there is something else in front of the archive"
BEHIND = "there is something else behind the archive"
UNLISTED = "its list of files is not true"

_LOCAL, _LISTING, _END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
_END_64, _LOCATOR_64 = b"PK\6\6", b"PK\6\7"
_BLANKS = 1024  # bytes of padding that some transports leave behind the end
_DESCRIPTOR = 24  # bytes at most behind a member whose sizes were not known in front (4.3.9)


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive. `names` holds every name its readers could give it, sizes are bytes as declared.

    `targets` is where a link leads, as far as its readers could take it; empty when only unpacking would tell.
    """

    names: tuple[str, ...]
    size: int
    packed: int = 0
    start: int = 0  # where its packed bytes begin
    method: int = 0
    encrypted: bool = False
    link: bool = False
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Directory:
    count: int
    size: int
    start: int
    end: int  # where the records behind the listing begin


def read_zip(content: bytes, most: int) -> list[Member]:
    """The members. Raises Unsound for a broken or ambiguous archive and for one of more than `most` members."""
    directory = _find_directory(content)
    if directory.count > most:
        raise Unsound(f"there are more than {most} files in it")
    members, regions, place = [], [], directory.start
    for _ in range(directory.count):
        if content[place : place + 4] != _LISTING or place + 46 > directory.end:
            raise Unsound(DAMAGED)
        made, flags, method, packed, size, name_size, extra_size, comment_size, disk, mode, local = struct.unpack_from(
            "<5xB2xHH8xIIHHHH2xII", content, place
        )
        raw_name = content[place + 46 : place + 46 + name_size]
        extra = content[place + 46 + name_size : place + 46 + name_size + extra_size]
        place += 46 + name_size + extra_size + comment_size
        if flags & 0x2000:
            raise Unsound(MASKED)
        if 0xFFFFFFFF in (packed, size, local) or disk == 0xFFFF:
            size, packed, local, disk = _in_full(extra, size, packed, local, disk)
        if disk:
            raise Unsound(SPLIT)
        start = _check_local(content, local, raw_name)
        regions.append((local, start + packed))
        names = _names(raw_name, flags, extra)
        link = made in (3, 19) and (mode >> 28) == 0o12  # made on Unix or a Mac: the mode's upper half says what it is
        members.append(Member(names, size, packed, start, method, bool(flags & 1), link))
    if place != directory.end:
        raise Unsound(DAMAGED)
    _check_regions(content, regions, directory)
    return members


def _find_directory(content: bytes) -> _Directory:
    place = content.rfind(_END, max(0, len(content) - 22 - 0xFFFF - _BLANKS))
    if place < 0 or place + 22 > len(content):
        raise Unsound(DAMAGED)
    disk, first_disk, here, count, size, start, comment = struct.unpack_from("<4HIIH", content, place + 4)
    behind = place + 22 + comment
    if behind > len(content):
        raise Unsound(DAMAGED)
    if content[behind : behind + _BLANKS].strip(b"\0\r\n") or len(content) - behind > _BLANKS:
        raise Unsound(BEHIND)
    end = place
    if content[place - 20 : place - 16] == _LOCATOR_64 and place >= 76:
        told = struct.unpack_from("<8xQ", content, place - 20)[0]
        end = content.rfind(_END_64, 0, place - 20)
        if end < 0 or place - end > 4096:
            raise Unsound(DAMAGED)
        if told != end:
            raise Unsound(IN_FRONT)
        disk_64, first_64, here_64, count_64, size_64, start_64 = struct.unpack_from("<16xIIQQQQ", content, end)
        short = (disk, first_disk, here, count, size, start)
        full = (disk_64, first_64, here_64, count_64, size_64, start_64)
        if any(a != b and a not in (0xFFFF, 0xFFFFFFFF) for a, b in zip(short, full, strict=True)):
            raise Unsound(UNLISTED)
        disk, first_disk, here, count, size, start = full
    if disk or first_disk or here != count:
        raise Unsound(SPLIT)
    if start + size > end or count * 46 > size:
        raise Unsound(DAMAGED)
    if start + size < end:
        raise Unsound(IN_FRONT)
    return _Directory(count, size, start, end)


def _in_full(extra: bytes, size: int, packed: int, local: int, disk: int) -> tuple[int, int, int, int]:
    """The four fields with those that did not fit taken from the Zip64 extra (4.5.3)."""
    data, place = _extra(extra, 0x0001), 0
    fields = [size, packed, local]
    for number, value in enumerate(fields):
        if value == 0xFFFFFFFF:
            fields[number] = struct.unpack_from("<Q", data, place)[0]
            place += 8
    if disk == 0xFFFF:
        disk = struct.unpack_from("<I", data, place)[0]
    return fields[0], fields[1], fields[2], disk


def _extra(extra: bytes, wanted: int) -> bytes:
    place = 0
    while place + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, place)
        if kind == wanted:
            return extra[place + 4 : place + 4 + size]
        place += 4 + size
    return b""


def _check_local(content: bytes, place: int, raw_name: bytes) -> int:
    """Where the member's bytes begin; some unpackers believe the header in front of them and not the list."""
    if content[place : place + 4] != _LOCAL or place + 30 > len(content):
        raise Unsound(DAMAGED)
    name_size, extra_size = struct.unpack_from("<HH", content, place + 26)
    if content[place + 30 : place + 30 + name_size] != raw_name:
        raise Unsound(UNLISTED)
    return int(place + 30 + name_size + extra_size)


def _check_regions(content: bytes, regions: list[tuple[int, int]], directory: _Directory) -> None:
    """The members lie one behind the other: none shared, as in bombs, and none that the list leaves out."""
    reached = 4 if content[:4] in (b"PK00", b"PK\7\x08") else 0
    if min((start for start, _ in regions), default=directory.start) != reached:
        raise Unsound(IN_FRONT)
    for start, end in [*sorted(regions), (directory.start, directory.start)]:
        if start < reached:
            raise Unsound(UNLISTED)
        if start - reached > _DESCRIPTOR and content.find(_LOCAL, reached, start) >= 0:
            raise Unsound(UNLISTED)
        reached = end


def _names(raw: bytes, flags: int, extra: bytes) -> tuple[str, ...]:
    if raw.isascii():
        name = raw.decode("ascii")
        names = [name]
    else:
        names = [raw.decode("utf-8", "replace"), raw.decode("cp437")]
        names = names if not flags & 0x800 else names[:1]
    if 0x7075.to_bytes(2, "little") in extra:
        names.append(_extra(extra, 0x7075)[5:].decode("utf-8", "replace"))
    return tuple(names)
