"""Silence is noticed: a mailbox that is not read is red at /healthz, and people hear of it by another way (threats 96)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from gateway.portal.app import create_app
from store import alarms, folders
from tests.doors.imap_house import ImapHouse, house
from tests.fakes import Clock

STAFF = [
    {"email": "lisa@desk.test", "name": "Lisa", "desk": "hosting", "role": "admin"},
    {"email": "otto@desk.test", "name": "Otto", "desk": "hosting", "role": "admin"},
]


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 11, 2, 9, 0, tzinfo=UTC))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ImapHouse]:
    with house(tmp_path, {"poll": 60}) as made:
        yield made


def watch(desk: ImapHouse, clock: Clock) -> list[tuple[str, str, list[str]]]:
    """What the clock's job tells now: recipient, what happened, and its lines."""
    before = len(desk.outbox())
    for _ in alarms.watch(desk.config, desk.store, clock()):
        pass
    with desk.store.read() as connection:
        rows = connection.exec_driver_sql("SELECT recipient, facts FROM outbox ORDER BY id").all()[before:]
    told = [(recipient, json.loads(facts)) for recipient, facts in rows]
    return [(recipient, facts["change"], facts["problems"]) for recipient, facts in told]


@pytest.mark.threat(96)
def test_a_refused_login_is_told_within_a_quarter_of_an_hour_once_and_once_when_it_is_over(
    desk: ImapHouse, clock: Clock
) -> None:
    desk.load(agents=STAFF)
    place = folders.find(desk.store, desk.section, clock())
    folders.succeeded(desk.store, place, clock())
    folders.failed(desk.store, place, "the login was refused: no")
    told = []
    for _ in range(30):
        clock.advance(seconds=30)
        told += watch(desk, clock)
    lines = ["support@desk.test INBOX: the login was refused: no"]
    assert told == [("lisa@desk.test", "mailbox_silent", lines), ("otto@desk.test", "mailbox_silent", lines)]
    clock.advance(hours=3)
    assert watch(desk, clock) == []
    folders.succeeded(desk.store, place, clock())
    assert [(who, what) for who, what, _ in watch(desk, clock)] == [
        ("lisa@desk.test", "mailbox_back"), ("otto@desk.test", "mailbox_back"),
    ]  # fmt: skip
    assert watch(desk, clock) == []


@pytest.mark.threat(96)
def test_a_mailbox_that_nobody_ever_read_is_told_of_all_staff_where_there_is_no_administrator(
    desk: ImapHouse, clock: Clock
) -> None:
    assert watch(desk, clock) == []
    clock.advance(minutes=6)
    told = watch(desk, clock)
    assert {who for who, _, _ in told} == {"gina@desk.test", "billy@desk.test"}
    assert told[0][2] == ["support@desk.test INBOX: nothing is heard of it"]


def test_a_mail_that_was_left_is_told_of_once_and_by_a_second_failure(desk: ImapHouse, clock: Clock) -> None:
    place = folders.find(desk.store, desk.section, clock())
    folders.succeeded(desk.store, place, clock())
    folders.leave(desk.store, place, 4, 62 << 20, "kim@x.test", folders.TOO_LARGE, clock())
    folders.leave(desk.store, place, 5, 10, "", "the server gives nothing of it", clock())
    assert watch(desk, clock)[0][1:] == (
        "mail_left", ["support@desk.test INBOX: 62.0 MB from kim@x.test: too large"],
    )  # fmt: skip
    folders.leave(desk.store, place, 5, 10, "", "the server gives nothing of it", clock())
    assert watch(desk, clock)[0][2] == ["support@desk.test INBOX: 0.0 MB from somebody: the server gives nothing of it"]
    assert watch(desk, clock) == []


@pytest.mark.threat(96)
@pytest.mark.threat(22)
def test_health_and_metrics_say_how_long_ago_each_mailbox_was_read(desk: ImapHouse, clock: Clock) -> None:
    client = TestClient(create_app(desk.config, desk.store, clock))
    (state,) = client.get("/healthz").json()["mailboxes"]
    assert state == {
        "name": "support@desk.test INBOX",
        "up": False,
        "seconds_since_success": None,
        "trouble": "",
        "left": 0,
    }
    place = folders.find(desk.store, desk.section, clock())
    folders.succeeded(desk.store, place, clock())
    clock.advance(seconds=70)
    (state,) = client.get("/healthz").json()["mailboxes"]
    assert (state["up"], state["seconds_since_success"]) == (True, 70)
    clock.advance(seconds=60)
    folders.failed(desk.store, place, "the server did not answer in time, at the search")
    told = client.get("/healthz")
    (state,) = told.json()["mailboxes"]
    assert (told.status_code, state["up"], state["trouble"]) == (
        503,
        False,
        "the server did not answer in time, at the search",
    )
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    for line in (
        "postern_up 0.0", 'postern_waiting{ledger="journal"} 0.0', 'postern_waiting{ledger="outbox"} 0.0',
        'postern_door_up{door="smtp"} 0.0', 'postern_mailbox_up{mailbox="support@desk.test INBOX"} 0.0',
        'postern_mailbox_seconds_since_success{mailbox="support@desk.test INBOX"} 130.0',
        'postern_mailbox_left{mailbox="support@desk.test INBOX"} 0.0',
    ):  # fmt: skip
        assert line in lines, answer.text


def test_the_mail_of_an_alarm_goes_to_who_still_works_there(desk: ImapHouse, clock: Clock) -> None:
    from store import outbox

    watch(desk, clock)
    clock.advance(minutes=6)
    watch(desk, clock)
    with desk.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM staff WHERE person_id = ?", (desk.person("billy@desk.test"),))
    letters = outbox.claim(desk.store, [row["id"] for row in desk.outbox()], "w", clock() + timedelta(seconds=1))
    assert [letter.recipient for letter in letters] == ["gina@desk.test"]
