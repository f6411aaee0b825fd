"""Pictures and films: they begin and end as their format says, have a size that can be shown, and hide nothing."""

from __future__ import annotations

import struct

import pytest

from gateway.cli.demo.files import photo, screenshot
from tests.files.samples import (
    ALL,
    PROGRAM,
    SOUND,
    TAKES_ALL,
    bitmap,
    box,
    film,
    gif,
    phone_picture,
    png,
    refusal,
    ruled,
    webm,
    zipped,
)

MEDIA = (".bmp", ".jpg", ".jpeg", ".png", ".gif", ".mp4", ".mov", ".webm", ".heic")
CUT = "it ends too early, a part of it is missing"
DAMAGED = "its content is damaged"
HIDDEN = "another file is hidden in it"


@pytest.mark.req("A-05")
@pytest.mark.parametrize("ending", ALL)
def test_a_sound_file_of_each_type_is_taken_under_its_own_name_only(ending: str) -> None:
    assert set(ALL) == set(TAKES_ALL.allowed)
    assert ruled(f"a{ending}", SOUND[ending]).reason is None
    kin = {".jpg", ".jpeg"}, {".txt", ".csv"}, {".mp4", ".mov"}, {".zip", ".docx", ".xlsx"}
    for other in ALL:
        if other != ending and not any({ending, other} <= group for group in kin):
            assert ruled(f"a{other}", SOUND[ending]).verdict == "refused", other


@pytest.mark.threat(27)
@pytest.mark.parametrize("ending", MEDIA)
@pytest.mark.parametrize(
    "rest", [zipped({"a.exe": "x"}), PROGRAM, b"<script>x</script>", b"<?php x", SOUND[".doc"], b"Rar!\x1a\7"]
)
def test_another_file_behind_the_end_is_refused(ending: str, rest: bytes) -> None:
    assert refusal(f"a{ending}", SOUND[ending] + rest) == HIDDEN


@pytest.mark.threat(27)
def test_another_file_further_behind_the_end_is_refused() -> None:
    dos = b"MZ" + bytes(70) + b"This program cannot be run in DOS mode"
    for rest in (dos, zipped({"a.exe": "x"}) + b"zz", SOUND[".doc"]):
        assert refusal("a.jpg", photo() + b"some rest" + rest) == HIDDEN


@pytest.mark.threat(27)
def test_a_zip_inside_a_picture_that_ends_as_it_should_is_found() -> None:
    inside = zipped({"a.exe": "x"})
    end = screenshot()[-12:]
    chunk = inside[:-2] + struct.pack("<H", 4 + len(end))
    hidden = screenshot()[:-12] + struct.pack(">I", len(chunk)) + b"prIv" + chunk + bytes(4) + end
    assert refusal("a.png", hidden) == HIDDEN


def test_what_phones_put_behind_a_picture_is_taken() -> None:
    for rest in (photo(), film(), b"SEFT and other words of the maker", bytes(900)):
        assert ruled("a.jpg", photo() + rest).reason is None
    assert ruled("a.png", screenshot() + screenshot()[40:]).reason is None
    assert ruled("a.gif", gif()[:-1]).reason is None


@pytest.mark.parametrize("ending", MEDIA)
def test_half_a_file_is_refused(ending: str) -> None:
    assert refusal(f"a{ending}", SOUND[ending][: len(SOUND[ending]) - 6]) in (CUT, DAMAGED)
    assert refusal(f"a{ending}", SOUND[ending][:12])


@pytest.mark.threat(51)
@pytest.mark.parametrize(
    ("filename", "content"),
    [
        ("a.png", png(100_000, 100_000)),
        ("a.gif", gif(65_535, 65_535)),
        ("a.jpg", photo().replace(b"\x08\0\x08\0\x08\x01", b"\x08\xff\xff\xff\xff\x01")),
        ("a.bmp", bitmap()[:18] + struct.pack("<ii", 1 << 20, -(1 << 20)) + bitmap()[26:]),
        ("a.heic", phone_picture(1 << 20, 1 << 20)),
    ],
)
def test_absurd_sizes_are_refused_before_anybody_decodes_them(filename: str, content: bytes) -> None:
    assert refusal(filename, content) == "the picture is larger than 500 megapixels"


@pytest.mark.parametrize(
    ("filename", "content", "reason"),
    [
        ("a.png", png(0, 9), DAMAGED),
        ("a.png", screenshot()[:24] + b"x" + screenshot()[25:], DAMAGED),
        ("a.png", screenshot()[:8] + screenshot()[33:], DAMAGED),
        ("a.jpg", b"\xff\xd8\xff\xd9", DAMAGED),
        ("a.jpg", b"\xff\xd8\xff\xe0\0\0", DAMAGED),
        ("a.jpg", b"\xff\xd8" + b"\xff" * 2000, CUT),
        ("a.bmp", bitmap(200, 200)[:5000], CUT),
        ("a.bmp", bitmap()[:14] + struct.pack("<I", 7) + bitmap()[18:], DAMAGED),
        ("a.bmp", bitmap()[:28] + struct.pack("<H", 7) + bitmap()[30:], DAMAGED),
        ("a.bmp", b"BM" + struct.pack("<I", 9999) + bitmap()[6:], CUT),
        ("a.gif", gif()[:19] + b"\x77" + gif()[20:], DAMAGED),
        ("a.mp4", phone_picture(), "its content is of another type"),
        ("a.heic", film(), "its content is of another type"),
        ("a.mov", phone_picture(), "its content is of another type"),
        ("a.mp4", box(b"ftyp", b"isom") + box(b"mdat"), DAMAGED),
        ("a.mp4", film() + struct.pack(">I4s", 99, b"mdat"), CUT),
        ("a.webm", webm(b"matroska"), "its content is of another type"),
        ("a.webm", webm()[:-2], CUT),
    ],
)
def test_damage_is_said(filename: str, content: bytes, reason: str) -> None:
    assert refusal(filename, content) == reason


def test_old_and_large_films_are_taken() -> None:
    assert ruled("a.mov", box(b"wide") + box(b"mdat", b"x") + box(b"moov", b"x")).reason is None
    long = struct.pack(">I4sQ", 1, b"mdat", 20) + b"film"
    assert ruled("a.mp4", film() + long).reason is None
    assert ruled("a.mp4", film() + struct.pack(">I4s", 0, b"mdat") + b"up to the end").reason is None
    assert ruled("a.webm", webm()[:-5] + b"\xff" + b"of unknown length").reason is None
