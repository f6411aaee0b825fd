"""/healthz: what a monitor may know, and when it should ring."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from gateway.portal.app import create_app
from store.config import Config, Settings, SmtpSection
from store.journal import Incoming, append
from store.schema import Outbox
from tests.portal.house import House


@pytest.fixture
def door() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def healthz(house: House, listen: str):
    settings = Settings(postern=house.config.settings.postern, smtp=SmtpSection(listen=listen))
    house.app = create_app(Config(settings, house.config.folder), house.store, house.clock)
    answer = house.client().get("/healthz")
    return answer.status_code, answer.json()


def all_sent(house: House) -> None:
    with house.store.write() as connection:
        connection.execute(update(Outbox).values(state="accepted"))


def test_all_is_well(own_house: House, door: str) -> None:
    all_sent(own_house)
    assert healthz(own_house, door) == (
        200,
        {
            "status": "ok",
            "journal": {"waiting": 0, "oldest_seconds": None},
            "outbox": {"waiting": 0, "oldest_seconds": None},
            "doors": {"smtp": {"listen": door, "up": True}},
        },
    )


def test_a_closed_door_is_degraded(own_house: House) -> None:
    all_sent(own_house)
    for listen in ("127.0.0.1:1", "nonsense"):
        status, told = healthz(own_house, listen)
        assert (status, told["status"], told["doors"]["smtp"]["up"]) == (503, "degraded", False)


def test_mail_that_waits_for_too_long_is_degraded(own_house: House, door: str) -> None:
    all_sent(own_house)
    incoming = Incoming("smtp", own_house.clock(), "x@y.example", (("hosting", ("support@hosting.desk.test",)),), b"x")
    append(own_house.store, [incoming])
    own_house.clock.forward(seconds=60)
    assert healthz(own_house, door)[1]["journal"] == {"waiting": 1, "oldest_seconds": 60}
    own_house.clock.forward(minutes=11)
    status, told = healthz(own_house, door)
    assert (status, told["status"], told["journal"]["oldest_seconds"]) == (503, "degraded", 720)


def test_mail_that_is_not_sent_is_degraded_but_a_pause_is_not(own_house: House, door: str) -> None:
    all_sent(own_house)
    later = own_house.clock() + timedelta(hours=1)
    with own_house.store.write() as connection:
        connection.execute(update(Outbox).where(Outbox.c.id == 1).values(state="deferred", next_at=later))
    assert healthz(own_house, door)[0] == 200
    own_house.clock.forward(minutes=61)
    assert healthz(own_house, door)[1]["outbox"] == {"waiting": 1, "oldest_seconds": 60}
    own_house.clock.forward(minutes=11)
    assert healthz(own_house, door)[0] == 503


def test_it_fails_closed_and_names_nobody(own_house: House, door: str) -> None:
    with own_house.store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE outbox RENAME TO gone")
    status, told = healthz(own_house, door)
    assert (status, told["status"], told["outbox"]) == (503, "degraded", None)
    assert "@" not in str(told) and "EQ" not in str(told)
