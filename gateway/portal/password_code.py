"""Setting a password by the code of a mail, where its link does not get through: typed with the address it went to.

Nothing here says whether an address is known, nor which of address, code and age was wrong (threats 63, 68).
"""

from __future__ import annotations

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.portal import forms
from gateway.portal.context import Portal, portal_of
from gateway.portal.new_password import LONGEST, SHORTEST, find_mistake, let_in
from gateway.portal.rendering import form_page
from gateway.portal.sessions import Session
from gateway.portal.signing_in import STALE, to_come_back, wait
from gateway.portal.visitors import visit_of
from store import passwords
from store.logins import LONGEST_ADDRESS
from store.password_links import find_by_code, redeem_code
from store.rules.addressing import normalise

WRONG = "This address and code do not belong together, or the code was used already or is older than three days."
_PURPOSE = "password code"


def show_code(request: Request) -> Response:
    """GET /password/code: the form, the same for everybody."""
    return _form(request, 200)


async def use_code(request: Request) -> Response:
    """POST /password/code: sets the password, ends the sessions opened with the old one, and signs in."""
    portal, sent = portal_of(request), await forms.fields(request)
    if not forms.from_own_page(request, portal.config.base_url):
        raise HTTPException(403)
    address, code, password = normalise(sent.get("email", "")), sent.get("code", ""), sent.get("password", "")
    if not portal.forms.valid(sent.get("form", ""), _PURPOSE, visit_of(request)):
        return _form(request, 403, STALE, address)
    if problem := find_mistake(password, sent.get("again", "")):
        return _form(request, 422, problem, address, code)
    account, client = f"code {address}", request.client.host if request.client else ""
    if seconds := portal.throttle.take(account, client):
        return to_come_back(_form(request, 429, wait(seconds), address), seconds)
    limiter = request.app.state.password_limiter
    session = await to_thread.run_sync(_redeem, portal, address, code, password, limiter=limiter)
    if session is None:
        return _form(request, 410, WRONG, address)
    portal.throttle.forgive(account, client)
    return let_in(request, session)


def _redeem(portal: Portal, address: str, code: str, password: str) -> Session | None:
    """A session with the new password. What is slow is done whether or not the code is right."""
    hashed = passwords.hash_password(password)
    if len(address) > LONGEST_ADDRESS or not address.isprintable():
        address = ""
    with portal.store.read() as connection:
        if find_by_code(connection, portal.config, address, code, portal.clock()) is None:
            return None
    with portal.store.write() as connection:
        bearer = redeem_code(connection, portal.config, address, code, hashed, portal.clock())
    return portal.sessions.start(bearer.id, hashed) if bearer else None


def _form(request: Request, status: int, problem: str = "", address: str = "", code: str = "") -> Response:
    return form_page(
        request, "password_code.html", status, _PURPOSE, problem=problem, address=address[:LONGEST_ADDRESS], code=code[:40],
        shortest=SHORTEST, longest=LONGEST,
    )  # fmt: skip
