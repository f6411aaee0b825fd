"""Signing in and out: neutral answers, limits, sessions that end, and forms only our own page can send."""

from __future__ import annotations

from statistics import median
from time import perf_counter

import pytest

from gateway.portal.app import create_app
from gateway.portal.sessions import IDLE
from gateway.throttle import PER_ACCOUNT, PER_CLIENT, WINDOW
from store.config import Config
from store.passwords import hash_password
from store.settings import PosternSection, Settings
from tests.portal.house import ANNA, CHEAP, PASSWORD, ROLES, House, sign_in, token

SESSION = "postern-session"


@pytest.mark.req("IN-25")
def test_a_deep_link_shows_the_form_in_place_and_then_the_page(house: House) -> None:
    client = house.client()
    form = client.get("/t/EQ-1001")
    assert form.status_code == 401 and '<form method="post" class' in form.text
    assert "action=" not in form.text.partition("<main")[2]  # posts to the address shown, which keeps its #m3
    answer = sign_in(client, ANNA.email, path="/t/EQ-1001")
    assert (answer.status_code, answer.headers["location"]) == (303, "/t/EQ-1001")
    assert 'id="m3"' in client.get("/t/EQ-1001").text
    other = house.client()
    assert sign_in(other, "mallory@foreign.example", path="/t/EQ-1001").status_code == 303
    assert other.get("/t/EQ-1001").status_code == 404


def test_the_query_survives_and_login_obeys_next(house: House) -> None:
    assert sign_in(house.client(), "maria@staff.example", path="/?desk=moving").headers["location"] == "/?desk=moving"
    assert sign_in(house.client(), ANNA.email, path="/login?next=/t/EQ-1001").headers["location"] == "/t/EQ-1001"
    assert sign_in(house.client(), ANNA.email, path="/login?next=//evil.example").headers["location"] == "/"
    assert house.client("requester").get("/login?next=https://evil.example").headers["location"] == "/"


@pytest.mark.req("EQ-60")
@pytest.mark.threat(68)
def test_the_answer_tells_nothing_about_who_exists(own_house: House) -> None:
    own_house.change("ben@weber.example", status="inactive")
    own_house.change("otto@weber.example", password=None)
    cases = [
        (ANNA.email, "wrong"), ("nobody@x.example", "wrong"), ("ben@weber.example", PASSWORD),
        ("otto@weber.example", PASSWORD), ("", ""), ("x\0y@x.example", "wrong"), ("otto@weber.example", ""),
    ]  # fmt: skip
    answers = []
    for address, password in cases:
        client = own_house.client()
        form = client.get("/").text
        answer = client.post("/", data={"form": token(form), "email": address, "password": password})
        same = answer.text.replace(token(answer.text), "").replace(f'value="{address}"', "").replace("autofocus", "")
        answers.append((answer.status_code, "".join(same.split()), "set-cookie" in answer.headers))
    assert answers[0][0] == 401
    for at in (1, 2, 3, 6):
        assert answers[at] == answers[0]
    assert {status for status, *_ in answers} == {401}


@pytest.mark.threat(68)
@pytest.mark.usefixtures("full_price")
def test_unknown_addresses_take_as_long_as_known_ones(own_house: House) -> None:
    own_house.change(ANNA.email, password=hash_password(PASSWORD))

    def seconds(address: str, number: int) -> float:
        client = own_house.client(client=(f"10.1.{number}.1", 1))
        form = token(client.get("/").text)
        began = perf_counter()
        assert client.post("/", data={"form": form, "email": address, "password": "no"}).status_code == 401
        return perf_counter() - began

    seconds("warm@x.example", 0)
    pairs = [(seconds(ANNA.email, n), seconds(f"n{n}@x.example", n)) for n in range(1, 5)]
    known, unknown = (median(times) for times in zip(*pairs, strict=True))
    assert 0.5 < known / unknown < 2


@pytest.mark.req("EQ-60")
def test_too_many_tries_have_to_wait_also_with_the_right_password(own_house: House) -> None:
    tries = [sign_in(own_house.client(client=(f"10.0.0.{n}", 1)), ANNA.email, "wrong") for n in range(PER_ACCOUNT)]
    assert {answer.status_code for answer in tries} == {401}
    for _ in range(PER_ACCOUNT):
        assert own_house.app.state.portal.throttle.take("nobody@x.example", "10.0.1.1") == 0
    for address in (ANNA.email, "nobody@x.example", " ANNA@Weber.Example "):
        refused = sign_in(own_house.client(client=("10.9.9.9", 1)), address)
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) == WINDOW
        assert "too many tries. Please wait 10 minutes" in refused.text
        assert SESSION not in refused.cookies
    own_house.clock.forward(seconds=WINDOW + 1)
    assert sign_in(own_house.client(), ANNA.email).status_code == 303


def test_one_client_may_not_try_many_accounts(own_house: House) -> None:
    known = [address for address in ROLES.values() if address]
    for number in range(PER_CLIENT):
        client = own_house.client(client=(f"2001:db8::{number}", 1))  # one customer line has all these addresses
        assert sign_in(client, known[number % len(known)], "wrong").status_code == 401
    assert sign_in(own_house.client(client=("2001:db8::ffff", 1)), ANNA.email).status_code == 429
    assert sign_in(own_house.client(client=("2001:db8:1::1", 1)), ANNA.email).status_code == 303


def test_success_forgives_earlier_tries(own_house: House) -> None:
    for _ in range(3):
        for _ in range(PER_ACCOUNT - 1):
            assert sign_in(own_house.client(client=("10.0.0.1", 1)), ANNA.email, "wrong").status_code in (401, 429)
            own_house.clock.forward(seconds=30)
        assert sign_in(own_house.client(client=("10.0.0.2", 1)), ANNA.email).status_code == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Sec-Fetch-Site": "same-origin"}, 401),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 401),
        ({"Origin": "null"}, 401),
        ({"Origin": "http://testserver"}, 401),
        ({"Origin": "http://127.0.0.1:8080"}, 401),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://testserver.evil.example"}, 403),
    ],
)
@pytest.mark.threat(67)
def test_a_form_from_another_site_is_refused(house: House, headers: dict[str, str], status: int) -> None:
    client = house.client(client=("10.0.3.1", 1))
    data = {"form": token(client.get("/login").text), "email": f"{len(str(headers))}@x.example", "password": "x"}
    assert client.post("/login", data=data, headers=headers).status_code == status


def test_a_form_is_good_only_in_the_browser_it_was_shown_in(house: House) -> None:
    foreign = token(house.client().get("/").text)
    data = {"email": ANNA.email, "password": PASSWORD}
    own = house.client()
    own.get("/")
    for form in (foreign, "", "x", token(own.get("/").text)[:-1] + "?"):
        refused = own.post("/", data=data | {"form": form})
        assert refused.status_code == 403 and "open for too long" in refused.text
        assert SESSION not in own.cookies
    bare = house.client()
    assert bare.post("/", data=data | {"form": foreign}).status_code == 403
    signed_in = house.client("requester")
    assert signed_in.post("/logout", data={"form": foreign}).status_code == 403
    assert signed_in.get("/").status_code == 200


def test_what_is_not_a_form_or_too_large_is_refused(house: House) -> None:
    client = house.client()
    assert client.post("/login", json={"email": "x"}).status_code == 400
    assert client.post("/login", data={"email": "x" * 20_000}).status_code == 413
    headers = {"content-type": "application/x-www-form-urlencoded"}
    for content in (b"\xff=1", b"&".join(b"a%d=1" % n for n in range(100)), b"a=%ff"):
        assert client.post("/login", content=content, headers=headers).status_code == 400


def test_a_form_open_for_too_long_is_shown_again(own_house: House) -> None:
    client = own_house.client()
    old = token(client.get("/").text)
    own_house.clock.forward(hours=13)
    again = client.post("/", data={"form": old, "email": ANNA.email, "password": PASSWORD})
    assert again.status_code == 403 and f'value="{ANNA.email}"' in again.text
    done = client.post("/", data={"form": token(again.text), "email": ANNA.email, "password": PASSWORD})
    assert done.status_code == 303


def test_the_session_cookie(house: House) -> None:
    client = house.client()
    visit = client.get("/login")
    assert SESSION not in visit.headers["set-cookie"]
    cookie = sign_in(client, ANNA.email).headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=lax", "Path=/", f"Max-Age={IDLE}"):
        assert part in cookie
    assert "Secure" not in cookie and CHEAP not in cookie and "Domain" not in cookie


def test_behind_tls_cookies_are_secure_and_bound_to_the_host(own_house: House) -> None:
    data = own_house.config.settings.postern.data
    settings = Settings(postern=PosternSection(data=data, base_url="https://help.example"))
    own_house.app = create_app(Config(settings, own_house.config.folder), own_house.store, own_house.clock)
    client = own_house.client(base_url="https://testserver")
    for cookie in (client.get("/login").headers["set-cookie"], sign_in(client, ANNA.email).headers["set-cookie"]):
        assert cookie.startswith("__Host-postern-") and "Secure" in cookie
    assert client.get("/").status_code == 200


@pytest.mark.threat(66)
def test_each_sign_in_has_a_new_session_id(house: House) -> None:
    client = house.client("requester")
    before = client.cookies[SESSION]
    read = house.app.state.portal.sessions.read
    visit = dict(client.cookies)
    del visit[SESSION]
    again = house.client(cookies=visit)
    sign_in(again, ANNA.email)
    assert read(before).id != read(again.cookies[SESSION]).id


@pytest.mark.threat(66)
def test_signing_out_ends_the_session_also_for_a_stolen_cookie(house: House) -> None:
    client = house.client("requester")
    stolen = house.client(cookies=dict(client.cookies))
    assert stolen.get("/").status_code == 200
    page = client.get("/").text
    assert client.post("/logout", data={"form": token(page)}).headers["location"] == "/login"
    assert SESSION not in client.cookies
    assert (client.get("/").status_code, stolen.get("/").status_code) == (401, 401)


def test_an_idle_session_ends_and_a_used_one_lives_on(own_house: House) -> None:
    used, idle = own_house.client("requester"), own_house.client("cc")
    for _ in range(5):
        own_house.clock.forward(hours=11)
        assert used.get("/").status_code == 200
    assert idle.get("/").status_code == 401
    own_house.clock.forward(seconds=IDLE + 1)
    assert used.get("/").status_code == 401


@pytest.mark.parametrize("change", [{"status": "inactive"}, {"password": CHEAP[:-2] + "AA"}, {"password": None}])
def test_a_session_ends_when_the_person_changes(own_house: House, change: dict[str, str | None]) -> None:
    client = own_house.client("requester")
    assert client.get("/t/EQ-1001").status_code == 200
    own_house.change(ANNA.email, **change)
    assert client.get("/t/EQ-1001").status_code == 401
    assert client.get("/f/1").status_code == 401


@pytest.mark.parametrize("forged", ["", "x", "x.y", "e30.AAAA", "\x7f", "W10.sig"])
def test_a_forged_cookie_is_no_session(house: House, forged: str) -> None:
    client = house.client("requester")
    real = client.cookies[SESSION]
    value, _, signature = real.rpartition(".")
    other = "A" if signature[0] != "A" else "B"
    for cookie in (forged, f"{value}.{other}{signature[1:]}", f"{other}{value}.{signature}", real + "x"):
        assert house.app.state.portal.sessions.read(cookie) is None
