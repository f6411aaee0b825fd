"""Mail from a real Exim by each way that docs/connect/exim.md shows: all of it arrives, and none of it twice."""

from __future__ import annotations

import smtplib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.lmtp import LmtpDoor
from gateway.smtp import Door, background
from store.database import Store
from store.errors import Temporary
from tests.doors.client import eventually
from tests.doors.writers import Journal
from tests.fakes import fair
from tests.peers.documents import Document
from tests.peers.exim import Exim, needs_exim
from tests.peers.house import by_message_id, door_of, hand_in, house, letters, once_each, stored
from tests.running import free_port

pytestmark = [pytest.mark.slow, needs_exim]
COUNT = 100


class Lines:
    """The document with ports of this test."""

    def __init__(self) -> None:
        self._page = Document("exim", {"2424": str(free_port()), "2525": str(free_port())})

    def exim(self, section: str) -> Exim:
        acl = "rcpt:\n" + self._page.block("Taking the mail", "acl") + "  deny message = relay not permitted\n"
        return Exim(acl, self._page.block(section, "routers"), self._page.block(section, "transports"))

    def toml(self, section: str) -> str:
        return self._page.block(section, "toml")


@contextmanager
def connected(section: str, tmp_path: Path) -> Iterator[tuple[Exim, Store]]:
    lines, kind = Lines(), LmtpDoor if section == "LMTP" else Door
    with door_of(kind, tmp_path, lines.toml(section)) as store, lines.exim(section) as exim:
        yield exim, store


@pytest.mark.threat(5)
@pytest.mark.parametrize("section", ["LMTP", "SMTP"])
def test_all_arrive_once(section: str, tmp_path: Path) -> None:
    with connected(section, tmp_path) as (exim, store):
        hand_in(exim.port, letters(COUNT))
        exim.wait_until_empty(fair(120))
        assert Counter(one.mark for one in exim.deliveries()) == {"=>": COUNT}
        assert by_message_id(store) == once_each(COUNT)


@pytest.mark.threat(9)
@pytest.mark.parametrize("section", ["LMTP", "SMTP"])
def test_an_unknown_mailbox_is_refused_while_its_sender_is_there(section: str, tmp_path: Path) -> None:
    with connected(section, tmp_path) as (exim, store), smtplib.SMTP("127.0.0.1", exim.port) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("a@b.test", ["nobody@example.com"], b"x")
        client.sendmail("a@b.test", ["support+x7k2@example.com"], b"Subject: x\r\n\r\nx\r\n")
        exim.wait_until_empty(60)
        assert [row.recipients for row in stored(store)] == [("support+x7k2@example.com",)]


@pytest.mark.threat(5)
def test_two_recipients_of_whom_both_hear_451_at_first_are_stored_once(tmp_path: Path) -> None:
    lines = Lines()
    with house(tmp_path, lines.toml("LMTP")) as (config, store):
        journal = Journal(store, Temporary("locked"))
        with background(config, store, kind=LmtpDoor, journal=journal), lines.exim("LMTP") as exim:
            with smtplib.SMTP("127.0.0.1", exim.port) as client:
                client.sendmail(
                    "anna@cust.test", ["support@example.com", "safety@example.com"], letters(1)[0].as_bytes()
                )
            assert eventually(lambda: len(exim.deliveries("==")) >= 2)
            exim.wait_until_empty(60)
            assert sorted(one.to for one in exim.deliveries("=>", "->")) == [
                "safety@example.com",
                "support@example.com",
            ]
        journal.close()
        assert by_message_id(store) == once_each(1)
