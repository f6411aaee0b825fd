"""Small sound files of every type, made by code, and the ways to spoil them."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass

from gateway.cli.demo.files import document, photo, screenshot
from store.rules.desk import THIRTEEN, Files
from store.rules.files import Judgement, judge

ALL = (*THIRTEEN, ".mp4", ".mov", ".webm", ".gif", ".heic")
TAKES_ALL = Files(allowed=ALL)

TYPES = '<Types><Override PartName="/word/document.xml" ContentType="application/vnd.{}+xml"/></Types>'
PLAIN = TYPES.format("openxmlformats-officedocument.wordprocessingml.document.main")
WITH_MACROS = TYPES.format("ms-word.document.macroEnabled.main")


@dataclass(frozen=True)
class Sample:
    filename: str
    content: bytes
    names: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return len(self.content)


def ruled(filename: str, content: bytes) -> Judgement:
    """The verdict of a desk that takes all eighteen types."""
    return judge(Sample(filename, content), TAKES_ALL)


def refusal(filename: str, content: bytes) -> str:
    """Why that desk refuses the file; fails when it takes it."""
    judgement = ruled(filename, content)
    assert judgement.verdict == "refused"
    return judgement.reason or ""


def zipped(members: dict[str, bytes | str], *, stored: bool = False) -> bytes:
    """A ZIP of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(*members: tarfile.TarInfo | str, format: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of these members, which are empty."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for member in members:
            archive.addfile(tarfile.TarInfo(member) if isinstance(member, str) else member, io.BytesIO(b"\0" * 9))
    return out.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    """A link for a tar."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def package(folder: str, types: str = PLAIN, **more: str) -> bytes:
    """An Office document of the new kind; `more` are further parts, in `folder`."""
    return zipped(
        {"[Content_Types].xml": types, f"{folder}/document.xml": "<x/>"} | {f"{folder}/{n}": c for n, c in more.items()}
    )


def compound(*streams: str, shift: int = 9) -> bytes:
    """A compound file (OLE) of one allocation table and one sector of names."""
    size = 1 << shift
    head = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(16)
        + struct.pack("<5H6x", 62, 3 if shift == 9 else 4, 0xFFFE, shift, 6)
    )
    head += struct.pack("<9I", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0) + struct.pack(
        "<109I", 0, *[0xFFFFFFFF] * 108
    )
    table = struct.pack("<2I", 0xFFFFFFFD, 0xFFFFFFFE).ljust(size, b"\xff")
    names = b""
    for name in ("Root Entry", *streams):
        text = name.encode("utf-16-le") + b"\0\0"
        names += text.ljust(64, b"\0") + struct.pack("<HBB60x", len(text), 5 if name == "Root Entry" else 2, 1)
    return head.ljust(size, b"\0") + table + names.ljust(size, b"\0")


def bitmap(width: int = 2, height: int = 2) -> bytes:
    """A BMP of 24 bits a pixel."""
    rows = b"\0" * ((width * 24 + 31) // 32 * 4 * abs(height))
    return (
        struct.pack("<2sI4xIIiiHHIIiiII", b"BM", 54 + len(rows), 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0) + rows
    )


def gif(width: int = 1, height: int = 1) -> bytes:
    """A GIF of one picture."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return screen + b"\x2c" + struct.pack("<4xHHB", 1, 1, 0) + b"\2\2\x44\1\0\x3b"


def png(width: int, height: int) -> bytes:
    """A PNG that says it is so large."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    end = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + end


def box(kind: bytes, content: bytes = b"") -> bytes:
    """A box of an ISO media file."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def film(brand: bytes = b"isom") -> bytes:
    """The boxes of a film without pictures."""
    return box(b"ftyp", brand + b"\0\0\2\0" + brand) + box(b"moov", box(b"mvhd", bytes(100))) + box(b"mdat", bytes(40))


def phone_picture(width: int = 40, height: int = 30) -> bytes:
    """The boxes of a HEIC picture."""
    size = box(b"ispe", struct.pack(">III", 0, width, height))
    return box(b"ftyp", b"heic\0\0\0\0mif1heic") + box(b"meta", bytes(4) + size) + box(b"mdat", bytes(40))


def webm(kind: bytes = b"webm") -> bytes:
    """The elements of a WebM film without pictures."""
    head = b"\x42\x82" + bytes([0x80 | len(kind)]) + kind
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(head)]) + head + b"\x18\x53\x80\x67\x84" + bytes(4)


SOUND: dict[str, bytes] = {
    ".doc": compound("WordDocument"), ".xls": compound("Workbook"), ".docx": package("word"), ".xlsx": package("xl"),
    ".csv": b"a;b\r\n1;2\r\n", ".txt": "grüße".encode(), ".pdf": document(), ".bmp": bitmap(), ".jpg": photo(),
    ".jpeg": photo(), ".png": screenshot(), ".tar": tarred("a.txt"), ".zip": zipped({"a.txt": "x"}), ".mp4": film(),
    ".mov": film(b"qt  "), ".webm": webm(), ".gif": gif(), ".heic": phone_picture(),
}  # fmt: skip
PROGRAM = b"MZ".ljust(60, b"\0") + b"\x80\0\0\0".ljust(68, b"\0") + b"PE\0\0"
