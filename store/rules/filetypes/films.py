"""Films and phone pictures: the boxes of ISO base media (ISO 14496-12) and the elements of WebM (RFC 8794)."""

from __future__ import annotations

import struct

from store.rules.filetypes.unsound import (
    CUT_OFF,
    DAMAGED,
    TWO_FILES,
    Unsound,
    check_no_zip,
    check_pixels,
    check_rest,
    is_blank,
    starts_another,
)

WRONG = "its content is of another type"

_MOST_BOXES = 100_000
_MOST_SIZES = 10_000  # of the tiles of a picture; phones make a hundred
_PICTURES = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"))
_QUICKTIME = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def check_film(content: bytes) -> None:
    """MP4: a type box that does not speak of a picture first, then boxes up to the end, one of them the film's list."""
    if content[4:8] != b"ftyp" or _brands(content) & _PICTURES:
        raise Unsound(WRONG)
    _check_boxes(content, b"moov")


def check_quicktime(content: bytes) -> None:
    """QuickTime films, of which the old ones have no type box."""
    if content[4:8] not in _QUICKTIME or (content[4:8] == b"ftyp" and _brands(content) & _PICTURES):
        raise Unsound(WRONG)
    _check_boxes(content, b"moov")


def check_heic(content: bytes) -> None:
    """HEIF with HEVC pictures (ISO 23008-12)."""
    if content[4:8] != b"ftyp" or not _brands(content) & _PICTURES:
        raise Unsound(WRONG)
    start, end = _check_boxes(content, b"meta")
    if content.count(b"ispe", start, end) > _MOST_SIZES:
        raise Unsound(DAMAGED)
    place = content.find(b"ispe", start, end)
    while 0 <= place <= end - 16:
        check_pixels(*struct.unpack_from(">II", content, place + 8))
        place = content.find(b"ispe", place + 4, end)


def _brands(content: bytes) -> frozenset[bytes]:
    size = min(int.from_bytes(content[:4], "big"), 512)
    return frozenset([content[8:12], *(content[place : place + 4] for place in range(16, size, 4))])


def _check_boxes(content: bytes, needed: bytes) -> tuple[int, int]:
    """Where the box `needed` begins and ends; all boxes lie one behind the other up to the end."""
    place, found = 0, None
    for _ in range(_MOST_BOXES):
        if place + 8 > len(content):
            break
        size, kind = struct.unpack_from(">I4s", content, place)
        if size == 1:
            (size,) = struct.unpack_from(">Q", content, place + 8)
        elif size == 0:
            size = len(content) - place
        if size < 8 or not all(0x20 <= letter < 0x7F or letter == 0xA9 for letter in kind):
            break
        if place + size > len(content):
            raise Unsound(TWO_FILES if starts_another(content[place : place + 64]) else CUT_OFF)
        if kind == needed and not found:
            found = (place, place + size)
        place += size
    if not found:
        raise Unsound(DAMAGED)
    if not is_blank(content, place, len(content)):
        check_rest(content, place)
    check_no_zip(content)
    return found


def check_webm(content: bytes) -> None:
    """The EBML head says webm, and one segment follows."""
    head, size = _element_size(content, 4)
    kind = content.find(b"\x42\x82", head, head + size)
    place, length = _element_size(content, kind + 2)
    if kind < 0 or content[place : place + length].rstrip(b"\0") != b"webm":
        raise Unsound(WRONG)
    place = head + size
    if content[place : place + 4] != _SEGMENT:
        raise Unsound(DAMAGED)
    start, size = _element_size(content, place + 4)
    if size >= 0:
        if start + size > len(content):
            raise Unsound(CUT_OFF)
        check_rest(content, start + size)
    check_no_zip(content)


def _element_size(content: bytes, place: int) -> tuple[int, int]:
    """Where an element's content begins, and its length; -1 for one of unknown length."""
    first = content[place]
    width = 9 - first.bit_length()
    if width > 8 or place + width > len(content):
        raise Unsound(DAMAGED)
    value = int.from_bytes(content[place : place + width], "big") - (1 << 7 * width)
    return place + width, -1 if value == (1 << 7 * width) - 1 else value
