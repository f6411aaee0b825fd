"""One message with the layout its writer gave it; images from elsewhere only when its reader asks (threats 55 to 58)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from gateway.parse.html import has_remote_images, show_html
from gateway.portal.context import portal_of
from gateway.portal.files import content_type
from gateway.portal.guard import HEADERS
from gateway.portal.rendering import page
from gateway.portal.thread import entry_of
from gateway.portal.tickets import IMAGES, address_of, read_ticket
from gateway.portal.visitors import Visitor
from store.errors import NotFound
from templates.contexts import one_line

_POLICY = "Content-Security-Policy"
_POLICY_WITH_IMAGES = HEADERS[_POLICY].replace("img-src 'self'", "img-src 'self' https:")


def letter(request: Request, visitor: Visitor) -> Response:
    """GET /t/KEY-NUMBER/m/ID, with /?images=TOKEN from a button of ours also with the images of others.

    Without the token a link in a mail could make its reader's browser tell the sender that it was read. Raises NotFound.
    """
    portal = portal_of(request)
    with portal.store.read() as connection:
        ticket, reader, _ = read_ticket(connection, portal, visitor, request.path_params["tag"])
    wanted = request.path_params["message"]
    message = next((each for each in ticket["messages"] if each["id"] == wanted and each["html"]), None)
    if message is None:
        raise NotFound("there is no such message")
    remote = portal.forms.valid(request.query_params.get("images", ""), IMAGES, visitor.session.id)
    response = page(
        request, "letter.html", visitor=visitor, tag=ticket["tag"], address=address_of(ticket["tag"]),
        subject=one_line(ticket["subject"]) or "(no subject)", entry=entry_of(message, reader),
        # Cleaned by the allow-list, as the last step.
        content=Markup(show_html(message["html"], _own_images(message), remote)),
        held=has_remote_images(message["html"]) and not remote,
        images_token=portal.forms.token(IMAGES, visitor.session.id),
    )  # fmt: skip
    if remote:
        response.headers[_POLICY] = _POLICY_WITH_IMAGES
    return response


def _own_images(message: Mapping[str, Any]) -> dict[str, str]:
    """The addresses of the message's own pictures by Content-ID; as files they pass the rights of their ticket."""
    return {
        file["content_id"].lower(): f"/f/{file['id']}"
        for file in message["attachments"]
        if file["content_id"] and file["verdict"] == "accepted" and content_type(file["filename"]).startswith("image/")
    }
