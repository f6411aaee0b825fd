"""The IMAP door killed at each of its points while it reads a real Dovecot: judged by the checker of the crash rounds."""

from __future__ import annotations

import imaplib
import os
import signal
import threading
from email import message_from_bytes
from pathlib import Path

import pytest

from gateway import imap
from store import crash
from store.clock import now
from store.config import Config
from store.database import open_store
from store.settings import RelaySection
from tests.crash import checker
from tests.crash.records import Allowance, Expected, Relayed, Sent
from tests.doors.imap_house import ImapHouse
from tests.fakes import FakeRelay, until
from tests.peers.dovecot import PASSWORD, Dovecot
from tests.peers.test_imap import desk_of, letter, quick
from workers.worker import WorkerProcess

__all__ = ["quick"]  # the fixture, for every test here
pytestmark = pytest.mark.slow


@pytest.mark.threat(21)
@pytest.mark.parametrize("times", [4, pytest.param(200, marks=pytest.mark.long)])
@pytest.mark.parametrize("point", ["M1", "M3", "M4", "M5"])
def test_a_door_killed_at_each_point_files_each_mail_once(
    dovecot: Dovecot, tmp_path: Path, point: str, times: int
) -> None:
    """And every mail ends where the settings want it; all else is said by the checker of the crash rounds (INV-1 to INV-6).

    That the door goes on after the last death, and takes what is left, is INV-7.
    """
    user = f"killed-{point}-{times}@desk.test".lower()
    end = "Done" if point in ("M4", "M5") else "INBOX"
    after = "move:Done" if end == "Done" else "seen"
    with FakeRelay() as relay, desk_of(tmp_path, dovecot, user, at_once=True, after=after) as desk:
        people = [f"p{number}@cust.test" for number in range(times)]
        desk.load(people=[{"email": email, "name": "Anna"} for email in people])
        for number, email in enumerate(people):
            dovecot.deliver(user, letter(number, email))
            assert _dies(desk.config, point) == -signal.SIGKILL
        with desk.fetching():
            where = "all" if end == "Done" else "unseen"
            until(lambda: desk.state().up(now()) and not dovecot.count(user, where), 120)
        desk.file()
        assert sorted(ticket["subject"] for ticket in desk.tickets()) == sorted(f"Mail {n}" for n in range(times))
        assert dovecot.count(user, folder=end) == times
        sent = [_sent(raw) for raw in _held(dovecot, user, end)]
        assert len({mail.key for mail in sent}) == times
        assert checker.check(desk.config.data, sent, _relayed(desk, relay), Allowance(drafts=True)) == []


def _held(dovecot: Dovecot, user: str, folder: str) -> list[bytes]:
    """The mails of a folder as the server has them, with what it wrote above them."""
    with imaplib.IMAP4("127.0.0.1", dovecot.imap) as client:
        client.login(user, PASSWORD)
        client.select(folder, readonly=True)
        answer = client.uid("FETCH", "1:*", "(BODY.PEEK[])")[1]
        return [part[1] for part in answer if isinstance(part, tuple)]


def _sent(raw: bytes) -> Sent:
    """A mail for the records: a ticket of its own, and who is told of it."""
    author = str(message_from_bytes(raw)["From"]).partition("<")[2].rstrip(">")
    told = frozenset({(author, "confirmation"), ("gina@desk.test", "staff_notice")})
    return Sent(author, raw, (Expected("hosting", "new", told),), accepted={"hosting"}, begun=True)


def _relayed(desk: ImapHouse, relay: FakeRelay) -> list[Relayed]:
    """Has a worker send what is due; what the relay remembers then."""
    settings = desk.config.settings.model_copy(update={"relay": RelaySection(url=relay.url())})
    worker = WorkerProcess(Config(settings, desk.config.folder, desk.config.file))
    worker.start()
    try:
        until(lambda: all(row["state"] == "accepted" for row in desk.outbox()), 120)
    finally:
        worker.stop(patience=5)
    return [
        Relayed(place, mail.sender, mail.recipients[0], mail.content, mail.answer.startswith("250"))
        for place, mail in enumerate(relay.heard)
    ]


def _dies(config: Config, point: str) -> int:
    """How a door ends that is armed to die at a point. Forked: to start one anew takes a hundred times as long."""
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(60)
            crash.arm(f"{point}:1")
            imap.run(config, open_store(config), threading.Event())
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
