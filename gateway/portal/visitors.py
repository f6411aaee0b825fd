"""Who looks at a page, asked anew at each request: the session, the person's state and rights of this moment."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from gateway.portal.context import Portal, portal_of
from gateway.portal.sessions import IDLE, Session
from store import people
from store.rules.people import PersonFacts

LinkKind = Literal["password", "upload", "file"]
_LINK = 3600  # seconds a browser keeps the token of an opened link; the link itself can be opened again


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody signed in."""

    person: PersonFacts
    session: Session


def visitor_of(request: Request) -> Visitor | None:
    """Who is signed in; nobody once the person is inactive or the password has changed."""
    portal = portal_of(request)
    session = portal.sessions.read(request.cookies.get(_name(portal, "session")))
    if session is None:
        return None
    with portal.store.read() as connection:
        person = next(iter(people.facts(connection, [session.person])), None)
        stored = people.password_hash(connection, session.person)
    if person is None or not person.active or not portal.sessions.holds(session, stored):
        return None
    return Visitor(person, session)


def remember(portal: Portal, response: Response, session: Session) -> None:
    """Gives the browser the cookie of a session."""
    _set(portal, response, "session", portal.sessions.write(session), IDLE)


def forget(portal: Portal, response: Response) -> None:
    """Takes the cookie back."""
    _drop(portal, response, "session")


def link_of(request: Request, kind: LinkKind = "password") -> str:
    """The token of the link of a kind that this browser has opened last; empty when there is none."""
    return request.cookies.get(_name(portal_of(request), kind), "")


def keep_link(portal: Portal, response: Response, token: str, kind: LinkKind = "password") -> None:
    """Gives the browser the token of its link for an hour, so that it stands in no address any more (threats 65)."""
    _set(portal, response, kind, token, _LINK)


def drop_link(portal: Portal, response: Response) -> None:
    """Takes that token back."""
    _drop(portal, response, "password")


def visit_of(request: Request) -> str:
    """The browser's own random word, which its sign-in forms are tied to; empty when it sends none."""
    value = request.cookies.get(_name(portal_of(request), "visit"), "")
    return value if len(value) == 22 else ""


def new_visit(portal: Portal, response: Response, visit: str) -> None:
    """Gives the browser its word. It outlives signing in, so that forms open in other tabs stay good."""
    _set(portal, response, "visit", visit, None)


def make_visit() -> str:
    """128 random bits."""
    return secrets.token_urlsafe(16)


def _set(portal: Portal, response: Response, kind: str, value: str, max_age: int | None) -> None:
    response.set_cookie(
        _name(portal, kind), value, max_age=max_age, path="/", secure=portal.secure, httponly=True, samesite="lax"
    )


def _drop(portal: Portal, response: Response, kind: str) -> None:
    response.delete_cookie(_name(portal, kind), path="/", secure=portal.secure, httponly=True, samesite="lax")


def _name(portal: Portal, kind: str) -> str:
    # A __Host- cookie cannot be planted by a neighbouring subdomain (RFC 6265bis 4.1.3.2).
    return f"__Host-postern-{kind}" if portal.secure else f"postern-{kind}"
