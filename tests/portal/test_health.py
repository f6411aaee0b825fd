"""/healthz: what a monitor may know, and when it should ring."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select, text, update
from starlette.testclient import TestClient

from gateway.portal import health
from gateway.portal.app import create_app
from store import broken_templates, parts, troubles
from store.config import Config
from store.database import open_store
from store.journal import Incoming, append
from store.schema import Lease, Outbox
from store.settings import FilterSection, LmtpSection, RelaySection, Section, Settings, SmtpSection
from tests.conftest import installation
from tests.portal.house import House


@pytest.fixture
def door() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def healthz(house: House, listen: str, lmtp: str | None = None, **sections: Section):
    settings = Settings(
        postern=house.config.settings.postern,
        smtp=SmtpSection(listen=listen),
        lmtp=LmtpSection(listen=lmtp),
        **sections,
    )
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
            "parts": {},
            "doors": {"smtp": {"listen": door, "up": True}},
        },
    )


def test_a_closed_door_is_degraded(own_house: House) -> None:
    all_sent(own_house)
    for listen in ("127.0.0.1:1", "nonsense"):
        status, told = healthz(own_house, listen)
        assert (status, told["status"], told["doors"]["smtp"]["up"]) == (503, "degraded", False)


def test_an_lmtp_door_counts_when_there_is_one(
    own_house: House, door: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    all_sent(own_house)
    path = tmp_path_factory.mktemp("s") / "lmtp"
    for listen in (door, str(path)):
        with socket.socket(socket.AF_UNIX) as listening:
            if listen == str(path):
                assert healthz(own_house, door, listen)[0] == 503
                listening.bind(listen)
                listening.listen()
            status, told = healthz(own_house, door, listen)
            assert (status, told["doors"]["lmtp"]) == (200, {"listen": listen, "up": True})
    status, told = healthz(own_house, door, "127.0.0.1:1")
    assert (status, told["doors"]["smtp"]["up"], told["doors"]["lmtp"]["up"]) == (503, True, False)


@pytest.mark.threat(96)
def test_a_part_that_gives_no_sign_is_degraded_and_named(own_house: House, door: str) -> None:
    all_sent(own_house)
    for part in ("filer", "worker"):
        parts.renew(own_house.store, part, 10, own_house.clock())
    assert healthz(own_house, door)[1]["parts"] == {"filer": {"up": True}, "worker": {"up": True}}
    assert healthz(own_house, door)[0] == 200
    own_house.clock.forward(seconds=29)
    parts.renew(own_house.store, "worker", 10, own_house.clock())
    own_house.clock.forward(seconds=2)
    status, told = healthz(own_house, door)
    assert (status, told["status"]) == (503, "degraded")
    assert told["parts"] == {"filer": {"up": False}, "worker": {"up": True}}
    parts.remove(own_house.store, ("filer", 10))
    assert healthz(own_house, door)[0] == 200


def test_a_door_on_another_host_is_told_by_its_sign_of_life(own_house: House) -> None:
    all_sent(own_house)
    parts.renew(own_house.store, "smtp", 10, own_house.clock())
    assert healthz(own_house, "127.0.0.1:1")[0] == 503  # it says it lives, here, and takes no connection
    with own_house.store.write() as connection:
        connection.execute(update(Lease).values(name="part:smtp@other:10"))
    status, told = healthz(own_house, "127.0.0.1:1")
    assert (status, told["doors"]["smtp"]["up"]) == (200, True)
    assert set(told) == {"status", "journal", "outbox", "parts", "doors"}
    own_house.clock.forward(seconds=31)
    assert healthz(own_house, "127.0.0.1:1")[1]["doors"]["smtp"]["up"] is False


@pytest.mark.threat(96)
def test_a_database_that_hangs_is_reported_and_asked_once_at_a_time(
    tmp_path: Path, migrated: str, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = installation(tmp_path, ("hosting",), database=migrated)
    config = Config(config.settings.model_copy(update={"smtp": SmtpSection(listen=door)}), tmp_path)
    store = open_store(config)
    admin = create_engine(migrated)
    asking = select(func.count()).select_from(text("pg_stat_activity")).where(
        text("datname = current_database() AND wait_event_type = 'Lock'")
    )  # fmt: skip
    try:
        with TestClient(create_app(config, store)) as client, admin.connect() as locker:
            assert client.get("/healthz").status_code == 200
            monkeypatch.setattr(health, "_ANSWER", 0.5)
            locker.execute(text("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE"))
            for _ in range(3):
                answer = client.get("/healthz")
                assert (answer.status_code, answer.json()["journal"]) == (503, None)
                assert answer.json()["doors"]["smtp"]["up"]
            assert locker.execute(asking).scalar() == 1
            locker.rollback()
            deadline = time.monotonic() + 10
            while client.get("/healthz").status_code != 200:
                assert time.monotonic() < deadline
    finally:
        admin.dispose()
        store.close()


@pytest.mark.threat(96)
def test_a_filter_that_is_away_is_degraded_and_holds_no_mail_up(own_house: House, door: str) -> None:
    all_sent(own_house)
    asked = {"filter": FilterSection(clamd="127.0.0.1:3310", rspamd="http://127.0.0.1:11333")}
    well = {"up": True, "seconds_of_trouble": None, "trouble": ""}
    assert healthz(own_house, door, **asked)[1]["filters"] == {"clamd": well, "rspamd": well}
    with own_house.store.write() as connection:
        troubles.Memory("clamd").note(connection, "start it", own_house.clock())
    own_house.clock.forward(minutes=4)
    status, told = healthz(own_house, door, **asked)
    assert (status, told["status"], told["filters"]["clamd"]["trouble"]) == (200, "ok", "start it")
    own_house.clock.forward(minutes=1)
    status, told = healthz(own_house, door, **asked)
    assert (status, told["status"]) == (200, "degraded")
    assert told["filters"] == {"clamd": {"up": False, "seconds_of_trouble": 300, "trouble": "start it"}, "rspamd": well}
    metrics = own_house.client().get("/metrics").text
    assert 'postern_filter_up{filter="clamd"} 0.0' in metrics and "postern_up 0.0" in metrics
    assert "filters" not in healthz(own_house, door)[1]  # one that is asked no longer is nobody's trouble


@pytest.mark.threat(96)
def test_a_relay_that_takes_nothing_holds_mail_up(own_house: House, door: str) -> None:
    all_sent(own_house)
    relay = RelaySection(url="smtp://desk:secret@mail.example.com")
    with own_house.store.write() as connection:
        memory = troubles.Memory("relay")
        memory.note(connection, "correct the password", own_house.clock())
        memory.note(connection, "see that it runs", own_house.clock.forward(minutes=5))
    status, told = healthz(own_house, door, relay=relay)
    assert (status, told["status"]) == (503, "degraded")
    assert told["relay"] == {"up": False, "seconds_of_trouble": 300, "trouble": "see that it runs"}
    assert "secret" not in str(told)
    with own_house.store.write() as connection:
        memory.note(connection, None, own_house.clock())
    assert healthz(own_house, door, relay=relay)[0] == 200


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


@pytest.mark.req("BR-07")
def test_a_broken_template_of_a_desk_is_degraded_and_named_until_its_folder_changes(
    own_house: House, door: str
) -> None:
    all_sent(own_house)
    own = own_house.config.folder / "desks" / "mine"
    own.mkdir()
    os.utime(own, (0, 0))
    file = next((own_house.config.folder / "desks").glob("*.toml"))
    file.write_text(f'templates = "mine"\n{file.read_text(encoding="utf-8")}', encoding="utf-8")
    own_house.config = Config(own_house.config.settings, own_house.config.folder)
    desk = next(desk for desk in own_house.config.desks.values() if desk.templates)
    broken_templates.note(own_house.store, desk, None, f"{own}/_frame.html:7: TypeError", own_house.clock())
    own_house.clock.forward(seconds=90)
    status, told = healthz(own_house, door)
    assert (status, told["status"]) == (503, "degraded")
    assert told["templates"] == [
        {"desk": desk.name, "up": False, "fault": "_frame.html:7: TypeError", "seconds_since_met": 90}
    ]
    assert f'postern_template_broken{{desk="{desk.name}"}} 1.0' in own_house.client().get("/metrics").text
    (own / "_frame.html").write_text("", encoding="utf-8")
    os.utime(own, (0, own_house.clock().timestamp()))
    status, told = healthz(own_house, door)
    assert status == 200 and "templates" not in told


def test_it_fails_closed_and_names_nobody(own_house: House, door: str) -> None:
    with own_house.store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE outbox RENAME TO gone")
    status, told = healthz(own_house, door)
    assert (status, told["status"], told["outbox"]) == (503, "degraded", None)
    assert "@" not in str(told) and "EQ" not in str(told)
