"""PDF and plain text."""

from __future__ import annotations

from store.rules.filetypes.unsound import CUT_OFF, TWO_FILES, Unsound, check_no_zip, check_rest, starts_another

BINARY = "it is no text"

_FRONT = 1024  # bytes in which readers look for the mark of a PDF
_PROBE = 1 << 16
_WIDE = {b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_BINARY = (b"MZ", b"\x7fELF", b"PK\3\4", b"%PDF-", b"\xd0\xcf\x11\xe0", b"\x89PNG", b"#!")


def is_pdf(content: bytes) -> bool:
    """True when readers would find the mark of a PDF."""
    return content.find(b"%PDF-", 0, _FRONT + 5) >= 0


def check_pdf(content: bytes) -> None:
    """ISO 32000-2, 7.5: nothing of another type in front of the mark, and an end mark with no other file behind it.

    Scripts inside are common in forms, and what shows a PDF keeps them in.
    """
    front = content[: content.find(b"%PDF-")]
    if starts_another(front) or any(mark in front.lower() for mark in (b"<html", b"<script", b"pk\3\4")):
        raise Unsound(TWO_FILES)
    end = content.rfind(b"%%EOF")
    if end < 0:
        raise Unsound(CUT_OFF)
    check_rest(content, end + 5)
    check_no_zip(content)


def check_text(content: bytes) -> None:
    """No program or document, and NUL bytes only where letters are two or four bytes wide.

    HTML called .txt is text: it is handed on as text and never shown as a page.
    """
    wide = next((coding for mark, coding in _WIDE.items() if content.startswith(mark)), None)
    if wide:
        unit = 4 if wide == "utf-32" else 2
        if content[: min(_PROBE, len(content) // unit * unit)].decode(wide, "replace").count("\0"):
            raise Unsound(BINARY)
    elif content.startswith(_BINARY) or content.find(b"\0") >= 0:
        raise Unsound(BINARY)
    check_no_zip(content)
