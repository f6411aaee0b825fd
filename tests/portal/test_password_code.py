"""The code that sets a password where the link does not get through: typed, once, and the same answer to every mistake."""

from __future__ import annotations

import logging
import re
import statistics
import time
from typing import Any

import pytest
from httpx import Response
from starlette.testclient import TestClient

from gateway.throttle import PER_ACCOUNT, PER_CLIENT, WINDOW
from store import people
from store.password_links import GOOD_FOR, find_by_code, password_code, redeem_code
from tests.portal.house import ANNA, CHEAP, KIM, MARIA, PASSWORD, House, sign_in, token
from tests.portal.test_guard import dump
from tests.portal.test_new_password import NEW, SESSION, follow, link, problem

PAGE = "/password/code"


def code(house: House, address: str = ANNA.email) -> str:
    """The code that a mail of this moment has."""
    with house.store.read() as connection:
        person = people.find(connection, address)
        assert person
        return password_code(connection, house.config, person, house.clock())


def give(client: TestClient, said: str, address: str = ANNA.email, password: str = NEW, **more: Any) -> Response:
    """Fills in the form and sends it."""
    form = {
        "form": token(client.get(PAGE).text),
        "email": address,
        "code": said,
        "password": password,
        "again": password,
    }
    return client.post(PAGE, data=form | more.pop("data", {}), **more)


@pytest.mark.threat(63)
def test_looking_changes_nothing_and_the_code_then_sets_a_password_once(own_house: House) -> None:
    said = code(own_house)
    assert re.fullmatch(r"[A-Z2-7]{5}-[A-Z2-7]{5}", said)
    before = dump(own_house.store)
    for agent in ("Mozilla/5.0 SafeLinks", "curl/8", "GoogleImageProxy"):
        scanner = own_house.client(headers={"User-Agent": agent})
        for method in ("GET", "HEAD", "GET", "GET"):
            assert scanner.request(method, PAGE).status_code == 200
            assert scanner.request(method, f"{PAGE}?email={ANNA.email}&code={said}").status_code == 200
        assert SESSION not in scanner.cookies and scanner.get("/").status_code == 401
    assert dump(own_house.store) == before
    client = own_house.client()
    done = give(client, said)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert "EQ-1001" in client.get("/").text
    assert give(own_house.client(), said).status_code == 410
    assert sign_in(own_house.client(), ANNA.email, NEW).status_code == 303
    assert sign_in(own_house.client(), ANNA.email, PASSWORD).status_code == 401


@pytest.mark.threat(63)
def test_code_and_link_of_a_mail_end_each_other(own_house: House) -> None:
    path, said = link(own_house), code(own_house)
    assert give(own_house.client(), said).status_code == 303
    assert own_house.client().get(path).status_code == 410
    path, said = link(own_house), code(own_house)
    client = own_house.client()
    page = follow(client, path)
    form = {"form": token(page.text), "password": NEW + "x", "again": NEW + "x"}
    assert client.post("/password", data=form).status_code == 303
    assert give(own_house.client(), said).status_code == 410


@pytest.mark.parametrize("spoken", [str.lower, lambda c: c.replace("-", " "), lambda c: f" {c} ", lambda c: c.replace("O", "0").replace("I", "1").replace("B", "8")])  # fmt: skip
def test_a_code_is_known_however_it_is_typed(own_house: House, spoken: Any) -> None:
    assert give(own_house.client(), spoken(code(own_house)), f" {ANNA.email.upper()} ").status_code == 303


def test_a_code_lives_exactly_as_long_as_its_link(own_house: House) -> None:
    own_house.clock.forward(seconds=37)
    path, said = link(own_house), code(own_house)

    def good() -> tuple[bool, bool]:
        with own_house.store.read() as connection:
            found = find_by_code(connection, own_house.config, ANNA.email, said, own_house.clock())
        return own_house.client().get(path).status_code == 303, found is not None

    own_house.clock.at += GOOD_FOR
    own_house.clock.forward(seconds=-310)
    seen = []
    for _ in range(40):
        seen.append(good())
        own_house.clock.forward(seconds=7.75)
    assert set(seen) == {(True, True), (False, False)}
    assert seen == sorted(seen, reverse=True)


@pytest.mark.threat(68)
def test_every_mistake_has_the_very_same_answer(own_house: House) -> None:
    own_house.change("ben@weber.example", password=CHEAP)
    inactive, used, late = (code(own_house, who) for who in ("ben@weber.example", KIM.email, MARIA.email))
    assert give(own_house.client(), used, KIM.email).status_code == 303
    own_house.change("ben@weber.example", status="inactive")
    own_house.clock.at += GOOD_FOR
    own_house.clock.forward(seconds=1)
    mine = code(own_house)
    cases = [
        (ANNA.email, "AAAAA-AAAAA"), ("nobody@nowhere.test", mine), ("ben@weber.example", inactive), (KIM.email, used),
        (MARIA.email, late), (ANNA.email, "ｋ７" * 10), ("x" * 400, mine),
    ]  # fmt: skip
    before = dump(own_house.store)
    seen = set()
    for number, (address, said) in enumerate(cases):
        answer = give(own_house.client(client=(f"10.1.{number}.1", 1)), said, address)
        assert SESSION not in answer.headers.get("set-cookie", "")
        shown = re.sub(r'(name="form" value|id="email"[^>]* value)="[^"]*"', "", answer.text)
        shown = re.sub(r" autofocus| {2,}", " ", shown)
        seen.add((answer.status_code, re.sub(r"\s+", " ", shown)))
    assert len(seen) == 1 and next(iter(seen))[0] == 410
    assert dump(own_house.store) == before
    assert give(own_house.client(), mine).status_code == 303


@pytest.mark.threat(68)
def test_an_unknown_address_takes_as_long_as_a_known_one(own_house: House) -> None:
    """But for the password's hash, which is made for every try: the ratio of medians is near one."""
    now, config = own_house.clock(), own_house.config
    times: dict[str, list[float]] = {ANNA.email: [], "nobody@nowhere.test": []}
    with own_house.store.read() as connection:
        for _ in range(15):
            for address, taken in times.items():
                start = time.perf_counter()
                assert find_by_code(connection, config, address, "AAAAA-AAAAA", now) is None
                taken.append(time.perf_counter() - start)
    known, unknown = (statistics.median(taken) for taken in times.values())
    assert 0.5 < known / unknown < 2


@pytest.mark.threat(68)
def test_tries_are_limited_by_address_and_by_client_before_the_code_is_looked_at(own_house: House) -> None:
    said = code(own_house)
    assert give(own_house.client(client=("10.0.0.1", 1)), "AAAAA-AAAAA").status_code == 410
    for number in range(1, PER_ACCOUNT):
        assert own_house.app.state.portal.throttle.take(f"code {ANNA.email}", f"10.0.1.{number}") == 0
    refused = give(own_house.client(client=("10.9.9.9", 1)), said)
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) == WINDOW
    for number in range(PER_CLIENT):
        assert own_house.app.state.portal.throttle.take(f"code x{number}@y.test", "10.8.8.8") == 0
    assert give(own_house.client(client=("10.8.8.8", 1)), code(own_house, KIM.email), KIM.email).status_code == 429
    own_house.clock.forward(seconds=WINDOW + 1)
    assert give(own_house.client(), said).status_code == 303


@pytest.mark.threat(67)
def test_the_form_is_good_only_from_our_page_in_the_browser_it_was_shown_in(own_house: House) -> None:
    said, client = code(own_house), own_house.client()
    assert give(client, said, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert give(client, said, headers={"Origin": "https://evil.example"}).status_code == 403
    stolen = {"form": token(own_house.client().get(PAGE).text)}
    refused = give(client, said, data=stolen)
    assert refused.status_code == 403 and "open for too long" in refused.text
    assert give(client, said).status_code == 303


def test_a_mistake_about_the_password_is_told_whatever_the_code_and_costs_no_try(own_house: House) -> None:
    said = code(own_house)
    told = {
        problem(give(own_house.client(), one, who, "short"))
        for one, who in ((said, ANNA.email), ("x", ANNA.email), ("x", "nobody@nowhere.test"))
    }
    assert told == {"Please choose a longer password: at least 10 characters."}
    assert give(own_house.client(), said).status_code == 303


@pytest.mark.threat(66)
def test_a_code_ends_all_other_sessions_and_reaches_no_log(own_house: House, caplog: pytest.LogCaptureFixture) -> None:
    elsewhere, said = own_house.client("requester"), code(own_house)
    with caplog.at_level(logging.DEBUG):
        assert give(own_house.client(), said).status_code == 303
    assert elsewhere.get("/").status_code == 401
    lines = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("postern"))
    assert said not in lines and said.replace("-", "") not in lines and NEW not in lines


@pytest.mark.threat(63)
def test_of_two_requests_at_once_only_one_sets_the_password(own_house: House) -> None:
    said = code(own_house)
    with own_house.store.write() as connection:
        assert redeem_code(connection, own_house.config, ANNA.email, said, "one", own_house.clock())
        assert redeem_code(connection, own_house.config, ANNA.email, said, "two", own_house.clock()) is None


def test_a_dead_link_leads_to_the_page_for_the_code(own_house: House) -> None:
    assert f'href="{PAGE}"' in own_house.client().get("/password?token=x").text
