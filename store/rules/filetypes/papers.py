"""PDF and plain text."""

from __future__ import annotations

import re

from store.rules.filetypes.unsound import CUT_OFF, TWO_FILES, Unsound, check_no_zip, check_rest, starts_another

BINARY = "it is no text"
PAGE = "it is a web page, not a text; a .zip of it is taken"

_FRONT = 1024  # bytes in which readers look for the mark of a PDF
_PROBE = 1 << 16
_WIDE = {b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_PAGE = re.compile(
    r"(?:\ufeff|\u00ef\u00bb\u00bf)?\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--(?:(?!-->).){0,1000}-->\s*)?"
    r"<(?:!doctype\s+html|html|head|body|script|iframe|svg)\b",
    re.IGNORECASE | re.DOTALL,
)
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
    """No program, document or web page, and NUL bytes only where letters are two or four bytes wide.

    A page counts as one when it begins as one, as browsers find out (WHATWG MIME Sniffing 7.1): text that shows markup
    further down is text.
    """
    wide = next((coding for mark, coding in _WIDE.items() if content.startswith(mark)), None)
    if wide:
        unit = 4 if wide == "utf-32" else 2
        front = content[: min(_PROBE, len(content) // unit * unit)].decode(wide, "replace")
        if front.count("\0"):
            raise Unsound(BINARY)
        _check_page(front)
    elif content.startswith(_BINARY) or content.find(b"\0") >= 0:
        raise Unsound(BINARY)
    else:
        _check_page(content[:_PROBE].decode("latin-1"))
    check_no_zip(content)


def _check_page(front: str) -> None:
    if _PAGE.match(front):
        raise Unsound(PAGE)
