"""The attachments of the samples, made by code: small true files, a program, and two that are too big."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP

MB = 1024 * 1024


def photo() -> bytes:
    """A valid JPEG of 8 by 8 grey pixels: one block, whose every coefficient is zero."""

    def segment(mark: int, data: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, mark, len(data) + 2) + data

    one_code = b"\x01" + b"\0" * 15 + b"\0"  # a Huffman table with the single code 0 for the symbol 0
    return (
        b"\xff\xd8"
        + segment(0xE0, b"JFIF\0\x01\x01\0\0\x48\0\x48\0\0")
        + segment(0xDB, b"\0" + b"\x10" * 64)
        + segment(0xC0, b"\x08\0\x08\0\x08\x01\x01\x11\0")
        + segment(0xC4, b"\0" + one_code)
        + segment(0xC4, b"\x10" + one_code)
        + segment(0xDA, b"\x01\x01\0\0\x3f\0")
        + b"\x3f\xff\xd9"
    )


def screenshot() -> bytes:
    """A valid PNG of 8 by 8 grey pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x88" * 8 for _ in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def document() -> bytes:
    """A PDF of one empty page."""
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
    )
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%sendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 4\n0000000000 65535 f \n%strailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return bytes(out) + end % (table, len(out))


def log() -> bytes:
    """A few lines of a web server's log."""
    line = '198.51.100.{} - - [22/Nov/2026:07:4{}:09 +0000] "GET /shop/cart HTTP/1.1" 500 1873\n'
    return "".join(line.format(10 + n, n) for n in range(8)).encode()


def table() -> bytes:
    """A small CSV with a semicolon, as a German spreadsheet writes it."""
    return "Position;Artikel;Menge\r\n1;Sendung 4711;3\r\n2;Sendung 4712;1\r\n".encode("cp1252")


def archive() -> bytes:
    """A ZIP with one text file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as bundle:
        bundle.writestr("readings.txt", "07:00 41.2\n08:00 43.9\n")
    return out.getvalue()


def program() -> bytes:
    """The head of a Windows program; nothing that would run."""
    return b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0" + b"\0" * 44 + b"\x80\0\0\0" + b"PE\0\0" + b"\0" * 200


ATTACHMENTS: dict[str, Callable[[], bytes]] = {
    "photo": photo, "screenshot": screenshot, "document": document, "log": log, "table": table,
    "archive": archive, "program": program,
}  # fmt: skip


def big_file(date: str) -> bytes:
    """A mail below the limit of the door with a file above the limit of a desk."""
    message = _letter("Scans of the inventory", date)
    message["Message-ID"] = "<5E0C77D1-6E0B-44B1-9A0C-7E1B6F3B2A90@harbour-removals.example>"
    message.set_content("All twelve rooms are in this one file.\n\nGrace\n")
    message.add_attachment(archive() + b"\0" * 16 * MB, maintype="application", subtype="zip", filename="inventory.zip")
    return message.as_bytes(policy=SMTP)


def over_size(date: str) -> bytes:
    """A mail above what the door takes at all."""
    message = _letter("The whole survey", date)
    message["Message-ID"] = "<B1B2C1D7-92E4-4A50-8F1B-0C8F52B1D3AA@harbour-removals.example>"
    message.set_content("And the video of it.\n")
    line = b"A" * 76 + b"\r\n"
    return message.as_bytes(policy=SMTP) + line * (41 * MB // len(line))


def _letter(subject: str, date: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = "Grace Adeyemi <grace@harbour-removals.example>", "support@moving.desk.test"
    message["Subject"], message["Date"] = subject, date
    return message


LETTERS: dict[str, Callable[[str], bytes]] = {"big-file": big_file, "over-size": over_size}
