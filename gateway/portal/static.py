"""The few files that pages need, read once; their address changes with their content, so browsers may keep them."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

import templates

FOLDER = Path(templates.__file__).parent / "pages" / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_KEEP = "public, max-age=31536000, immutable"


def static(request: Request) -> Response:
    """GET /static/NAME."""
    name = request.path_params["name"]
    content = _files().get(name)
    if content is None:
        raise HTTPException(404)
    current = request.query_params.get("v") == _version(name)
    headers = {"Cache-Control": _KEEP if current else "no-cache", "Cross-Origin-Resource-Policy": "same-origin"}
    return Response(content, media_type=_TYPES[Path(name).suffix], headers=headers)


def address_of(name: str) -> str:
    """The address of a file, for templates."""
    return f"/static/{name}?v={_version(name)}"


@cache
def _files() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in FOLDER.iterdir() if file.suffix in _TYPES}


@cache
def _version(name: str) -> str:
    return sha256(_files().get(name, b"")).hexdigest()[:12]
