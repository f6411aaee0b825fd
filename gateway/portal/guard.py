"""Around every answer: headers that limit what a page may do, a line in the log, and no error that shows its inside."""

from __future__ import annotations

import logging
import secrets
import time
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.portal.problems import problem_page
from store.errors import describe

log = logging.getLogger("postern.portal")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """ASGI middleware; inside Starlette's own last resort, which would answer without these headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 0, time.monotonic()

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_guarded)
        except Exception as error:
            reference = secrets.token_hex(3).upper()
            log.error("%s %s failed, ref %s: %s", scope["method"], _path(scope), reference, describe(error))
            if status:
                raise  # half an answer is out: all that is left is to cut the connection
            await problem_page(Request(scope, receive), 500, reference)(scope, receive, send_guarded)
        finally:
            # The path alone: a query may hold what somebody typed (threats 65).
            took = (time.monotonic() - began) * 1000
            log.info("%s %s %d %.0f ms", scope["method"], _path(scope), status, took)


def _path(scope: Scope) -> str:
    return quote(scope["path"])[:200]
