"""Many writers, and one that does not let go: waiting, then Temporary, never a loss (threats 86)."""

from __future__ import annotations

import json
import multiprocessing
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.engine import Engine

from gateway.pipe import ingest
from store import clock, database
from store.apply import apply
from store.commands import Author, NewMessage, OpenTicket, SupportReply
from store.config import Config
from store.database import Store, open_store
from store.errors import Temporary
from store.journal import Incoming
from store.journal_schema import Journal, Received
from store.journal_writer import JournalWriter
from store.migrate import migrate
from store.schema import Ticket
from tests.conftest import installation
from tests.fakes import until
from tests.faults.house import House, letter

pytestmark = pytest.mark.threat(86)
WRITERS = 8


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_eight_processes_write_and_nothing_is_lost(tmp_path: Path, database: str) -> None:
    hammer(tmp_path, database, 25)


@pytest.mark.threat(93)
@pytest.mark.parametrize("each", [pytest.param(40, marks=pytest.mark.slow), pytest.param(1000, marks=pytest.mark.long)])
def test_eight_processes_write_thousands_and_nothing_is_lost(tmp_path: Path, database: str, each: int) -> None:
    hammer(tmp_path, database, each)


def hammer(folder: Path, database: str, each: int) -> None:
    """Eight processes, each with as many mails and as many commands."""
    config = installation(folder, ("hosting",), database=database)
    config.prepare()
    _ = config.secret
    store = open_store(config)
    migrate(config, store)
    store.close()  # a connection must not be inherited
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write, args=(config, number, each)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(600)
    told = [json.loads((folder / f"told-{number}").read_text()) for number in range(WRITERS)]
    assert [one["wrong"] for one in told] == [[]] * WRITERS
    with open_store(config).read_journal() as connection:
        assert sorted(connection.execute(select(Received.c.sender)).scalars()) == expected(each)
        assert len(set(connection.execute(select(Journal.c.id)).scalars())) == WRITERS * each
    with open_store(config).read() as connection:
        tickets = connection.execute(select(Ticket.c.subject, Ticket.c.number)).all()
    assert sorted(row.subject for row in tickets) == expected(each)
    assert len({row.number for row in tickets}) == WRITERS * each


def expected(each: int) -> list[str]:
    return sorted(f"w{number}-{place}@x.test" for number in range(WRITERS) for place in range(each))


def write(config: Config, number: int, each: int) -> None:
    """One process: mails through the journal's writer or the pipe door, and commands; what is Temporary is tried again."""
    store = open_store(config)
    writer = JournalWriter(store)
    wrong: list[str] = []

    for place in range(each):
        name = f"w{number}-{place}@x.test"
        insist(lambda name=name: mail_in(config, store, writer if number % 2 else None, name), wrong)  # type: ignore[misc]
        insist(lambda name=name: open_ticket(config, store, name), wrong)  # type: ignore[misc]
    writer.close()
    (config.folder / f"told-{number}").write_text(json.dumps({"wrong": wrong}))


def insist(work: Callable[[], object], wrong: list[str]) -> None:
    """Does the work, again for as long as that is Temporary; any other error is noted."""
    while True:
        try:
            work()
        except Temporary:
            continue
        except BaseException as error:
            wrong.append(repr(error))
        return


def mail_in(config: Config, store: Store, writer: JournalWriter | None, name: str) -> None:
    raw = f"From: {name}\n\nhello {name}\n".encode()
    if writer is None:
        code = ingest(config, store, raw, ["support@desk.test"], name)
        if code == 75:
            raise Temporary("try again")
        assert code == 0
    else:
        writer.submit(Incoming("smtp", clock.now(), name, (("hosting", ("support@desk.test",)),), raw)).result()


def open_ticket(config: Config, store: Store, name: str) -> None:
    with store.write() as connection:
        message = NewMessage(Author(name), "Hello", message_id=name)
        command = OpenTicket("hosting", name, message, "Support", "medium", "mail:support@desk.test")
        apply(connection, config, command, clock.now())


# --- one that does not let go ---


@contextmanager
def locked(config: Config) -> Iterator[None]:
    """Another program writes, in both files or in every table, for as long as the block runs."""
    if config.settings.store.database == "sqlite":
        others = [sqlite3.connect(config.data / name, isolation_level=None) for name in ("postern.db", "journal.db")]
        for other in others:
            other.execute("PRAGMA busy_timeout = 10000")
            other.execute("BEGIN IMMEDIATE")
        yield
        for other in others:
            other.execute("ROLLBACK")
            other.close()
    else:
        store = open_store(config)
        with store.main.connect() as connection:
            connection.execute(text("SET lock_timeout = 0"))
            for table in ("ticket_number", "outbox", "outcome", "lease", "journal", "received"):
                connection.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
            yield
            connection.rollback()
        store.close()


@pytest.fixture
def patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds that a writer waits, set before the house is opened."""
    monkeypatch.setattr(database, "BUSY", request.param)
    return float(request.param)


@pytest.mark.parametrize(
    ("patience", "seconds"), [(5.0, 0.7), pytest.param(database.BUSY, 4, marks=pytest.mark.slow)], indirect=["patience"]
)
def test_a_lock_shorter_than_the_patience_is_waited_for(patience: float, seconds: float, house: House) -> None:
    answers: list[str] = []
    sender = threading.Thread(target=lambda: answers.append(house.offer(letter(1))))
    with locked(house.config):
        sender.start()
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            assert answers == []
            time.sleep(0.05)
        answering = threading.Thread(target=open_ticket, args=(house.config, house.store, "in@time.test"))
        answering.start()
    sender.join()
    answering.join()
    assert [answer[:4] for answer in answers] == ["250 "]
    assert_served(house, "m1@customer.test", "in@time.test")


@pytest.mark.parametrize(
    ("patience", "seconds"), [(0.3, 1), pytest.param(database.BUSY, 60, marks=pytest.mark.slow)], indirect=["patience"]
)
def test_a_lock_longer_than_the_patience_is_temporary_and_all_works_again(
    patience: float, seconds: float, house: House
) -> None:
    house.send(letter(7))  # filer and worker are at work when the lock falls
    with locked(house.config):
        end = time.monotonic() + seconds
        assert re.fullmatch(r"451 4\.3\.0 try again later, ref [0-9A-F]+", house.offer(letter(8)))
        with pytest.raises(Temporary, match="locked"):
            open_ticket(house.config, house.store, "too@late.test")
        time.sleep(max(0.0, end - time.monotonic()))
    house.send(letter(8))
    insist(lambda: open_ticket(house.config, house.store, "again@x.test"), [])
    assert_served(house, "m7@customer.test", "m8@customer.test", "again@x.test")
    assert house.restarts == 0


def assert_served(house: House, *message_ids: str) -> None:
    """Each of these is one message, and all mails about it arrive."""
    for message_id in message_ids:
        until(lambda message_id=message_id: len(house.tickets(message_id)) == 1, 20)  # type: ignore[misc]
        (ticket,) = house.tickets(message_id)
        until(lambda ticket=ticket: {row.state for row in house.rows(ticket)} == {"accepted"}, 20)  # type: ignore[misc]


# --- the lock is taken before the first look ---


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_write_is_in_a_transaction_that_began_with_the_lock(house_traced: list[str], house: House) -> None:
    house.send(letter(1, b"%PDF-1.4 x %%EOF"))
    assert_served(house, "m1@customer.test")
    (ticket,) = house.tickets("m1@customer.test")
    with house.store.write() as connection:
        reply = SupportReply(ticket, NewMessage(Author("gina@desk.test"), "Restart it."), close=True)
        apply(connection, house.config, reply, clock.now())
    assert_served(house, "m1@customer.test")
    house.restart()
    assert house_traced.count("written") > 10
    assert [line for line in house_traced if line != "written"] == []


@pytest.fixture
def house_traced() -> Iterator[list[str]]:
    """What every connection of every engine made from now on writes: `written`, or the statement that lacks its lock."""
    seen: list[str] = []

    def trace(connection: Any, _record: Any) -> None:
        held = {"lock": False}

        def look(statement: str) -> None:
            words = statement.upper().split(None, 2)
            if words[0] == "BEGIN":
                held["lock"] = words[1:2] == ["IMMEDIATE"]
            elif words[0] in ("COMMIT", "ROLLBACK", "END"):
                held["lock"] = False
            elif words[0] in ("INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "ALTER", "DROP", "WITH"):
                seen.append("written" if held["lock"] else statement)

        connection.set_trace_callback(look)

    event.listen(Engine, "connect", trace)
    yield seen
    event.remove(Engine, "connect", trace)
