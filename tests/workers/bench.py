"""A whole installation in a folder: real configuration, real SQLite, rows made by the real commands."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from gateway.cli.signals import StopFlag
from store import clock
from store.apply import apply
from store.commands import Author, NewMessage, OpenTicket, SupportReply
from store.config import Config, load
from store.schema import Outbox
from templates.desks import desk_text
from tests.fakes import FakeRelay, until
from tests.stores import open_lightly
from workers import worker
from workers.worker import WorkerProcess


class Bench:
    """One installation. `relay` is a URL, `broker` as in the settings."""

    def __init__(self, folder: Path, relay: str = "maildir:", broker: str = "local") -> None:
        (folder / "desks").mkdir(parents=True)
        (folder / "desks" / "hosting.toml").write_text(desk_text("hosting", "desk.test"))
        self.file = folder / "postern.toml"
        self.configure(relay, broker)

    def configure(self, relay: str, broker: str = "local", **settings: Any) -> None:
        lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
        self.file.write_text(f'[relay]\nurl = "{relay}"\n{lines}[queue]\nbroker = "{broker}"\n')
        self.config: Config = load(self.file)
        self.store = open_lightly(self.config)

    def open_tickets(self, count: int = 1, now: clock.Clock = clock.now) -> list[int]:
        """Tickets of as many strangers; one confirmation each is due."""
        with self.store.write() as connection:
            return [self._open(connection, number, now) for number in range(count)]

    def _open(self, connection: Any, number: int, now: clock.Clock) -> int:
        message = NewMessage(
            Author(f"p{number}@customer.test"), f"Text {number}", message_id=f"m{number}@customer.test"
        )
        command = OpenTicket("hosting", f"Subject {number}", message, "Support", "medium", "mail:support@desk.test")
        ticket = apply(connection, self.config, command, now()).ticket
        assert ticket is not None
        return ticket

    def answer(self, ticket: int, text: str, now: clock.Clock = clock.now) -> None:
        """Support replies; the customer is to be told."""
        with self.store.write() as connection:
            apply(connection, self.config, SupportReply(ticket, NewMessage(Author("agent@desk.test"), text)), now())

    def rows(self) -> list[Any]:
        """The outbox, oldest first."""
        columns = Outbox.c
        with self.store.read() as connection:
            return list(connection.execute(select(*columns).order_by(columns.id)))

    def states(self) -> list[str]:
        columns = Outbox.c
        with self.store.read() as connection:
            return list(connection.execute(select(columns.state).order_by(columns.id)).scalars())

    def settled(self, *states: str, seconds: float = 30) -> list[Any]:
        """The rows, once each is in one of these states (accepted, when none is named)."""
        wanted = states or ("accepted",)
        until(lambda: all(state in wanted for state in self.states()), seconds, lambda: str(self.rows()))
        return self.rows()

    @contextmanager
    def worker(self, **options: Any) -> Iterator[WorkerProcess]:
        worker = WorkerProcess(self.config, **options)
        worker.start()
        try:
            yield worker
        finally:
            worker.stop(patience=5)

    @contextmanager
    def process(self) -> Iterator[subprocess.Popen[bytes]]:
        """A worker in a process of its own, as the command runs it; killed when the test is done with it."""
        script = f"from store.config import load; from tests.workers.bench import run; run(load({str(self.file)!r}))"
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def forked(self, work: Callable[[Config], None]) -> Iterator[Any]:
        """A process of its own that does some work and starts at once; killed when the test is done with it."""
        process = multiprocessing.get_context("forkserver").Process(target=work, args=(self.config,))
        process.start()
        try:
            yield process
        finally:
            process.kill()
            process.join()


def run(config: Config) -> None:
    """What `postern worker` does in its process."""
    worker.run(config, StopFlag())


def copies(fake: FakeRelay) -> dict[str, set[bytes]]:
    """The different bytes that came in under each Message-ID."""
    found: dict[str, set[bytes]] = {}
    for mail in fake.mails:
        found.setdefault(mail.message_id, set()).add(mail.content)
    return found
