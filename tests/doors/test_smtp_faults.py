"""Our faults never bounce a mail, a peer that vanishes never leaves half of one (threats 4, 6, 7)."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.exc import OperationalError

from gateway.smtp import Door, background
from store.config import Config
from store.database import Store
from store.errors import NoRoom, Temporary
from store.journal import last_id, rows_after
from tests.doors.client import MAIL, Peer, eventually
from tests.doors.conftest import Configure
from tests.doors.writers import Journal

House = tuple[Config, Store]


@contextmanager
def door_with(house: House, *faults: BaseException, **options: float) -> Iterator[tuple[Door, Journal]]:
    journal = Journal(house[1], *faults)
    try:
        with background(*house, journal=journal, **options) as door:  # type: ignore[arg-type]
            yield door, journal
    finally:
        journal.close()


def stored(store: Store, start: int) -> list[bytes]:
    return [row.raw for row in rows_after(store, start, 1000)]


@pytest.mark.threat(4)
@pytest.mark.parametrize(
    "fault",
    [
        OperationalError("INSERT", {"raw": "canary"}, sqlite3.OperationalError("database is locked")),
        Temporary("the database is locked"),
        NoRoom("the disk is full"),
        OSError(28, "No space left on device"),
        MemoryError(),
        RecursionError("maximum recursion depth exceeded"),
        TimeoutError("timed out"),
        ConnectionError("broker gone"),
        asyncio.CancelledError(),
        concurrent.futures.CancelledError(),
        RuntimeError("submit itself failed in /var/lib"),
    ],
    ids=lambda fault: type(fault).__module__ + type(fault).__name__,
)
def test_a_failing_journal_is_temporary_without_its_text_and_the_resend_is_taken(
    fault: BaseException, house: House
) -> None:
    start = last_id(house[1])
    with door_with(house, fault) as (door, _), Peer(door.address) as peer:
        full = isinstance(fault, OSError | NoRoom) and not isinstance(fault, TimeoutError | ConnectionError)
        assert re.fullmatch(r"452 4\.3\.1 [^()\\/]*" if full else r"451 4\.3\.0 [^()\\/]*", told := peer.deliver()), (
            told
        )
        assert peer.deliver().startswith("250 2.0.0 accepted as ")
    assert stored(house[1], start) == [MAIL]


@pytest.mark.threat(4)
@pytest.mark.parametrize("fault", [OSError(2, "/var"), MemoryError(), RecursionError(), TimeoutError(), KeyError("x")])
def test_a_fault_at_a_recipient_is_451_and_the_next_try_is_taken(fault: Exception, house: House) -> None:
    class Failing:
        def locate(self, address: str) -> None:
            door.reception._addresses = house[0].addresses
            raise fault

    with background(*house) as door, Peer(door.address) as peer:
        door.reception._addresses = Failing()  # type: ignore[assignment]
        peer.ask("EHLO c", "MAIL FROM:<a@b.test>")
        told = peer.ask("RCPT TO:<support@desk.test>", "DATA", "RCPT TO:<support@desk.test>")
        assert re.fullmatch(r"451 4\.3\.0 try again later, ref [0-9A-F]{6}", told[0])
        assert [reply[:3] for reply in told] == ["451", "503", "250"]


@pytest.mark.threat(4)
def test_a_fault_before_the_content_is_451_too(house: House) -> None:
    free: list[int] = []
    with background(*house, free=lambda: free.pop()) as door, Peer(door.address) as peer:
        peer.ask("EHLO c", "MAIL FROM:<a@b.test>", "RCPT TO:<support@desk.test>")
        assert peer.ask("DATA")[0].startswith("451 4.3.0 try again later, ref ")
        free.append(1 << 40)
        assert peer.ask("DATA")[0].startswith("354")


@pytest.mark.threat(6)
@pytest.mark.parametrize("how", [Peer.close, Peer.reset], ids=["FIN", "RST"])
def test_a_peer_that_leaves_after_the_dot_does_not_stop_the_commit(how: Callable[[Peer], None], house: House) -> None:
    start = last_id(house[1])
    with door_with(house) as (door, journal):
        journal.gate.clear()
        peer = Peer(door.address)
        peer.envelope()
        peer.raw(MAIL + b".\r\n")
        assert journal.asked.wait(5)
        how(peer)
        if how is Peer.reset:
            assert eventually(lambda: not door.reception.conversations)
        assert not journal.given[0].cancelled()
        journal.gate.set()
        assert eventually(lambda: stored(house[1], start) == [MAIL])
        assert eventually(lambda: not door.reception.conversations)
        with Peer(door.address) as other:
            assert other.deliver().startswith("250 ")


@pytest.mark.threat(7)
def test_250_is_said_only_when_the_row_can_be_read(house: House) -> None:
    with door_with(house) as (door, journal), Peer(door.address) as peer:
        journal.gate.clear()
        peer.envelope()
        peer.raw(MAIL + b".\r\n")
        assert journal.asked.wait(5)
        peer.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            peer.socket.recv(1)
        peer.socket.settimeout(5)
        journal.gate.set()
        told = peer.socket.recv(100).decode()
        assert rows_after(house[1], int(told.split()[-1]) - 1, 1)[0].raw == MAIL


DIALOG = [
    b"EHLO c\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<support@desk.test>\r\n", b"DATA\r\n",
    b"Subject: cut\r\n", b"\r\n", b"text\r\n", b".\r", b"\n",
]  # fmt: skip


@pytest.mark.threat(6)
@pytest.mark.parametrize("how", [Peer.close, Peer.reset], ids=["FIN", "RST"])
@pytest.mark.parametrize("uvloop", [True, False])
def test_a_connection_cut_anywhere_leaves_nothing_or_one_whole_mail(
    how: Callable[[Peer], None], uvloop: bool, house: House
) -> None:
    config, store = house
    start = last_id(store)
    with background(config, store, uvloop=uvloop) as door:
        for steps in range(len(DIALOG)):  # the last step completes the dot and is not sent here
            for part in (0, 1):
                peer = Peer(door.address)
                for step in DIALOG[:steps]:
                    peer.raw(step)
                peer.raw(DIALOG[steps][: len(DIALOG[steps]) // 2 * part])
                how(peer)
        assert eventually(lambda: not door.reception.conversations)
        assert stored(store, start) == []
        for wait in (False, True):
            peer = Peer(door.address)
            peer.raw(b"".join(DIALOG))
            if wait:
                assert [peer.reply()[:3] for _ in range(5)][-1] == "250"
            how(peer)
        assert eventually(lambda: not door.reception.conversations)
        assert eventually(lambda: door.reception.memory.free == 64 << 20)
    # Without waiting the door may never have seen a dot that RST overtook.
    assert stored(store, start) in ([b"Subject: cut\r\n\r\ntext\r\n"] * n for n in (1, 2))


@pytest.mark.threat(6)
@pytest.mark.parametrize("steps", range(4, len(DIALOG)))
def test_an_end_before_the_dot_stores_nothing(steps: int, house: House) -> None:
    start = last_id(house[1])
    with background(*house) as door, Peer(door.address) as peer:
        peer.raw(b"".join(DIALOG[:steps]))
        assert [peer.reply()[:3] for _ in range(4)][-1] == "354"
        peer.socket.shutdown(1)  # with nothing unread a clean FIN, which close would turn into RST
        assert peer.reply() == ""
        assert eventually(lambda: not door.reception.conversations)
        assert eventually(lambda: door.reception.memory.free == 64 << 20)
    assert stored(house[1], start) == []


@pytest.mark.threat(1)
def test_a_bug_while_content_is_read_ends_the_connection_so_that_content_never_runs(house: House) -> None:
    with background(*house) as door, Peer(door.address) as peer:
        peer.ask("EHLO c", "MAIL FROM:<a@b.test>", "RCPT TO:<support@desk.test>")
        door.reception.max_size = None  # type: ignore[assignment]
        assert peer.ask("DATA")[0].startswith("354")
        peer.raw(b"x\r\nMAIL FROM:<evil@b.test>\r\nNOOP\r\n")
        assert [peer.reply()[:9], peer.reply()] == ["451 4.3.0", ""]


def test_a_peer_that_only_stops_sending_still_gets_all_its_answers(house: House) -> None:
    with background(*house) as door, Peer(door.address) as peer:
        peer.raw(b"".join(DIALOG) + b"NOOP\r\n")
        peer.socket.shutdown(1)
        assert [peer.reply()[:3] for _ in range(7)] == ["250", "250", "250", "354", "250", "250", ""]


@pytest.mark.threat(87)
def test_a_nearly_full_disk_says_so_before_the_content(house: House) -> None:
    room = {"free": (64 << 20) + 2 * 2_000_000}
    with background(*house, free=lambda: room["free"]) as door, Peer(door.address) as peer:
        peer.ask("EHLO c", "MAIL FROM:<a@b.test> SIZE=2000001", "RCPT TO:<support@desk.test>")
        assert peer.ask("DATA")[0].startswith("452 4.3.1 ")
        assert peer.ask("RSET", "MAIL FROM:<a@b.test> SIZE=2000000")[1].startswith("250")
        assert peer.ask("RCPT TO:<support@desk.test>", "DATA")[1].startswith("354")
        peer.ask(b"x\r\n.\r\n")
        room["free"] = (64 << 20) + (2 << 20) - 1
        peer.ask("MAIL FROM:<a@b.test>", "RCPT TO:<support@desk.test>")
        assert peer.ask("DATA")[0].startswith("452 4.3.1 ")


@pytest.mark.threat(94)
def test_no_log_has_an_address_a_line_or_a_secret_of_a_peer(house: House, caplog: pytest.LogCaptureFixture) -> None:
    secrets = ["canaryname", "canaryfrom", "canarytoken", "canarybody", "canarypass", "canarycommand"]
    with (
        caplog.at_level(logging.DEBUG),
        door_with(house, OSError("canarybody")) as (door, _),
        Peer(door.address) as peer,
    ):
        peer.ask("EHLO canaryname", "AUTH PLAIN canarypass", "canarycommand x", "MAIL FROM:<canaryfrom@b.test>")
        peer.ask("RCPT TO:<support+canarytoken@desk.test>", "RCPT TO:<canarytoken@desk.test>", "DATA")
        peer.raw(b"Subject: canarybody\r\n\r\n\x1b[31m\r\n.\r\n")
        assert peer.reply().startswith("451")
    assert not [secret for secret in secrets if secret in caplog.text]


@pytest.mark.threat(14)
def test_a_spooled_message_is_stored_whole(configure: Configure, store_of: Callable[[Config], Store]) -> None:
    config = configure(max_size=20_000_000)
    store = store_of(config)
    body = b"".join(b"%07d\r\n" % n for n in range(1_000_000))
    with background(config, store) as door, Peer(door.address, timeout=20) as peer:
        door.reception.memory.free = 1_000_000
        assert peer.deliver(body).startswith("250 ")
        assert door.reception.memory.free == 1_000_000
    assert stored(store, 0) == [body]
