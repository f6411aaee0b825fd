"""Pages from templates: everything is escaped, undefined names are errors."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

import templates
from gateway.portal.context import portal_of
from gateway.portal.static import address_of
from gateway.portal.visitors import Visitor, make_visit, new_visit, visit_of

FOLDER = Path(templates.__file__).parent / "pages"


def page(
    request: Request, template: str, status: int = 200, *, visitor: Visitor | None = None, **values: Any
) -> HTMLResponse:
    """The page a template makes of these values, in the common frame."""
    portal = portal_of(request)
    frame = {
        "site": portal.title,
        "person": visitor.person if visitor else None,
        "sign_out_token": portal.forms.token("sign-out", visitor.session.id) if visitor else "",
    }
    return HTMLResponse(_environment().get_template(template).render(frame | values), status)


def form_page(request: Request, template: str, status: int, purpose: str, **values: Any) -> HTMLResponse:
    """A page with a form for somebody who need not be signed in: its token is tied to the browser's visit."""
    portal, visit = portal_of(request), visit_of(request)
    fresh = "" if visit else make_visit()
    response = page(request, template, status, token=portal.forms.token(purpose, visit or fresh), **values)
    if fresh:
        new_visit(portal, response, fresh)
    return response


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["static"] = address_of
    return environment
