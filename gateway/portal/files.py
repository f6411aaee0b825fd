"""Attachments: through the rights of their ticket only, and never as something a browser would run (threats 50)."""

from __future__ import annotations

import logging
import unicodedata
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from gateway.portal.context import Portal, portal_of
from gateway.portal.rendering import page
from gateway.portal.visitors import Visitor
from store import views
from store.errors import NotFound
from store.rules.people import relation
from templates.contexts import one_line

_NO_TYPE = "application/octet-stream"
_TYPES = {
    ".bmp": "image/bmp",
    ".csv": "text/csv",
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".gif": "image/gif",
    ".heic": "image/heic",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".tar": "application/x-tar",
    ".txt": "text/plain",
    ".webm": "video/webm",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".zip": "application/zip",
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}
_MISSING = {
    "title": "This file is missing",
    "sentence": "It was received, but its content cannot be found. Please tell us, or ask the sender for it again.",
}
_LARGEST_ID = 2**63 - 1
_LONGEST_NAME = 150
_ATTR_CHAR = "!#$&+-.^_`|~"  # RFC 8187 3.2.1

log = logging.getLogger("postern.portal")


def download(request: Request, visitor: Visitor) -> Response:
    """GET /f/ID. What belongs to a note or to automatic mail is for staff. Raises NotFound."""
    return send_file(request, _readable(portal_of(request), visitor, request.path_params["attachment"]), visitor)


def send_file(request: Request, row: Any, visitor: Visitor | None = None) -> Response:
    """The file of an attachment row that whoever asks may have."""
    portal = portal_of(request)
    try:
        content = portal.store.blobs.get(row.sha256)
    except NotFound as error:
        log.error("%s", error)
        return page(request, "problem.html", 404, visitor=visitor, reference="", **_MISSING)
    name = safe_name(row.filename)
    response = Response(content, headers={**_HEADERS, "Content-Disposition": disposition(name)})
    # Set by hand, because for text Starlette would add a charset that nobody knows.
    response.headers["Content-Type"] = content_type(name)
    return response


def safe_name(name: str) -> str:
    """A sender's file name as a browser may save it: one line, no folders, nothing unseen (threats 46, 49)."""
    seen = "".join(c for c in unicodedata.normalize("NFC", name) if unicodedata.category(c) not in ("Cf", "Co", "Cn"))
    line = one_line("".join("_" if c in '/\\:*?"<>|' else c for c in seen), 10_000).strip(". ")
    stem, dot, ending = line.rpartition(".")
    if len(line) > _LONGEST_NAME:
        ending = ending[:20] if dot else ""
        line = (stem if dot else line)[: _LONGEST_NAME - len(dot + ending)] + dot + ending
    return line or "file"


def disposition(name: str) -> str:
    """Content-Disposition with both forms of the name (RFC 6266 4.3, appendix D)."""
    plain = "".join(c if " " <= c <= "~" and c not in '%"\\' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_ATTR_CHAR)}"


def content_type(name: str) -> str:
    """By the ending and our own table; what the sender said counts for nothing."""
    return _TYPES.get(f".{name.rpartition('.')[2].lower()}", _NO_TYPE)


def _readable(portal: Portal, visitor: Visitor, attachment: int) -> Any:
    if attachment > _LARGEST_ID:
        raise NotFound("there is no such file")
    with portal.store.read() as connection:
        row = views.attachment(connection, attachment)
        ticket = views.ticket_row(connection, row.ticket_id)
        facts = views.facts(connection, ticket)
    desk = portal.config.desks.get(ticket.desk)
    role = relation(visitor.person, facts, desk) if desk else "none"
    if role == "none" or (role != "staff" and (row.note or row.side == "system")):
        raise NotFound("there is no such file")
    return row
