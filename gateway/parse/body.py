"""The tree of parts taken apart: readable text, HTML to show, and files (RFC 2046)."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message
from typing import cast

from gateway.parse.charset import decode_bytes
from gateway.parse.files import read_content, read_disposition, read_file, read_names, read_type
from gateway.parse.html import clean_html, escape_text
from gateway.parse.parsed import File
from gateway.parse.plain import read_text

MAX_TEXT = 5_000_000
MAX_RETURNED = 20_000
_REPORT_PARTS = frozenset(
    {
        "message/delivery-status",
        "message/global-delivery-status",
        "message/rfc822",
        "message/global",
        "message/global-headers",
        "text/rfc822-headers",
    }
)
_FILE_TEXTS = frozenset(
    {
        "text/calendar",
        "text/csv",
        "text/vcard",
        "text/x-vcard",
        "text/directory",
        "text/css",
        "text/rfc822-headers",
        "text/xml",
        "text/rtf",
        "text/javascript",
        "text/x-patch",
    }
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One stretch of the message; an alternative has both forms."""

    plain: str | None = None
    html: str | None = None


@dataclass(slots=True)
class Body:
    """What the parts hold, in the order of the message."""

    pieces: list[Piece] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    aside: list[memoryview] = field(default_factory=list)

    def text(self) -> str:
        """All readable text, plain where there is a choice."""
        found = []
        for piece in self.pieces:
            plain = piece.plain or ""
            found.append(plain if plain.strip() or not piece.html else read_text(piece.html))
        return "\n".join(t.rstrip("\n") + "\n" if t else t for t in found if t.strip())[:MAX_TEXT].strip("\n")

    def html(self) -> str | None:
        """The cleaned HTML, None for a message of plain text only."""
        if not any(piece.html for piece in self.pieces):
            return None
        forms = [piece.html or escape_text(piece.plain or "") for piece in self.pieces if piece.html or piece.plain]
        return clean_html("\n".join(forms))


def take_apart(message: Message, aside: list[memoryview]) -> Body:
    """Read every part once; `aside` holds the contents too large for the tree."""
    body = Body(aside=aside)
    body.pieces = _read(message, body, None)
    return body


def _read(part: Message, body: Body, parent: str | None) -> list[Piece]:
    kind = read_type(part)
    if part.is_multipart():
        children = cast("list[Message]", part.get_payload())
        if kind == "multipart/encrypted":
            body.defects.append("encrypted")
        pieces = [_read(child, body, kind) for child in children]
        if kind == "multipart/alternative":
            return _choose(pieces)
        return [piece for group in pieces for piece in group]
    content = read_content(part, body.aside)
    if kind.endswith("/delivery-status") or kind.endswith("/global-delivery-status"):
        body.reports.append(decode_bytes(content, None)[0])
    elif kind in _REPORT_PARTS:
        body.returned.append(decode_bytes(content[:MAX_RETURNED], None)[0])
    if kind in _REPORT_PARTS and parent == "multipart/report":
        return []
    if not _is_text(part, kind, parent):
        if kind == "application/pkcs7-mime" and "signed-data" not in str(part.get("content-type", "")).lower():
            body.defects.append("encrypted")
        body.files.append(read_file(part, content))
        return []
    text = _decode(part, content, body)
    if "-----BEGIN PGP MESSAGE-----" in text:
        body.defects.append("encrypted")
    return [Piece(html=text)] if kind == "text/html" else [Piece(plain=text)]


def _choose(groups: list[list[Piece]]) -> list[Piece]:
    plain = [p.plain for group in groups for p in group if p.plain is not None and p.html is None]
    rich = [p for group in groups for p in group if p.html is not None]
    if not rich:
        return [Piece(plain=plain[0])] if plain else []
    first = next((p for p in plain if p.strip()), None)
    if first is None:
        return rich
    return [Piece(plain=first, html="\n".join(p.html or "" for p in rich))]


def _is_text(part: Message, kind: str, parent: str | None) -> bool:
    if parent is None and not kind.startswith(("text/", "multipart/")):
        return False
    if kind.startswith("multipart/"):
        return True  # a container in which no part was found
    if not kind.startswith("text/") or kind in _FILE_TEXTS:
        return False
    disposition = read_disposition(part)
    if disposition == "attachment":
        return False
    return disposition in ("", "inline") and (kind in ("text/plain", "text/html") or not read_names(part))


def _decode(part: Message, content: bytes, body: Body) -> str:
    label = part.get_param("charset")
    name = label if isinstance(label, str) else None
    if len(content) > MAX_TEXT:
        body.defects.append("text-cut")
    text, fits = decode_bytes(content[:MAX_TEXT], name)
    if name is not None and not fits and content:
        body.defects.append("wrong-charset")
    return text.replace("\r\n", "\n").replace("\r", "\n")
