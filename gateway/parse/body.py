"""The tree of parts taken apart: readable text, HTML to show, and files (RFC 2046)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import cast

from gateway.parse.calendar import read_invitation
from gateway.parse.charset import decode_bytes
from gateway.parse.files import read_content, read_disposition, read_file, read_names, read_parameters, read_type
from gateway.parse.flowed import join_flowed
from gateway.parse.headers import split_message
from gateway.parse.html import clean_html, escape_text
from gateway.parse.limits import bound_message
from gateway.parse.parsed import File
from gateway.parse.plain import QUOTE_MARK, marks_quotes, read_marked
from gateway.parse.reply import split_reply
from gateway.parse.smime import read_signed
from gateway.parse.tnef import read_tnef
from gateway.parse.words import clean_line

MAX_TEXT = 5_000_000
MAX_RETURNED = 20_000
_REPORT_PARTS = frozenset(
    {
        "message/delivery-status",
        "message/feedback-report",
        "message/global-delivery-status",
        "message/rfc822",
        "message/global",
        "message/global-headers",
        "text/rfc822-headers",
    }
)
_BYTES = "application/octet-stream"
_TNEF = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_SMIME = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_MAX_ENVELOPES = 3
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
    aside: bool = False  # stands beside the forms of an alternative, not for them


@dataclass(slots=True)
class Body:
    """What the parts hold, in the order of the message."""

    pieces: list[Piece] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    feedback: str = ""
    returned: list[str] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    aside: list[memoryview] = field(default_factory=list)
    spare: list[Piece] = field(default_factory=list)  # words of a winmail.dat, for mail without any others
    unread: list[File] = field(default_factory=list)  # a winmail.dat whose words cannot be read, for such mail
    unwrapped: int = 0

    def marked(self) -> str:
        """All readable text, plain where there is a choice, with `QUOTE_MARK` where its HTML says a quotation begins."""
        return self._marked(compare=False)

    def split(self, marked: str, passed_on: bool) -> tuple[str, str]:
        """(reply, hidden) of the marked text; what the HTML says of quotations counts where the words say nothing.

        `passed_on`: the subject says that the mail is forwarded.
        """
        reply, hidden = split_reply(marked, passed_on)
        if not hidden and any(p.plain and p.html and marks_quotes(p.html) for p in self.pieces):
            return split_reply(self._marked(compare=True), passed_on)
        return reply, hidden

    def _marked(self, *, compare: bool) -> str:
        """`compare`: with the marks of the HTML also where plain text was chosen."""
        found = []
        for piece in self.pieces:
            text = piece.plain or ""
            if piece.html and not text.strip():
                text = read_marked(piece.html)
            elif piece.html and compare and marks_quotes(piece.html):
                text = _mark_alike(text, read_marked(piece.html))
            found.append(text)
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
    if not any((piece.plain or piece.html or "").strip() for piece in body.pieces):
        body.pieces += body.spare
        body.files += body.unread
        body.defects += ["winmail-unread"] if body.unread else []
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
    elif kind == "message/feedback-report":
        body.feedback = decode_bytes(content, None)[0]
    elif kind in _REPORT_PARTS:
        body.returned.append(decode_bytes(content[:MAX_RETURNED], None)[0])
    if kind in _REPORT_PARTS and parent == "multipart/report":
        return []
    if kind in _TNEF or (kind == _BYTES and "winmail.dat" in (name.lower() for name in read_names(part))):
        return _read_container(part, content, body)
    if not _is_text(part, kind, parent):
        body.files.append(read_file(part, content))
        if kind in _SMIME:
            return _read_signed(content, body)
        if kind == "text/calendar" and read_disposition(part) != "attachment":
            told = read_invitation(_decode(part, content, body))
            return [Piece(plain=told, aside=True)] if told else []
        return []
    text = _decode(part, content, body)
    if "-----BEGIN PGP MESSAGE-----" in text:
        body.defects.append("encrypted")
    return [Piece(html=text)] if kind == "text/html" else [Piece(plain=text)]


def _read_signed(content: bytes, body: Body) -> list[Piece]:
    """What an S/MIME envelope holds when it is signed; else it is encrypted."""
    inside = read_signed(content)
    if inside is None or body.unwrapped >= _MAX_ENVELOPES:
        body.defects.append("encrypted")
        return []
    body.unwrapped += 1
    headers, rest = split_message(inside)
    bounded = bound_message(headers, rest)
    kept, body.aside = body.aside, bounded.aside
    pieces = _read(message_from_bytes(bounded.message), body, None)
    body.aside = kept
    return pieces


def _read_container(part: Message, content: bytes, body: Body) -> list[Piece]:
    """The files of a winmail.dat in its place; it stays itself when something in it cannot be read."""
    found = read_tnef(content)
    if found is not None and found.rich_only:
        body.unread.append(read_file(part, content))
    elif found is None or not (found.files or found.text or found.html):
        body.files.append(read_file(part, content))
        body.defects.append("winmail-unread")
    if found is None:
        return []
    for item in found.files:
        inner = Message()
        inner["Content-Type"] = clean_line(item.kind, 200) if "/" in item.kind else _BYTES
        inner.add_header("Content-Disposition", "attachment", filename=("utf-8", "", item.name))
        body.files.append(read_file(inner, item.content))
    if found.text.strip() or found.html.strip():
        body.spare.append(Piece(plain=found.text or None, html=found.html or None))
    return []


def _choose(groups: list[list[Piece]]) -> list[Piece]:
    beside = [p for group in groups for p in group if p.aside]
    return beside + _prefer([[p for p in group if not p.aside] for group in groups])


def _prefer(groups: list[list[Piece]]) -> list[Piece]:
    plain = [p.plain for group in groups for p in group if p.plain is not None and p.html is None]
    rich = [p for group in groups for p in group if p.html is not None]
    if not rich:
        return [Piece(plain=plain[0])] if plain else []
    first = next((p for p in plain if p.strip()), None)
    if first is None:
        return rich
    return [Piece(plain=first, html="\n".join(p.html or "" for p in rich))]


def _mark_alike(plain: str, marked: str) -> str:
    """`plain` with a mark at the one line that says what a marked line says; both forms tell the same."""
    heads = [_squeeze(line) for line in marked.split("\n") if line.startswith(QUOTE_MARK)][:5]
    lines = plain.split("\n")
    for head in heads:
        alike = [n for n, line in enumerate(lines) if len(key := _squeeze(line)) > 9 and head.startswith(key)]
        if len(alike) == 1:
            lines[alike[0]] = QUOTE_MARK + lines[alike[0]].lstrip(QUOTE_MARK)
    return "\n".join(lines)


def _squeeze(line: str) -> str:
    return "".join(re.findall(r"[^\W_]+", line[:500]))


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
    given = read_parameters(part)
    name = given.get("charset")
    if len(content) > MAX_TEXT:
        body.defects.append("text-cut")
    text, fits = decode_bytes(content[:MAX_TEXT], name)
    if name is not None and not fits and content:
        body.defects.append("wrong-charset")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if given.get("format", "").strip().lower() == "flowed" and read_type(part) == "text/plain":
        return join_flowed(text, given.get("delsp", "").strip().lower() == "yes")
    return text
