"""Signing in and out. The form is shown in place of the page that was asked for, at the same address.

A link in a mail ends in #m7. No server sees that part and a form that posts elsewhere loses it; but a form without an
action posts to the very address shown, and a redirect without a fragment keeps the one there was (HTML 4.10.21.3,
Fetch 4.4), so the reader arrives at the message without JavaScript.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.portal import forms
from gateway.portal.context import Portal, portal_of
from gateway.portal.destination import destination
from gateway.portal.rendering import form_page
from gateway.portal.sessions import Session
from gateway.portal.visitors import Visitor, forget, remember, visit_of, visitor_of
from store.logins import LONGEST_ADDRESS, find_by_password
from store.rules.addressing import normalise

WRONG = "This address and password do not belong together. Please try again."
STALE = "The form was open for too long, or your browser keeps no cookies for this site. Please try again."
WAIT = "There were too many tries. Please wait {} and try again."


def private(show: Callable[[Request, Visitor], Response]) -> Callable[[Request], Response]:
    """A page for people who are signed in; the others get the form in its place, whether or not the page exists."""

    def answer(request: Request) -> Response:
        visitor = visitor_of(request)
        if visitor is None:
            return sign_in_page(request, 401)
        response = show(request, visitor)
        portal = portal_of(request)
        if renewed := portal.sessions.renewed(visitor.session):
            remember(portal, response, renewed)
        return response

    return answer


def show_sign_in(request: Request) -> Response:
    """GET /login: the form at an address of its own."""
    if visitor_of(request):
        return RedirectResponse(_onwards(request), 303)
    return sign_in_page(request, 200)


async def sign_in(request: Request) -> Response:
    """POST to any page: signs in and shows that page; after /login the one in `next`."""
    portal, sent = portal_of(request), await forms.fields(request)
    if not forms.from_own_page(request, portal.config.base_url):
        raise HTTPException(403)
    address = normalise(sent.get("email", ""))
    if not portal.forms.valid(sent.get("form", ""), "sign-in", visit_of(request)):
        return sign_in_page(request, 403, STALE, address)
    client = request.client.host if request.client else ""
    if seconds := portal.throttle.take(address, client):
        return to_come_back(sign_in_page(request, 429, wait(seconds), address), seconds)
    limiter = request.app.state.password_limiter
    session = await to_thread.run_sync(_open_session, portal, address, sent.get("password", ""), limiter=limiter)
    if session is None:
        return sign_in_page(request, 401, WRONG, address)
    portal.throttle.forgive(address, client)
    response = RedirectResponse(_onwards(request), 303)
    remember(portal, response, session)
    return response


async def sign_out(request: Request) -> Response:
    """POST /logout: ends the session, also for copies of its cookie."""
    portal, sent = portal_of(request), await forms.fields(request)
    if not forms.from_own_page(request, portal.config.base_url):
        raise HTTPException(403)
    visitor = await to_thread.run_sync(visitor_of, request)
    response = RedirectResponse("/login", 303)
    if visitor is not None:
        if not portal.forms.valid(sent.get("form", ""), "sign-out", visitor.session.id):
            raise HTTPException(403)
        portal.sessions.end(visitor.session)
        forget(portal, response)
    return response


def sign_in_page(request: Request, status: int, problem: str = "", address: str = "") -> Response:
    """The form, the same for every path; with a sentence when the last try did not succeed."""
    is_file = request.scope["path"].startswith("/f/")
    shown = address[:LONGEST_ADDRESS]
    response = form_page(request, "sign_in.html", status, "sign-in", problem=problem, address=shown, is_file=is_file)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Form"  # RFC 9110 15.5.2 wants a challenge; browsers ignore this one
    return response


def password_limiter() -> CapacityLimiter:
    """How many passwords are looked at at once: each takes a CPU and 64 MB for a tenth of a second."""
    return CapacityLimiter(2)


def _open_session(portal: Portal, address: str, password: str) -> Session | None:
    """A session when the password is right; takes as long for an address nobody has (threats 68)."""
    known = find_by_password(portal.store, address, password)
    return portal.sessions.start(known.person.id, known.hash) if known else None


def _onwards(request: Request) -> str:
    """Where signing in leads: the page itself, after /login the one in `next`."""
    path, query = quote(request.scope["path"]), request.scope["query_string"].decode("latin-1")
    wanted = request.query_params.get("next") if path == "/login" else f"{path}?{query}" if query else path
    return destination(request.app.routes, wanted)


def wait(seconds: int) -> str:
    """The sentence for somebody who tried too often."""
    minutes = -(-seconds // 60)
    return WAIT.format("a minute" if minutes == 1 else f"{minutes} minutes")


def to_come_back(response: Response, seconds: int) -> Response:
    """The answer with the time after which to try again, for programs (RFC 6585 4)."""
    response.headers["Retry-After"] = str(seconds)
    return response
