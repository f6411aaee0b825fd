"""Pictures: each begins and ends as its format says and has a size that can be shown; none is decoded."""

from __future__ import annotations

import re
import struct
import zlib

from store.rules.filetypes.unsound import CUT_OFF, DAMAGED, Unsound, check_no_zip, check_pixels, check_rest

_MOST_PARTS = 100_000  # chunks or segments; a large picture has some thousands
_MOST_BLOCKS = 500_000
_JPEG_MARK = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]", re.DOTALL)  # not FF 00 nor a restart, which are part of the scan
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
_BMP_PLAIN = (0, 3, 6)  # compressions whose rows have a fixed length: none, and with bit masks


def check_png(content: bytes) -> None:
    """W3C PNG 5: the mark, IHDR first, chunks one behind the other, IEND last."""
    place = 8
    for number in range(_MOST_PARTS):
        if place + 12 > len(content):
            raise Unsound(CUT_OFF)
        size, kind = struct.unpack_from(">I4s", content, place)
        if (number == 0) != (kind == b"IHDR") or not kind.isalpha():
            raise Unsound(DAMAGED)
        if kind == b"IHDR":
            (told,) = struct.unpack_from(">I", content, place + 21)
            if size != 13 or told != zlib.crc32(content[place + 4 : place + 21]):
                raise Unsound(DAMAGED)
            check_pixels(*struct.unpack_from(">II", content, place + 8))
        place += 12 + size
        if kind == b"IEND":
            return _check_end(content, place)
    raise Unsound(DAMAGED)


def check_jpeg(content: bytes) -> None:
    """ITU T.81 B: SOI, segments with their lengths, a frame, scans, EOI."""
    place, framed, scanned = 2, False, False
    for _ in range(_MOST_PARTS):
        while content[place : place + 2] == b"\xff\xff":  # fill bytes
            place = _skip_fill(content, place)
        if place + 2 > len(content):
            raise Unsound(CUT_OFF)
        mark = content[place + 1]
        if content[place] != 0xFF or mark == 0:
            raise Unsound(DAMAGED)
        if mark == 0xD9:
            if not (framed and scanned):
                raise Unsound(DAMAGED)
            return _check_end(content, place + 2)
        if mark == 0x01 or 0xD0 <= mark <= 0xD8:
            place += 2
            continue
        if place + 4 > len(content):
            raise Unsound(CUT_OFF)
        (size,) = struct.unpack_from(">H", content, place + 2)
        if size < 2:
            raise Unsound(DAMAGED)
        if mark in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", content, place + 5)
            check_pixels(width, height)
            framed = True
        place += 2 + size
        if mark == 0xDA:
            scanned = True
            found = _JPEG_MARK.search(content, place)
            if not found:
                raise Unsound(CUT_OFF)
            place = found.start()
    raise Unsound(DAMAGED)


_FILL = re.compile(rb"\xff*")


def _skip_fill(content: bytes, place: int) -> int:
    found = _FILL.match(content, place)
    return found.end() - 1 if found else place


def check_bmp(content: bytes) -> None:
    """Windows and OS/2 bitmaps: the sizes in the two headers agree with each other and with the file."""
    told, start, header = struct.unpack_from("<2xI4xII", content)
    if header not in _BMP_HEADERS or start < 14 + header:
        raise Unsound(DAMAGED)
    if header == 12:
        width, height, planes, depth = struct.unpack_from("<18xHHHH", content)
        packing = image = 0
    else:
        width, height, planes, depth = struct.unpack_from("<18xiiHH", content)
        packing, image = struct.unpack_from("<30xII", content) if header >= 40 else (0, 0)
    if planes != 1 or depth not in (1, 2, 4, 8, 16, 24, 32) or packing not in (0, 1, 2, 3, 6):
        raise Unsound(DAMAGED)
    check_pixels(width, abs(height))
    if packing in _BMP_PLAIN:
        image = (width * depth + 31) // 32 * 4 * abs(height)
    if start + image > len(content):
        raise Unsound(CUT_OFF)
    if told > len(content) + 4:  # some programs count two or four bytes too many
        raise Unsound(CUT_OFF)
    _check_end(content, max(start + image, min(told, len(content))))


def check_gif(content: bytes) -> None:
    """GIF89a: screen, colours, blocks, trailer."""
    check_pixels(*struct.unpack_from("<6xHH", content))
    place, shown = 13 + _colours(content[10]), False
    for _ in range(_MOST_PARTS):
        if place == len(content) and shown:  # some programs leave the trailer out
            return check_no_zip(content)
        if place >= len(content):
            raise Unsound(CUT_OFF)
        kind = content[place]
        if kind == 0x3B:
            return _check_end(content, place + 1)
        if kind == 0x21:
            place = _behind_blocks(content, place + 2)
        elif kind == 0x2C:
            check_pixels(*struct.unpack_from("<HH", content, place + 5))
            place, shown = _behind_blocks(content, place + 11 + _colours(content[place + 9])), True
        elif kind:
            raise Unsound(DAMAGED)
        else:  # a lone end of a block, which some programs write
            place += 1
    raise Unsound(DAMAGED)


def _behind_blocks(content: bytes, place: int) -> int:
    """Behind a row of blocks of up to 255 bytes; there are some thousands in a large film."""
    for _ in range(_MOST_BLOCKS):
        if place >= len(content) or not content[place]:
            return place + 1
        place += 1 + content[place]
    raise Unsound(DAMAGED)


def _colours(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _check_end(content: bytes, end: int) -> None:
    check_rest(content, end)
    check_no_zip(content)
