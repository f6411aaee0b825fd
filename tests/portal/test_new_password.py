"""The link that sets a password: looked at by anybody's programs, used once, gone for everybody else."""

from __future__ import annotations

import logging
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import Response
from starlette.testclient import TestClient

from gateway.portal.app import create_app
from gateway.portal.new_password import LONGEST, SHORTEST
from gateway.throttle import PER_ACCOUNT, WINDOW
from store import people
from store.config import Config
from store.password_links import GOOD_FOR, find_bearer, password_link, redeem
from store.passwords import hash_password, matches
from store.settings import PosternSection, Settings
from tests.portal.house import ANNA, CHEAP, MARIA, PASSWORD, House, sign_in, token
from tests.portal.test_guard import dump

NEW = "four green words of mine"
SESSION, LINK = "postern-session", "postern-password"


def link(house: House, address: str = ANNA.email, onwards: str = "") -> str:
    """The path and query of a link, as the mail has it."""
    with house.store.read() as connection:
        person = people.find(connection, address)
        assert person
        made = password_link(connection, house.config, person, house.clock(), onwards)
    assert made.startswith(house.config.base_url + "/password?token=")
    return made.removeprefix(house.config.base_url)


def follow(client: TestClient, path: str) -> Response:
    """Opens a link as a browser does: on to the page without the token."""
    first = client.get(path)
    return client.get(first.headers["location"]) if first.status_code == 303 else first


def send(client: TestClient, page: Response, password: str = NEW, again: str | None = None, **options: Any) -> Response:
    """Fills in the form of a page and sends it to where the page stands."""
    data = {"form": token(page.text), "password": password, "again": password if again is None else again}
    return client.post(str(page.request.url.raw_path, "ascii"), data=data, **options)


def problem(page: Response) -> str:
    found = re.search(r'id="problem">([^<]+)<', page.text)
    return found[1] if found else ""


@pytest.mark.threat(63)
def test_scanners_may_look_as_often_as_they_like_and_the_person_then_sets_a_password_once(own_house: House) -> None:
    path = link(own_house)
    before = dump(own_house.store)
    for agent in ("Mozilla/5.0 SafeLinks", "curl/8", "GoogleImageProxy"):
        scanner = own_house.client(headers={"User-Agent": agent})
        for _ in range(3):
            for method in ("HEAD", "GET"):
                assert scanner.request(method, path).status_code == 303
                assert scanner.request(method, "/password").status_code == 200
        assert own_house.client(headers={"User-Agent": agent}).get("/password").status_code == 410  # keeps no cookies
        assert SESSION not in scanner.cookies and scanner.get("/").status_code == 401
    assert dump(own_house.store) == before
    client = own_house.client()
    page = follow(client, path)
    assert page.status_code == 200 and f'value="{ANNA.email}"' in page.text
    assert SESSION not in client.cookies
    kept = dict(client.cookies)
    done = send(client, page)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert "EQ-1001" in client.get("/").text
    again = own_house.client(cookies=kept)
    assert send(again, page).status_code == 410
    assert again.get("/password").status_code == again.get(path).status_code == 410
    assert sign_in(own_house.client(), ANNA.email, NEW).status_code == 303
    assert sign_in(own_house.client(), ANNA.email, PASSWORD).status_code == 401


@pytest.mark.threat(65)
def test_the_token_leaves_the_address_at_once_and_reaches_no_log(
    own_house: House, caplog: pytest.LogCaptureFixture
) -> None:
    path = link(own_house, onwards="/t/EQ-1001")
    secret = parse_qs(urlsplit(path).query)["token"][0]
    client = own_house.client()
    with caplog.at_level(logging.DEBUG):
        first = client.get(path)
        page = client.get(first.headers["location"])
        bad = send(client, page, "short")
        done = send(client, page)
    assert first.headers["location"] == "/password?next=%2Ft%2FEQ-1001"
    assert done.headers["location"] == "/t/EQ-1001"
    cookie = next(value for value in first.headers.get_list("set-cookie") if value.startswith(LINK))
    assert all(part in cookie for part in (secret, "HttpOnly", "SameSite=lax", "Max-Age=3600"))
    assert LINK not in client.cookies  # taken back when used
    for answer in (first, page, bad, done):
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert secret not in answer.text and secret not in answer.headers.get("location", "")
    links = re.findall(r'(?:href|src|action)="([^"]+)"', page.text)
    assert links and all(address.startswith(("/", "#")) and not address.startswith("//") for address in links)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("postern")]
    assert any(line.startswith("GET /password 303") for line in lines)
    assert secret not in "\n".join(lines) and NEW not in "\n".join(lines)


@pytest.mark.threat(66)
def test_a_new_password_ends_all_other_sessions_and_begins_a_new_one(own_house: House) -> None:
    client, elsewhere, other = own_house.client("requester"), own_house.client("requester"), own_house.client("cc")
    read = own_house.app.state.portal.sessions.read
    before = read(client.cookies[SESSION])
    stolen = own_house.client(cookies=dict(client.cookies))
    assert send(client, follow(client, link(own_house))).status_code == 303
    after = read(client.cookies[SESSION])
    assert after.person == before.person and after.id != before.id
    assert client.get("/").status_code == 200
    assert elsewhere.get("/").status_code == stolen.get("/").status_code == 401
    assert other.get("/").status_code == 200


def test_behind_tls_the_cookie_of_a_link_is_secure_and_bound_to_the_host(own_house: House) -> None:
    data = own_house.config.settings.postern.data
    settings = Settings(postern=PosternSection(data=data, base_url="https://help.example/"))
    own_house.config = Config(settings, own_house.config.folder)
    own_house.app = create_app(own_house.config, own_house.store, own_house.clock)
    client = own_house.client(base_url="https://testserver")
    cookie = client.get(link(own_house)).headers["set-cookie"]
    assert cookie.startswith("__Host-postern-password=") and "Secure" in cookie
    assert send(client, client.get("/password")).status_code == 303


def test_a_link_lives_three_days(own_house: House) -> None:
    path = link(own_house)
    own_house.clock.at += GOOD_FOR
    client = own_house.client()
    page = follow(client, path)
    assert page.status_code == 200
    own_house.clock.forward(seconds=1)
    assert send(client, page).status_code == 410
    assert own_house.client().get(path).status_code == 410


@pytest.mark.parametrize(
    "change", [{"status": "inactive"}, {"status": "invited"}, {"password": CHEAP[:-2] + "AA"}, {"password": None}]
)
def test_a_link_ends_when_the_account_changes(own_house: House, change: dict[str, str | None]) -> None:
    path, client = link(own_house), own_house.client()
    page = follow(client, path)
    own_house.change(ANNA.email, **change)
    assert send(client, page).status_code == 410
    assert own_house.client().get(path).status_code == 410
    assert SESSION not in client.cookies


def test_a_link_made_for_somebody_inactive_stays_dead(own_house: House) -> None:
    own_house.change(ANNA.email, status="inactive")
    path = link(own_house)
    own_house.change(ANNA.email, status="active")
    assert own_house.client().get(path).status_code == 410


def test_every_dead_link_shows_the_very_same_page(own_house: House) -> None:
    used, late, inactive = link(own_house), link(own_house, MARIA.email), link(own_house, "ben@weber.example")
    client = own_house.client()
    assert send(client, follow(client, used)).status_code == 303
    own_house.clock.forward(days=4)
    own_house.change("ben@weber.example", status="inactive")
    good = link(own_house, MARIA.email)
    head, _, mac = good.rpartition(".")
    body = head.partition("token=")[2].partition(".")[0]
    dead = [used, late, inactive, f"{head}.{mac[:-2]}AA", f"{head}x.{mac}", "/password?token=", "/password?token=x",
            "/password?token=%00%0d%0aSet-Cookie:x", f"/password?token={'A' * 9000}", f"/password?token={body}", "/password"]  # fmt: skip
    answers = [own_house.client().get(path) for path in dead]
    assert {answer.status_code for answer in answers} == {410}
    assert len({answer.text for answer in answers}) == 1
    assert all("set-cookie" not in answer.headers for answer in answers)
    assert "This link is no longer good" in answers[0].text and "ask us for a new link" in answers[0].text
    assert follow(own_house.client(), good).status_code == 200


def test_tokens_of_other_kinds_or_installations_set_no_password(own_house: House) -> None:
    client = own_house.client("requester")
    foreign = Config(
        Settings(postern=PosternSection(secret_file=own_house.config.folder / "other")), own_house.config.folder
    )
    portal = own_house.app.state.portal
    with own_house.store.read() as connection:
        anna = people.find(connection, ANNA.email)
        assert anna
        theirs = password_link(connection, foreign, anna, own_house.clock()).partition("token=")[2]
        for other in (client.cookies[SESSION], portal.forms.token("password", "x"), theirs):
            assert find_bearer(connection, own_house.config, other, own_house.clock()) is None


@pytest.mark.parametrize(
    ("password", "again", "told"),
    [
        ("", "", "Please choose a longer password: at least 10 characters."),
        ("x" * (SHORTEST - 1), None, "Please choose a longer password: at least 10 characters."),
        ("x" * (LONGEST + 1), None, "Please choose a shorter password: at most 200 characters."),
        (NEW, NEW + "x", "The two passwords are not the same. Please type both again."),
    ],
)
def test_a_mistake_is_told_and_the_link_stays_good(
    own_house: House, password: str, again: str | None, told: str
) -> None:
    before = dump(own_house.store)
    client = own_house.client()
    refused = send(client, follow(client, link(own_house)), password, again)
    assert (refused.status_code, problem(refused)) == (422, told)
    assert password == "" or f'"{password}"' not in refused.text
    assert dump(own_house.store) == before and SESSION not in client.cookies
    assert send(client, refused, "ä" * LONGEST).status_code == 303
    assert sign_in(own_house.client(), ANNA.email, "ä" * LONGEST).status_code == 303


@pytest.mark.threat(67)
def test_the_form_is_good_only_from_our_page_in_the_browser_it_was_shown_in(own_house: House) -> None:
    before = dump(own_house.store)
    path, client, thief = link(own_house), own_house.client(), own_house.client()
    page, foreign = follow(client, path), follow(thief, path)
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ):
        assert send(client, page, headers=headers).status_code == 403
    for form in ("", "x", token(foreign.text), token(own_house.client().get("/login").text)):
        refused = client.post("/password", data={"form": form, "password": NEW, "again": NEW})
        assert refused.status_code == 403 and "open for too long" in refused.text
    maria = follow(client, link(own_house, MARIA.email))  # in another tab
    assert send(client, page).status_code == 403
    assert dump(own_house.store) == before
    assert send(client, maria).status_code == 303


@pytest.mark.threat(62)
@pytest.mark.parametrize(
    "onwards",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/password", "/logout", "/nowhere", "/%0d%0ax:y"],
)
def test_next_leads_to_no_other_site(own_house: House, onwards: str) -> None:
    client = own_house.client()
    first = client.get(link(own_house, onwards=onwards))
    assert urlsplit(first.headers["location"]).path == "/password" and not urlsplit(first.headers["location"]).netloc
    done = send(client, client.get(first.headers["location"]))
    assert (done.status_code, done.headers["location"]) == (303, "/")


def test_too_many_tries_have_to_wait_but_those_of_signing_in_do_not_count(own_house: House) -> None:
    for number in range(PER_ACCOUNT):
        assert sign_in(own_house.client(client=(f"10.0.0.{number}", 1)), ANNA.email, "wrong").status_code == 401
    client = own_house.client(client=("10.9.9.9", 1))
    page = follow(client, link(own_house))
    with own_house.store.read() as connection:
        anna = people.find(connection, ANNA.email)
    assert anna
    for _ in range(PER_ACCOUNT):
        assert own_house.app.state.portal.throttle.take(f"password {anna.id}", "10.8.8.8") == 0
    refused = send(client, page)
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) == WINDOW
    assert "Please wait 10 minutes" in problem(refused)
    own_house.clock.forward(seconds=WINDOW + 1)
    assert send(client, page).status_code == 303


def test_of_two_requests_at_once_only_one_sets_the_password(own_house: House) -> None:
    """The second has looked at the account before the first wrote it."""
    secret = parse_qs(urlsplit(link(own_house)).query)["token"][0]
    hashes = [hash_password(NEW), hash_password("the password of a thief")]
    with own_house.store.write() as connection:
        anna = people.find(connection, ANNA.email)
        assert anna
        old = people.password_hash(connection, anna.id)
        assert redeem(connection, own_house.config, secret, hashes[0], own_house.clock()) == anna
        assert redeem(connection, own_house.config, secret, hashes[1], own_house.clock()) is None
        assert not people.replace_password(connection, anna.id, old, hashes[1])
        assert matches(NEW, people.password_hash(connection, anna.id))


def test_who_never_had_a_password_sets_the_first_and_is_confirmed(own_house: House) -> None:
    own_house.change(ANNA.email, password=None, confirmed=False)
    client = own_house.client()
    path = link(own_house)
    assert send(client, follow(client, path)).status_code == 303
    assert client.get("/").status_code == 200 and own_house.client().get(path).status_code == 410
    with own_house.store.read() as connection:
        anna = people.find(connection, ANNA.email)
    assert anna and anna.confirmed
