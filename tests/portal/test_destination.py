"""`next` leads to a page of ours or to the list, whatever it says (threats 62)."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest

from gateway.portal.app import ROUTES
from gateway.portal.destination import destination

OURS = [
    ("/", "/"),
    ("/t/HO-1042", "/t/HO-1042"),
    ("/t/HO-1042#m7", "/t/HO-1042#m7"),
    ("/?desk=hosting", "/?desk=hosting"),
    ("/f/17", "/f/17"),
    ("/t/HO%231042", "/t/HO%231042"),
]
FOREIGN = [
    None,
    "",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "\\/evil.example",
    "/\\\\evil.example",
    "https://evil.example",
    "HTTPS://evil.example",
    "http:evil.example",
    "https:/evil.example",
    "//evil.example/t/HO-1042",
    "//testserver@evil.example",
    "/%2f%2fevil.example",
    "/%2Fevil.example",
    "/%5cevil.example",
    "/%5C%5Cevil.example",
    "%2f%2fevil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r//evil.example",
    "\t//evil.example",
    " //evil.example",
    "/ /evil.example",
    "/%09/evil.example",
    "/%0d%0aLocation:%20https://evil.example",
    "/\x00",
    "/%00",
    "/\x7f",
    "javascript:alert(1)",
    "data:text/html,x",
    "/login",
    "/login?next=//evil.example",
    "/logout",
    "/password",
    "/password?token=x",
    "/healthz",
    "/static/portal.css",
    "/nowhere",
    "/t/",
    "/t/a/b",
    "/f/x",
    "/.//evil.example",
    "/../../evil.example",
    "t/HO-1042",
    "?desk=x",
    "#m7",
    "/" + "a" * 600,
    "//[::1",
    "https://[",
    "/t/%E2%80%AE/..//evil.example",
    ".evil.example",
    "@evil.example",
]


@pytest.mark.parametrize(("wanted", "given"), OURS)
def test_our_pages_are_reached(wanted: str, given: str) -> None:
    assert destination(ROUTES, wanted) == given


@pytest.mark.parametrize("wanted", FOREIGN)
@pytest.mark.threat(62)
def test_everything_else_leads_to_the_list(wanted: str | None) -> None:
    given = destination(ROUTES, wanted)
    assert given == "/"
    assert urlsplit(urljoin("http://testserver/login", given)).netloc == "testserver"


def test_the_table_is_long_enough() -> None:
    assert len(OURS) + len(FOREIGN) >= 40
