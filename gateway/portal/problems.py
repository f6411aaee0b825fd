"""What people read when a page cannot be shown: one table of sentences they can act on."""

from __future__ import annotations

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.portal.rendering import page
from store.errors import PosternError

log = logging.getLogger("postern.portal")

RETRY_AFTER = 30  # seconds

_SENTENCES = {
    400: ("That could not be read", "Please go back, reload the page and try again."),
    403: ("That was not sent from our page", "Please open the page here and try again."),
    404: (
        "Nothing to see here",
        "There is no such page, or it is not open to you. If somebody sent you the link, ask them to add you to the "
        "ticket, or sign in with the address they know you by.",
    ),
    405: ("That does not work here", "Please go back and use the links and buttons of the page."),
    413: ("That was too much at once", "Please shorten what you sent and try again."),
    500: ("Something went wrong on our side", "Please try again. If it stays so, tell us this reference:"),
    503: ("We are busy for a moment", "Nothing is lost. Please try again in half a minute."),
}


def problem_page(request: Request, status: int, reference: str = "") -> Response:
    """The page for a status; the same for everybody, so that it tells nothing about what exists (threats 69)."""
    title, sentence = _SENTENCES.get(status, _SENTENCES[400 if status < 500 else 500])
    return page(request, "problem.html", status, title=title, sentence=sentence, reference=reference)


def refused(request: Request, error: Exception) -> Response:
    """A status that a page or the router asked for."""
    assert isinstance(error, HTTPException)
    response = problem_page(request, error.status_code)
    response.headers.update(error.headers or {})
    return response


def not_found(request: Request, _error: Exception) -> Response:
    """What does not exist, or not for this person."""
    return problem_page(request, 404)


def try_later(request: Request, error: Exception) -> Response:
    """Nobody did wrong: the database is locked, say."""
    assert isinstance(error, PosternError)
    log.warning("answered 503: %s", error)
    response = problem_page(request, 503)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response
