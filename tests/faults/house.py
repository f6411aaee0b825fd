"""A whole gateway in this process, its SMTP door, filer and worker running at the same time, each to be started anew."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from email.message import EmailMessage
from hashlib import sha256
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import func, select

from gateway import filer, smtp
from gateway.filer import Filer
from gateway.smtp_limits import free_bytes
from gateway.studying import Students
from store import clock, journal
from store.config import Config
from store.database import Store, open_store
from store.errors import DiskFailed
from store.journal_writer import JournalWriter
from store.schema import Attachment, Message, Outbox
from tests.doors.client import Peer, stuffed
from tests.fakes import FakeRelay, until
from workers import settling, worker
from workers.worker import WorkerProcess

SMALL, LARGE = b"%PDF-1.4 small %%EOF", b"%PDF-1.4 " + b"large " * 20_000 + b"%%EOF"


class Ahead:
    """The time of this machine and a little more, so that nobody has to wait."""

    def __init__(self) -> None:
        self._more = timedelta()

    def __call__(self) -> datetime:
        return clock.now() + self._more

    def advance(self, **parts: float) -> None:
        self._more += timedelta(**parts)


def swift(patch: pytest.MonkeyPatch) -> None:
    """Pauses in which nothing happens are short."""
    patch.setattr(filer, "POLL", 0.01)
    patch.setattr(filer, "PAUSE", 0.03)
    patch.setattr(worker, "_EVERY", 0.03)
    patch.setattr(worker, "_GAP", 0.005)
    patch.setattr(worker, "_KEEP", 0.1)
    patch.setattr(worker, "_LEAP", 1e9)
    patch.setattr(worker, "_LOST", 0.1)
    patch.setattr(worker, "_BROKEN", 0.1)
    patch.setattr(settling, "_SETTLE", (0.02,) * 50)
    patch.setattr(worker, "open_broker", lambda config: StubBroker(middleware=[]))


class House:
    """`config` names the fake relay and a broker."""

    def __init__(self, config: Config, relay: FakeRelay) -> None:
        self.config, self.relay, self.now = config, relay, Ahead()
        self.store: Store = open_store(config)
        self.free: int | None = 1 << 40  # what the door takes for the room on its disk; None: it looks
        self.refusals: list[str] = []
        self.restarts = 0
        self._parts = ExitStack()
        self._failed: list[BaseException] = []

    @contextmanager
    def running(self) -> Iterator[House]:
        try:
            self._start()
            yield self
        finally:
            self._parts.close()
            self.store.close()

    def _start(self) -> None:
        self._parts.enter_context(self._filer())
        self._worker = self._parts.enter_context(self._working())
        self._journal = JournalWriter(self.store)
        self._parts.callback(self._journal.close)
        self._door = self._parts.enter_context(
            smtp.background(self.config, self.store, journal=self._journal, free=self._room, grace=1)
        )

    @contextmanager
    def _working(self) -> Iterator[WorkerProcess]:
        process = WorkerProcess(self.config, now=self.now, threads=2)
        process.start()
        try:
            yield process
        finally:
            process.stop(patience=5)

    @contextmanager
    def _filer(self) -> Iterator[None]:
        stop = threading.Event()
        filing = Filer(self.config, self.store, Students(self.store.blobs, workers=0), self.now)

        def run() -> None:
            try:
                filing.run(stop)
            except DiskFailed as error:
                self._failed.append(error)
                filing._name.give_up()  # as the end of its process would

        thread = threading.Thread(target=run, name="filer", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    @property
    def ended(self) -> bool:
        """True when a part has met a failing disk and must be started again."""
        return bool(self._failed or self._worker.failed or self._journal._failed)

    def _room(self) -> int:
        return free_bytes(self.config.data) if self.free is None else self.free

    def hurry(self) -> None:
        """Puts the clock forward, but never while a mail is being sent: leases would run out."""
        if not self._worker.delivery.in_hand:
            self.now.advance(seconds=7)

    def restart(self) -> None:
        """Ends all parts and starts them anew."""
        self.restarts += 1
        self._parts.close()
        self._failed.clear()
        self._start()

    def send(self, raw: bytes) -> None:
        """As a mail server does: again and again until 250."""

        def taken() -> bool:
            if self.ended:
                self.restart()
            reply = self.offer(raw)
            if not reply.startswith("250 "):
                self.refusals.append(reply)
            return reply.startswith("250 ")

        until(taken, 20, lambda: str(self.refusals[-3:]))

    def offer(self, raw: bytes) -> str:
        """The last thing the door says to one attempt; "" when it says nothing."""
        with Peer(self._door.address, timeout=20, greet=False) as peer:
            reply = ""
            for step in ("", "EHLO c.test", "MAIL FROM:<x@customer.test>", "RCPT TO:<support@desk.test>", "DATA", None):
                if step is None:
                    peer.raw(stuffed(raw) + b".\r\n")
                elif step:
                    peer.send(step)
                reply = peer.reply()
                if reply[:1] not in "23":
                    break
            return reply

    def messages(self, message_id: str) -> list[dict[str, Any]]:
        """Each ticket message with this Message-ID: its ticket, the bytes it was made from, its files' hashes."""
        with self.store.read() as connection:
            found = connection.execute(select(*Message.c).where(Message.c.message_id == message_id)).all()
            files = {
                row.id: list(
                    connection.execute(select(Attachment.c.sha256).where(Attachment.c.message_id == row.id)).scalars()
                )
                for row in found
            }
        return [
            {
                "ticket": row.ticket_id,
                "raw": journal.row(self.store, row.journal_id).raw,
                "files": [sha256(self.store.blobs.get(digest)).hexdigest() == digest for digest in files[row.id]],
            }
            for row in found
        ]

    def tickets(self, message_id: str) -> list[int]:
        """The ticket of each message with this Message-ID."""
        with self.store.read() as connection:
            query = select(Message.c.ticket_id).where(Message.c.message_id == message_id)
            return list(connection.execute(query).scalars())

    def count_messages(self) -> int:
        with self.store.read() as connection:
            return connection.execute(select(func.count()).select_from(Message)).scalar_one()

    def rows(self, ticket: int) -> list[Any]:
        with self.store.read() as connection:
            return list(connection.execute(select(*Outbox.c).where(Outbox.c.ticket_id == ticket).order_by(Outbox.c.id)))


def letter(number: int, *files: bytes) -> bytes:
    """A stranger's first mail with these files."""
    message = EmailMessage()
    message["From"], message["To"] = f"p{number}@customer.test", "support@desk.test"
    message["Subject"], message["Message-ID"] = f"Printer {number}", f"<m{number}@customer.test>"
    message.set_content(f"Printer {number} is broken.")
    for place, content in enumerate(files):
        message.add_attachment(
            content + str(number).encode(), maintype="application", subtype="pdf", filename=f"file{place}.pdf"
        )
    return bytes(message).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
