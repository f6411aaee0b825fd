"""Around every answer: headers, errors as sentences, nothing written by looking, nothing private in the log."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection
from starlette.routing import Route

from gateway.portal.app import ROUTES, create_app
from store.database import Store
from store.errors import Temporary
from tests.portal.house import ANNA, ROLES, House, sign_in, token

PATHS = (
    "/",
    "/login",
    "/password",
    "/t/EQ-1001",
    "/t/EQ-4711",
    "/f/1",
    "/f/4711",
    "/healthz",
    "/nowhere",
    "/static/nothing",
)
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


@pytest.mark.parametrize("role", ["anonymous", "requester", "agent"])
def test_every_answer_has_the_headers(house: House, role: str) -> None:
    client = house.client(role)
    answers = [client.request(method, path) for path in PATHS for method in ("GET", "POST", "DELETE")]
    answers.append(client.post("/login", data={"form": "x"}, headers={"Sec-Fetch-Site": "cross-site"}))
    for answer in answers:
        told = answer.headers
        assert "no-store" in told["cache-control"]
        if "attachment" not in told.get("content-disposition", ""):
            assert told["content-security-policy"] == POLICY
        assert told["x-content-type-options"] == "nosniff"
        assert told["referrer-policy"] == "no-referrer"
        assert told["cross-origin-opener-policy"] == "same-origin"
        assert "server" not in told


def test_only_the_style_sheet_may_be_kept_and_pages_hold_no_style_or_script(house: House) -> None:
    page = house.client("agent").get("/t/EQ-1001").text
    assert "<script" not in page and "<style" not in page and " style=" not in page and " onclick" not in page
    address = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    kept = house.client().get(address)
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.headers["content-type"] == "text/css; charset=utf-8"
    assert house.client().get("/static/portal.css?v=old").headers["cache-control"] == "no-cache"


def dump(store: Store) -> list[str]:
    told = []
    for engine in (store.main, store.journal):
        with sqlite3.connect(engine.url.database or "") as connection:
            told += list(connection.iterdump())
        connection.close()
    return told


def test_looking_writes_nothing(own_house: House) -> None:
    clients = {role: own_house.client(role) for role in ROLES}
    before = dump(own_house.store)
    assert len(before) > 100
    for client in clients.values():
        for path in (*PATHS, "/?desk=moving", "/login?next=/t/EQ-1001", "/static/portal.css"):
            client.get(path)
            client.head(path)
        form = client.get("/").text
        if "/logout" in form:
            client.post("/logout", data={"form": token(form)})
        sign_in(client, ANNA.email, "wrong")
    assert dump(own_house.store) == before


def test_get_never_gives_a_session(house: House) -> None:
    client = house.client()
    for path in PATHS:
        assert "postern-session" not in client.get(path).headers.get("set-cookie", "")


class Broken(Store):
    """A store whose database says no."""

    error: Exception = Temporary("the database is locked by another process")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        raise self.error
        yield


@pytest.fixture
def broken(own_house: House):
    client = own_house.client("requester")
    store = Broken(own_house.store.main, own_house.store.journal, own_house.store.blobs)
    own_house.app = create_app(own_house.config, store, own_house.clock)
    other = own_house.client(cookies=dict(client.cookies))
    return other, store


def test_a_busy_store_is_503_with_a_time_to_come_back(broken) -> None:
    client, _ = broken
    for path in ("/", "/t/EQ-1001", "/f/1"):
        answer = client.get(path)
        assert answer.status_code == 503 and answer.headers["retry-after"] == "30"
        assert "Please try again in half a minute" in answer.text and "locked" not in answer.text
        assert answer.headers["content-security-policy"] == POLICY
    assert client.get("/healthz").status_code == 503


def test_an_unexpected_error_shows_a_reference_that_the_log_has_too(broken, caplog: pytest.LogCaptureFixture) -> None:
    client, store = broken
    store.error = RuntimeError("SECRET-INSIDE")
    with caplog.at_level(logging.DEBUG):
        answer = client.get("/t/EQ-1001?x=SECRET-QUERY")
    assert answer.status_code == 500 and answer.headers["content-security-policy"] == POLICY
    reference = answer.text.partition('class="reference">')[2].partition("<")[0]
    assert len(reference) == 6 and f"ref {reference}" in caplog.text
    assert "SECRET" not in answer.text and "Traceback" not in answer.text
    assert "SECRET" not in "\n".join(logged(caplog))


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("postern")]


@pytest.mark.threat(94)
def test_the_log_holds_paths_and_nothing_that_somebody_typed(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "postern"):
        client = house.client()
        sign_in(client, "canary@x.example", "CANARY-PASSWORD", "/?next=CANARY-QUERY")
        client.get("/t/%0d%0aCANARY")
    lines = logged(caplog)
    assert any(line.startswith("POST / 401") for line in lines)
    assert "canary" not in "\n".join(lines).replace("/t/%0D%0ACANARY", "").lower()
    assert all("\n" not in line and "\r" not in line for line in lines)


def test_all_routes_are_plain_and_none_redirects_to_another_host(house: House) -> None:
    assert all(isinstance(route, Route) for route in ROUTES)
    answer = house.client().get("/t/EQ-1001/", headers={"host": "evil.example"})
    assert answer.status_code == 404 and "location" not in answer.headers
    assert house.client().get("/docs").status_code == house.client().get("/openapi.json").status_code == 404
