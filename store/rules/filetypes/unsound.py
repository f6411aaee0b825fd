"""What all readers of files share: how they say no, and how they know another file behind the end of one."""

from __future__ import annotations

MAX_PIXELS = 500_000_000  # what no camera or scanner makes, and what would take gigabytes to show (threats 51)

CUT_OFF = "it ends too early, a part of it is missing"
DAMAGED = "its content is damaged"
TWO_FILES = "another file is hidden in it"

_ZIP_END, _ZIP_LISTING = b"PK\5\6", b"PK\1\2"
_ZIP_END_REACH = 22 + 0xFFFF  # the end record and the longest comment behind it (APPNOTE 4.3.16)
_ANYWHERE = (
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"Rar!\x1a\7",
    b"7z\xbc\xaf\x27\x1c",
    b"\x7fELF\1\1\1",
    b"\x7fELF\2\1\1",
    b"<?php",
)
_PROGRAMS = (b"\x7fELF", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
_DOS_PROGRAM = b"This program "  # `cannot be run in DOS mode`, `must be run under Win32`
_AT_START = (
    *_ANYWHERE,
    b"PK\3\4",
    b"MZ",
    b"\x7fELF",
    b"%PDF-",
    b"#!",
    b"<script",
    b"<html",
    b"<!doctype html",
    b"{\\rtf",
)


class Unsound(Exception):
    """The file is not what it claims to be, or not safe to hand on; the text tells its sender why."""


def check_pixels(width: int, height: int) -> None:
    """Raises Unsound for a picture without a size or with an absurd one."""
    if width < 1 or height < 1:
        raise Unsound(DAMAGED)
    if width * height > MAX_PIXELS:
        raise Unsound(f"the picture is larger than {MAX_PIXELS // 1_000_000} megapixels")


def check_rest(content: bytes, start: int) -> None:
    """Raises Unsound when the bytes from `start`, which the type itself does not know, hold another file.

    Phones put a second picture or a film behind the first, so a rest alone says nothing.
    """
    if start >= len(content):
        return
    if starts_another(content[start : start + 64]) or any(content.find(mark, start) >= 0 for mark in _ANYWHERE):
        raise Unsound(TWO_FILES)
    program = content.find(_DOS_PROGRAM, start)
    if program >= 0 and content.rfind(b"MZ", max(start, program - 128), program) >= 0:
        raise Unsound(TWO_FILES)
    if _zip_ends_in(content, max(start, len(content) - _ZIP_END_REACH), exactly=False):
        raise Unsound(TWO_FILES)


def check_no_zip(content: bytes) -> None:
    """Raises Unsound when unpackers, which read a ZIP from its end, would find one in this file."""
    if _zip_ends_in(content, max(0, len(content) - _ZIP_END_REACH), exactly=True):
        raise Unsound(TWO_FILES)


def starts_another(head: bytes) -> bool:
    """True when the first bytes are those of a program, an archive, a document or a page."""
    return head.lstrip(b"\xef\xbb\xbf\0 \t\r\n").lower().startswith(tuple(mark.lower() for mark in _AT_START))


def is_program(content: bytes, start: int) -> bool:
    """True when the bytes from `start` are a program of Windows, Linux or a Mac."""
    mark = content[start : start + 4]
    if mark[:2] == b"MZ":
        place = int.from_bytes(content[start + 60 : start + 64], "little")
        return content.startswith(b"PE\0\0", start + place)
    return mark in _PROGRAMS


def is_blank(content: bytes, start: int, end: int) -> bool:
    """True when nothing but NUL bytes lies between the two places."""
    return content.count(b"\0", start, end) == end - start


def _zip_ends_in(content: bytes, start: int, *, exactly: bool) -> bool:
    place = content.rfind(_ZIP_END, start)
    while place >= 0:
        size = int.from_bytes(content[place + 12 : place + 16], "little")
        behind = place + 22 + int.from_bytes(content[place + 20 : place + 22], "little")
        fits = behind == len(content) or not exactly
        if fits and size and content.startswith(_ZIP_LISTING, max(0, place - size)):
            return True
        place = content.rfind(_ZIP_END, start, place)
    return False
