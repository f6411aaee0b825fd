"""Setting a password by the link of a mail. Looking at the page changes nothing, however often (threats 63).

Programs that check mail open every link in it, so only the form sets a password. The token goes from the address to
a cookie at once: from there it reaches no history, no log and no other site (threats 65).
"""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.portal import forms
from gateway.portal.context import Portal, portal_of
from gateway.portal.destination import destination
from gateway.portal.rendering import form_page, page
from gateway.portal.sessions import Session
from gateway.portal.signing_in import STALE, to_come_back, wait
from gateway.portal.visitors import drop_link, keep_link, link_of, remember, visit_of
from store import passwords
from store.password_links import PATH, find_bearer, redeem
from store.rules.people import PersonFacts

SHORTEST, LONGEST = 10, 200  # characters

log = logging.getLogger("postern.portal")


def show_password(request: Request) -> Response:
    """GET /password: with a token in the address it keeps that and leads to the form without."""
    portal, token = portal_of(request), request.query_params.get("token")
    bearer = _bearer(portal, link_of(request) if token is None else token)
    if bearer is None:
        return _gone(request)
    if token is None:
        return _form(request, bearer, 200)
    onwards = request.query_params.get("next")
    response = RedirectResponse(PATH + (f"?{urlencode({'next': onwards})}" if onwards else ""), 303)
    keep_link(portal, response, token)
    return response


async def set_password(request: Request) -> Response:
    """POST /password: sets the password, ends the sessions opened with the old one, and signs in."""
    portal, sent = portal_of(request), await forms.fields(request)
    if not forms.from_own_page(request, portal.config.base_url):
        raise HTTPException(403)
    token = link_of(request)
    bearer = await to_thread.run_sync(_bearer, portal, token)
    if bearer is None:
        return _gone(request)
    if not portal.forms.valid(sent.get("form", ""), _purpose(bearer), visit_of(request)):
        return _form(request, bearer, 403, STALE)
    password = sent.get("password", "")
    if problem := find_mistake(password, sent.get("again", "")):
        return _form(request, bearer, 422, problem)
    # Not the tries of signing in: who has used those up is the one who needs this page.
    account, client = f"password {bearer.id}", request.client.host if request.client else ""
    if seconds := portal.throttle.take(account, client):
        return to_come_back(_form(request, bearer, 429, wait(seconds)), seconds)
    limiter = request.app.state.password_limiter
    session = await to_thread.run_sync(_redeem, portal, token, password, limiter=limiter)
    if session is None:
        return _gone(request)
    portal.throttle.forgive(account, client)
    return let_in(request, session)


def let_in(request: Request, session: Session) -> Response:
    """Whoever has set a password is signed in, and the link that this browser may have opened is gone."""
    portal = portal_of(request)
    log.info("person %d has set a password", session.person)
    response = RedirectResponse(destination(request.app.routes, request.query_params.get("next")), 303)
    remember(portal, response, session)
    drop_link(portal, response)
    return response


def _bearer(portal: Portal, token: str) -> PersonFacts | None:
    with portal.store.read() as connection:
        return find_bearer(connection, portal.config, token, portal.clock())


def _redeem(portal: Portal, token: str, password: str) -> Session | None:
    """A session with the new password; the old ones hold no longer, see `Sessions.holds` (threats 66)."""
    hashed = passwords.hash_password(password)  # slow on purpose, so no transaction waits for it
    with portal.store.write() as connection:
        bearer = redeem(connection, portal.config, token, hashed, portal.clock())
    return portal.sessions.start(bearer.id, hashed) if bearer else None


def find_mistake(password: str, again: str) -> str:
    """What to change about a password, as a sentence; empty when nothing."""
    if len(password) < SHORTEST:
        return f"Please choose a longer password: at least {SHORTEST} characters."
    if len(password) > LONGEST:
        return f"Please choose a shorter password: at most {LONGEST} characters."
    if password != again:
        return "The two passwords are not the same. Please type both again."
    return ""


def _form(request: Request, bearer: PersonFacts, status: int, problem: str = "") -> Response:
    return form_page(
        request, "password.html", status, _purpose(bearer), problem=problem, address=bearer.email, shortest=SHORTEST,
        longest=LONGEST,
    )  # fmt: skip


def _purpose(bearer: PersonFacts) -> str:
    """Whom a form was shown for: another tab may have opened another person's link since."""
    return f"password {bearer.id}"


def _gone(request: Request) -> Response:
    """The one page for a link that was used, is too old, was changed on its way, or whose person may not sign in."""
    return page(request, "password_gone.html", 410)
