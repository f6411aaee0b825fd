"""The links of mails that need no sign-in: one to upload what was refused, one to fetch a file that was too large.

The token goes from the address to a cookie at once, as that of a password does (threats 65). Looking changes nothing,
however often (threats 63); what a link opens is one person's and one thing's (threats 53).
"""

from __future__ import annotations

import logging
from hashlib import sha256
from typing import Literal

from anyio import to_thread
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.filter_troubles import note
from gateway.parse import File
from gateway.portal import forms
from gateway.portal.context import Portal, portal_of
from gateway.portal.files import safe_name, send_file
from gateway.portal.rendering import form_page, page
from gateway.portal.signing_in import STALE
from gateway.portal.visitors import keep_link, link_of, visit_of
from store.apply import apply
from store.commands import Author, CustomerReply, NewFile, NewMessage
from store.errors import BadInput, NotFound
from store.file_links import FETCH, GOOD_FOR, UPLOAD, FileLink, read
from store.rules.files import allowed_text
from store.uploads import Upload, find_file, find_upload

_ROOM = 1 << 20  # bytes of a form besides its files

log = logging.getLogger("postern.portal")


def fetch(request: Request) -> Response:
    """GET /file: with a token in the address it keeps that and leads to the file. Raises NotFound."""
    portal = portal_of(request)
    if opened := _kept(request, FETCH, "file"):
        return opened
    link = _link(request, FETCH, "file")
    if link.is_over(portal.clock()):
        return _over(request, "expired", "file")
    with portal.store.read() as connection:
        row = find_file(connection, portal.config, link)
    return send_file(request, row)


def show_upload(request: Request) -> Response:
    """GET /upload: with a token in the address it keeps that and leads to the form. Raises NotFound."""
    if opened := _kept(request, UPLOAD, "upload"):
        return opened
    return _form(request, _upload(portal_of(request), _link(request, UPLOAD, "upload")), 200)


async def upload(request: Request) -> Response:
    """POST /upload: puts the files on the ticket, as a message of the person the link was made for. Raises NotFound."""
    portal = portal_of(request)
    sent, files = await forms.files(request, portal.config.settings.smtp.max_size + _ROOM)
    if not forms.from_own_page(request, portal.config.base_url):
        raise HTTPException(403)
    link = _link(request, UPLOAD, "upload")
    found = await to_thread.run_sync(_upload, portal, link)
    if found.over:
        return _form(request, found, 410)
    if not portal.forms.valid(sent.get("form", ""), _purpose(found), visit_of(request)):
        return _form(request, found, 403, (STALE,))
    if not files:
        return _form(request, found, 422, ("Please choose a file.",))
    return await to_thread.run_sync(_put, request, link, found, [await _read(file) for file in files])


def _put(request: Request, link: FileLink, found: Upload, files: list[File]) -> Response:
    portal = portal_of(request)
    judgements, said = portal.judge.judge(files, found.desk.files)
    if said.words:
        with portal.store.write() as connection:
            note(connection, said, portal.clock())
    judged = zip(files, judgements, strict=True)
    if wrong := tuple(f"{file.filename}: {one.reason}" for file, one in judged if one.reason):
        return _form(request, found, 422, wrong)
    kept = tuple(
        NewFile(one.filename, one.content_type, one.size, portal.store.blobs.put(one.content)) for one in files
    )
    author = Author(found.person.email, found.person.name)
    command = CustomerReply(found.ticket.id, NewMessage(author, "", files=kept, channel="portal"), uses=link.about)
    try:
        with portal.store.write() as connection:
            still = find_upload(connection, portal.config, link, portal.clock())
            if still.over is None:
                apply(connection, portal.config, command, portal.clock())
    except BadInput:  # another request was quicker
        return _over(request, "used", "upload")
    if still.over:
        return _form(request, still, 410)
    log.info("person %d has uploaded %d files", found.person.id, len(files))
    return page(
        request, "uploaded.html", names=[file.filename for file in files], tag=_tag(found), noun=found.desk.noun
    )


def _kept(request: Request, path: str, kind: Literal["upload", "file"]) -> Response | None:
    token = request.query_params.get("token")
    if token is None:
        return None
    response = RedirectResponse(path, 303)
    keep_link(portal_of(request), response, token[:1000], kind)
    return response


def _link(request: Request, path: str, kind: Literal["upload", "file"]) -> FileLink:
    link = read(path, link_of(request, kind), portal_of(request).config.secret)
    if link is None:
        raise NotFound("there is no such link")
    return link


def _upload(portal: Portal, link: FileLink) -> Upload:
    with portal.store.read() as connection:
        return find_upload(connection, portal.config, link, portal.clock())


def _form(request: Request, found: Upload, status: int, problems: tuple[str, ...] = ()) -> Response:
    if found.over:
        return _over(request, found.over, "upload", found.desk.noun)
    return form_page(
        request, "upload.html", status, _purpose(found), problems=problems, tag=_tag(found), subject=found.ticket.subject,
        noun=found.desk.noun, refused=found.refused, allowed=allowed_text(found.desk.files),
    )  # fmt: skip


def _over(request: Request, why: str, kind: Literal["upload", "file"], noun: str = "ticket") -> Response:
    return page(request, "link_over.html", 410, why=why, kind=kind, noun=noun, days=GOOD_FOR.days)


def _purpose(found: Upload) -> str:
    """Whom and what a form was shown for: another tab may have opened another link since."""
    return f"upload {found.person.id} {found.ticket.id}"


def _tag(found: Upload) -> str:
    return f"{found.desk.key}#{found.ticket.number}"


async def _read(file: UploadFile) -> File:
    content, name = await file.read(), safe_name(file.filename or "")
    digest = sha256(content).hexdigest()
    return File(name, (name,), file.content_type or "", len(content), digest, False, None, content)
