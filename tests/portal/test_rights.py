"""Every route and every role, from the router itself: a route without a row fails (threats 69)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from gateway.portal.app import ROUTES
from store import people
from store.commands import Author, NewMessage, OpenTicket
from store.file_links import FETCH, UPLOAD, FileLink
from store.rules.tokens import Token, sign
from tests.portal.house import ROLES, House, sign_in

LIST = dict.fromkeys(ROLES, 200) | {"anonymous": 401}
OPEN = dict.fromkeys(ROLES, 200)
NOWHERE = dict.fromkeys(ROLES, 404) | {"anonymous": 401}
MISSING = dict.fromkeys(ROLES, 404)
GONE = dict.fromkeys(ROLES, 410)  # without the link of a mail nobody is anybody there
SEEN = dict.fromkeys(ROLES, 303)  # a link is kept by the browser; what it is good for shows after
UNTOKENED = dict.fromkeys(ROLES, 403)
PUMP = LIST | {"other": 404, "other-agent": 404}  # a desk where the whole organisation sees
HOSTING = NOWHERE | {"requester": 200, "other-agent": 200}  # a desk where everybody sees their own
STAFF = NOWHERE | {"agent": 200}
LINE = NOWHERE | {
    "requester": 200,
    "member": 200,
    "admin": 200,
    "agent": 200,
}  # by a right on the group or above, and staff

# method and route -> (address, status by role); an address may name a file of the house.
TABLE = {
    ("GET", "/healthz"): [("/healthz", dict.fromkeys(ROLES, 503))],  # this house has no mail door
    ("GET", "/metrics"): [("/metrics", OPEN)],
    ("GET", "/static/{name}"): [
        ("/static/portal.css", OPEN),
        ("/static/secret", MISSING),
        ("/static/..%2Fticket.html", MISSING),
    ],
    ("GET", "/login"): [("/login", dict.fromkeys(ROLES, 303) | {"anonymous": 200})],
    ("POST", "/login"): [("/login", UNTOKENED)],
    ("POST", "/logout"): [("/logout", UNTOKENED | {"anonymous": 303})],
    ("GET", "/password"): [("/password", GONE), ("/password?token=x", GONE), ("/password?next=/", GONE)],
    ("POST", "/password"): [("/password", GONE)],
    ("GET", "/u/{token}"): [("/u/x", MISSING), ("/u/{reply}", MISSING), ("/u/{stop}", OPEN), ("/u/{stop}x", MISSING)],
    ("POST", "/u/{token}"): [("/u/x", MISSING), ("/u/{reply}", MISSING), ("/u/{gone}", MISSING)],
    # What a link opens is asked in tests/portal/test_links.py.
    ("GET", "/file"): [("/file", MISSING), ("/file?token=x", SEEN), ("/file?token={fetch}", SEEN)],
    ("GET", "/upload"): [("/upload", MISSING), ("/upload?token=x", SEEN), ("/upload?token={upload}", SEEN)],
    ("POST", "/upload"): [("/upload", dict.fromkeys(ROLES, 400))],
    ("GET", "/password/code"): [("/password/code", OPEN), ("/password/code?next=/", OPEN)],
    ("POST", "/password/code"): [("/password/code", UNTOKENED)],
    ("GET", "/"): [("/", LIST), ("/?desk=hosting", LIST), ("/?desk=%00", LIST)],
    ("POST", "/"): [("/", UNTOKENED)],
    ("GET", "/t/{tag}"): [
        ("/t/EQ-1001", PUMP),
        ("/t/eq-1001", PUMP),
        ("/t/HO-1001", HOSTING),
        ("/t/EQ-1002", STAFF),
        ("/t/EQ-1003", NOWHERE),
        ("/t/XX-1001", NOWHERE),
        ("/t/EQ-01001", NOWHERE),
        ("/t/EQ-１００１", NOWHERE),
        ("/t/EQ-99999999999999999999", NOWHERE),
        ("/t/EQ-9999999999", NOWHERE),
        ("/t/%27%20or%201=1--", NOWHERE),
        ("/t/%00", NOWHERE),
    ],
    ("POST", "/t/{tag}"): [("/t/EQ-1001", UNTOKENED), ("/t/EQ-1003", UNTOKENED)],
    ("GET", "/t/{tag}/m/{message:int}"): [
        ("/t/EQ-1001/m/5", PUMP),
        ("/t/EQ-1001/m/5?images=x", PUMP),
        ("/t/EQ-1001/m/1", NOWHERE),  # it has no layout
        ("/t/EQ-1001/m/2", STAFF),  # a note
        ("/t/EQ-1001/m/3", STAFF),  # an answer above the notice it answers
        ("/t/EQ-1001/m/4", STAFF),  # automatic mail
        ("/t/HO-1001/m/5", NOWHERE),
        ("/t/EQ-1002/m/5", NOWHERE),
        ("/t/EQ-1001/m/99999999999999999999999999999", NOWHERE),
    ],
    ("POST", "/t/{tag}/m/{message:int}"): [("/t/EQ-1001/m/5", UNTOKENED)],
    ("GET", "/asset/{key:path}"): [
        ("/asset/P-200", LINE),
        ("/asset/P-300", LINE | {"requester": 404}),  # a right on a group is none on the one above it
        ("/asset/north/7", LINE | {"requester": 404, "member": 404}),  # in no group
        ("/asset/north%2F7", LINE | {"requester": 404, "member": 404}),
        ("/asset/p-200", NOWHERE),
        ("/asset/P-999", NOWHERE),
        ("/asset/", NOWHERE),
        ("/asset/%00", NOWHERE),
        ("/asset/%27%20or%201=1--", NOWHERE),
    ],
    ("POST", "/asset/{key:path}"): [("/asset/P-200", UNTOKENED), ("/asset/P-999", UNTOKENED)],
    ("GET", "/f/{attachment:int}"): [
        ("/f/{manual.pdf}", PUMP),
        ("/f/{Prüfplan für Pumpe.pdf}", PUMP),
        ("/f/{fix.exe}", NOWHERE),
        ("/f/{fan.png}", PUMP),
        ("/f/{note-secret.pdf}", STAFF),
        ("/f/{trace-secret.pdf}", STAFF),
        ("/f/0", NOWHERE),
        ("/f/9223372036854775807", NOWHERE),
        ("/f/9223372036854775808", NOWHERE),
        ("/f/99999999999999999999999999999", NOWHERE),
    ],
    ("POST", "/f/{attachment:int}"): [("/f/{manual.pdf}", UNTOKENED)],
}  # fmt: skip
CASES = [(method, path, roles) for (method, _), rows in TABLE.items() for path, roles in rows]


def test_every_route_has_rows() -> None:
    routed = {(method, route.path) for route in ROUTES for method in (route.methods or ()) if method != "HEAD"}
    assert all(isinstance(route, Route) for route in ROUTES)
    assert routed == set(TABLE)


def tokens(house: House) -> dict[str, str]:
    """A link that ends mails to Anna, a token of hers for something else, and a link of somebody who does not exist."""
    with house.store.read() as connection:
        anna = people.find(connection, ROLES["requester"] or "")
    assert anna
    made = {
        "stop": Token("unsubscribe", 1, anna.id),
        "reply": Token("reply", 1, anna.id),
        "gone": Token("unsubscribe", 1, 99),
    }
    links = {
        "fetch": FileLink(FETCH, anna.id, house.files["manual.pdf"], 1, house.clock()),
        "upload": FileLink(UPLOAD, anna.id, 1, 1, house.clock()),
    }
    spelt = {name: link.address("", house.config.secret).partition("token=")[2] for name, link in links.items()}
    return spelt | {name: sign(token, house.config.secret) for name, token in made.items()}


@pytest.fixture(scope="module")
def clients(house: House) -> Iterator[dict[str, TestClient]]:
    """A browser of each role; they share an event loop each, which is quicker than one a request."""
    with ExitStack() as stack:
        yield {role: stack.enter_context(house.client(role)) for role in ROLES}


@pytest.mark.parametrize(("method", "path", "roles"), CASES, ids=[f"{method} {path}" for method, path, _ in CASES])
@pytest.mark.threat(69)
def test_each_role_gets_what_the_table_says(house: House, clients, method: str, path: str, roles) -> None:
    for name, value in {**house.files, **tokens(house)}.items():
        path = path.replace(f"{{{name}}}", str(value))
    form = {"data": {"email": "anna@weber.example", "password": "x"}} if method == "POST" else {}
    for client in clients.values():  # no link of another row is open
        for kind in ("file", "upload"):
            client.cookies.delete(f"postern-{kind}")
    got = {role: client.request(method, path, **form).status_code for role, client in clients.items()}
    assert got == roles
    if method == "GET":
        heads = {role: client.head(path).status_code for role, client in clients.items()}
        assert heads == roles


@pytest.mark.req("EQ-60")
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?desk=hosting",
        "/t/EQ-1001",
        "/t/EQ-1002",
        "/t/HO-1001",
        "/t/EQ-4711",
        "/t/x",
        "/f/1",
        "/f/3",
        "/f/4711",
        "/asset/P-200",
        "/asset/P-999",
    ],
)
def test_without_a_session_every_page_is_the_sign_in_form(clients, path: str) -> None:
    page = clients["anonymous"].get(path)
    assert 'type="password"' in page.text
    assert "Pump" not in page.text and "EQ#" not in page.text


@pytest.mark.threat(69)
def test_what_is_not_yours_looks_exactly_like_what_does_not_exist(clients) -> None:
    other = clients["other"]
    for there, nowhere in (
        ("/t/EQ-1001", "/t/EQ-4711"),
        ("/f/1", "/f/4711"),
        ("/f/3", "/f/4711"),
        ("/asset/P-200", "/asset/P-999"),
    ):
        a, b = other.get(there), other.get(nowhere)
        assert (a.status_code, a.text, dict(a.headers)) == (b.status_code, b.text, dict(b.headers))


@pytest.mark.req("IN-03")
def test_everybody_active_of_the_organization_sees_its_tickets(own_house: House) -> None:
    people = [
        {"email": f"{name}@x.example", "organization": organization, "status": status}
        for name, organization, status in (
            ("a1", "a", "active"), ("a2", "a", "active"), ("a3", "a", "inactive"), ("b1", "b", "active"),
        )
    ]  # fmt: skip
    organizations = [{"key": key, "desk": "infrastructure"} for key in "ab"]
    own_house.load({"organizations": organizations, "people": people})
    own_house.do(OpenTicket("infrastructure", "Rack", NewMessage(Author("a1@x.example"), "?"), "Support", "low", "x"))
    for name, status in (("a1", 200), ("a2", 200), ("b1", 404), ("a3", 401)):
        client = own_house.client()
        signed_in = sign_in(client, f"{name}@x.example").status_code == 303
        assert signed_in == (name != "a3")
        assert client.get("/t/IN-1001").status_code == status
        assert ("Rack" in client.get("/").text) == (status == 200)


def test_the_list_holds_what_may_be_opened_and_nothing_else(clients) -> None:
    shown = {
        role: [tag for tag in ("EQ-1001", "EQ-1002", "HO-1001") if f'href="/t/{tag}"' in client.get("/").text]
        for role, client in clients.items()
    }
    assert shown == {
        "anonymous": [], "other": [], "cc": ["EQ-1001"], "requester": ["EQ-1001", "HO-1001"], "member": ["EQ-1001"],
        "admin": ["EQ-1001"], "other-agent": ["HO-1001"], "agent": ["EQ-1001", "EQ-1002"],
    }  # fmt: skip
