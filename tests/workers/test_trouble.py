"""A relay that takes nothing is seen where people look, however patiently the mails wait (threats 96)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from gateway.portal.app import create_app
from store import troubles
from store.troubles import State
from tests.fakes import Clock, FakeRelay, until
from tests.workers.bench import Bench


def trouble(bench: Bench) -> State | None:
    with bench.store.read() as connection:
        return troubles.states(connection).get("relay")


@pytest.mark.threat(96)
@pytest.mark.threat(77)
def test_a_refused_login_is_red_with_what_to_do_until_a_mail_is_taken(bench: Bench, fake: FakeRelay) -> None:
    clock = Clock()
    bench.configure(fake.url().replace("//", "//desk:secret@") + "?tls=required")
    bench.open_tickets(2, now=clock)
    with bench.worker(now=clock):
        bench.settled("deferred")
    client = TestClient(create_app(bench.config, bench.store, clock))
    told = client.get("/healthz").json()["relay"]
    assert told == {
        "up": True,
        "seconds_of_trouble": 0,
        "trouble": "the relay does not do STARTTLS; correct host and port in [relay] url, or use smtps://",
    }
    clock.advance(minutes=6)
    with bench.worker(now=clock):
        until(lambda: all(row.attempts == 2 for row in bench.rows()))
        bench.settled("deferred")
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["relay"]["up"]) == (503, False)
    assert answer.json()["relay"]["seconds_of_trouble"] == 360
    assert "postern_relay_up 0.0" in client.get("/metrics").text
    bench.configure(fake.url())
    clock.advance(hours=1)
    with bench.worker(now=clock):
        bench.settled()
        until(lambda: trouble(bench) is None)
    assert client.get("/healthz").json()["relay"] == {"up": True, "seconds_of_trouble": None, "trouble": ""}
    assert "postern_relay_up 1.0" in client.get("/metrics").text


def test_a_relay_that_is_away_is_told_and_one_that_refuses_a_mail_is_not(bench: Bench, fake: FakeRelay) -> None:
    clock = Clock()
    fake.script("RCPT", "450 4.2.1 busy", to="p0@customer.test")
    fake.script("RCPT", "550 5.1.1 nobody", to="p1@customer.test")
    bench.open_tickets(2, now=clock)
    with bench.worker(now=clock):
        bench.settled("deferred", "failed")
        assert trouble(bench) is None
        fake.stop()
        bench.answer(2, "We have looked into it.", clock)
        bench.settled("deferred", "failed")
        until(lambda: trouble(bench) is not None)
    state = trouble(bench)
    assert state is not None and state.why.startswith("the relay is not reached or breaks off; see that it runs")
    assert not state.lasts(clock()) and state.lasts(clock() + timedelta(minutes=5))


@pytest.mark.threat(77)
def test_what_a_trouble_of_hours_held_up_goes_out_with_the_first_mail_the_relay_takes_again(
    bench: Bench, fake: FakeRelay
) -> None:
    clock = Clock()
    bench.configure(fake.url().replace("//", "//desk:secret@") + "?tls=required")
    bench.open_tickets(3, now=clock)
    with bench.worker(now=clock):
        for attempt in range(1, 6):
            until(lambda: {row.attempts for row in bench.rows()} == {attempt}, 20)  # noqa: B023
            bench.settled("deferred")
            clock.advance(minutes=70 if attempt < 5 else 1)
    bench.configure(fake.url())
    with bench.worker(now=clock):
        bench.open_tickets(1, now=clock)
        bench.settled()
    assert len(fake.mails) == 4
