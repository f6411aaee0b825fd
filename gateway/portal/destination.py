"""Where `next` may lead after signing in: a page of our own and nowhere else (threats 62)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from starlette.routing import BaseRoute, Match

_LONGEST = 500
_NEVER = ("/login", "/logout", "/password", "/healthz", "/static/")


def destination(routes: Sequence[BaseRoute], wanted: str | None) -> str:
    """The path and query to go to; `/` for anything that is not a page of ours."""
    if not wanted or len(wanted) > _LONGEST or not (_is_path(wanted) and _is_path(unquote(wanted))):
        return "/"
    parts = urlsplit(wanted)
    path = unquote(parts.path)
    if parts.scheme or parts.netloc or path.startswith(_NEVER) or not _leads_somewhere(routes, path):
        return "/"
    query = urlencode(parse_qsl(parts.query))
    return quote(path) + (f"?{query}" if query else "") + (f"#{quote(parts.fragment)}" if parts.fragment else "")


def _is_path(value: str) -> bool:
    """Exactly one slash at the start; browsers read a backslash as a slash and skip controls (WHATWG URL 4.4)."""
    return (
        value.startswith("/")
        and not value.startswith("//")
        and "\\" not in value
        and all(character > " " and character != "\x7f" for character in value)
    )


def _leads_somewhere(routes: Sequence[BaseRoute], path: str) -> bool:
    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
    return any(route.matches(scope)[0] is Match.FULL for route in routes)
