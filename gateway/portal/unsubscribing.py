"""The way out of digests by the link they carry (RFC 8058). Looking at it changes nothing, however often (threats 63, 64).

The token is all the right there is: it belongs to one person and some categories of mail, needs no session, opens nothing
else, and lives as long as the mail does. So this is the one form that needs no token of its own.
"""

from __future__ import annotations

import logging

from anyio import to_thread
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from gateway.portal import forms
from gateway.portal.context import Portal, portal_of
from gateway.portal.rendering import page
from store import people
from store.apply import apply
from store.commands import Prefer
from store.digests import unsubscribed_by
from store.duties import left_alone
from store.errors import NotFound
from store.preferences import preferences
from store.rules.pacing import CATEGORIES, Category, Choice
from store.rules.tokens import verify

log = logging.getLogger("postern.portal")


def show_unsubscribing(request: Request) -> Response:
    """GET /u/TOKEN: what the button would end, or begin again. Raises NotFound."""
    portal = portal_of(request)
    with portal.store.read() as connection:
        person, categories = _bearer(portal, connection, request)
        alone = _alone(portal, connection, person, categories)
        return _page(request, categories, alone, ended=_ended(connection, person, categories))


async def unsubscribe(request: Request) -> Response:
    """POST /u/TOKEN: ends these mails, by our button or a mail program's; with `again` they begin again. Raises NotFound."""
    # RFC 8058 3.2: a mail program may send it as multipart, and means but one thing.
    one_click = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
    again = not one_click and "again" in await forms.fields(request)
    return await to_thread.run_sync(_change, request, again)


def _change(request: Request, again: bool) -> Response:
    portal = portal_of(request)
    with portal.store.write() as connection:
        person, categories = _bearer(portal, connection, request)
        choice: Choice = "daily" if again else "none"
        choices = tuple((category, choice) for category in categories)
        apply(connection, portal.config, Prefer(person, choices), portal.clock())
        alone = _alone(portal, connection, person, categories)
    log.info("person %d %s %s", person, "gets again" if again else "ended", " ".join(categories))
    return _page(request, categories, alone, ended=not again, done=True)


def _alone(portal: Portal, connection: Connection, person: int, categories: tuple[Category, ...]) -> int:
    return left_alone(connection, portal.config, person) if "renewals" in categories else 0


def _bearer(portal: Portal, connection: Connection, request: Request) -> tuple[int, tuple[Category, ...]]:
    token = verify(request.path_params["token"], portal.config.secret)
    if token is None or token.kind != "unsubscribe" or not unsubscribed_by(token):
        raise NotFound("there is no such link")
    if not any(person.active for person in people.facts(connection, [token.person])):
        raise NotFound("there is no such link")
    return token.person, unsubscribed_by(token)


def _ended(connection: Connection, person: int, categories: tuple[Category, ...]) -> bool:
    chosen = preferences(connection, person)
    return all(chosen[category] == "none" for category in categories)


def _page(request: Request, categories: tuple[Category, ...], alone: int, ended: bool, done: bool = False) -> Response:
    about = [CATEGORIES[category] for category in categories]
    renewals = "renewals" in categories
    return page(request, "unsubscribe.html", about=about, renewals=renewals, alone=alone, ended=ended, done=done)
