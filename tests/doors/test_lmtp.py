"""The LMTP door: after the dot one true reply for each recipient, else what the SMTP door does (RFC 2033, threats 5)."""

from __future__ import annotations

import os
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.answers import Answer
from gateway.lmtp import LmtpDoor, run
from gateway.smtp import Door, background
from store.config import Config
from store.database import Store
from store.errors import ConfigError, NoRoom
from store.journal import last_id, rows_after
from store.journal_schema import Received
from tests.doors.client import MAIL, Peer, eventually
from tests.doors.conftest import opened_as
from tests.doors.processes import door_process
from tests.doors.writers import Journal
from tests.harness import Gateway

House = tuple[Config, Store]


class LmtpPeer(Peer):
    hello = "LHLO c.test"

    def recipients(self, *to: str) -> list[str]:
        """A mail to these, up to and including its replies."""
        told = self.ask(self.hello, "MAIL FROM:<a@b.test>", *(f"RCPT TO:<{one}>" for one in to), "DATA")
        assert told[-1].startswith("354 ")
        accepted = sum(reply.startswith("250 2.1.5") for reply in told)
        self.raw(MAIL + b".\r\n")
        return [self.reply() for _ in range(accepted)]


@contextmanager
def lmtp(house: House, listen: str = "127.0.0.1:0", journal: Journal | None = None, **smtp: object) -> Iterator[Door]:
    config = opened_as(house[0], smtp=smtp, lmtp={"listen": listen})
    with background(config, house[1], kind=LmtpDoor, journal=journal, grace=0.5) as door:
        yield door


@pytest.fixture(params=["uvloop", "asyncio"])
def door(request: pytest.FixtureRequest, house: House) -> Iterator[Door]:
    config = opened_as(house[0], lmtp={"listen": "127.0.0.1:0"})
    with background(config, house[1], kind=LmtpDoor, uvloop=request.param == "uvloop", grace=0.5) as opened:
        yield opened


@pytest.mark.threat(5)
@pytest.mark.parametrize("count", [1, 2, 50])
def test_every_accepted_recipient_has_a_reply_of_its_own(count: int, door: Door, house: House) -> None:
    start = last_id(house[1])
    with LmtpPeer(door.address) as peer:
        told = peer.recipients(*(f"support+{n}@desk.test" for n in range(count)))
        assert len(told) == count and {reply[:26] for reply in told} == {"250 2.0.0 accepted as " + told[0][22:26]}
        assert peer.ask("NOOP") == ["250 2.0.0 OK"]  # nothing was left unread
    (row,) = rows_after(house[1], start, 9)
    assert row.raw == MAIL and len(row.recipients) == count


@pytest.mark.threat(5)
def test_an_address_given_twice_has_two_replies_and_one_refused_has_none(door: Door, house: House) -> None:
    start = last_id(house[1])
    with LmtpPeer(door.address) as peer:
        told = peer.recipients("support@desk.test", "nobody@desk.test", "Support@desk.test", "support@moving.test")
        assert [reply[:4] for reply in told] == ["250 "] * 3
        assert peer.ask("NOOP") == ["250 2.0.0 OK"]
    assert [row.desk for row in rows_after(house[1], start, 9)] == ["hosting", "moving"]


@pytest.mark.threat(5)
@pytest.mark.parametrize(
    ("fault", "reply"), [(NoRoom("full"), "452 4.3.1 "), (OSError("locked"), "451 4.3.0 "), (None, "550 5.6.0 ")]
)
def test_what_goes_wrong_is_told_for_every_recipient_too(fault: Exception | None, reply: str, house: House) -> None:
    start = last_id(house[1])
    journal = Journal(house[1], *([fault] if fault else []))
    with lmtp(house, journal=journal) as door, LmtpPeer(door.address) as peer:
        peer.ask(peer.hello, "MAIL FROM:<a@b.test>", *["RCPT TO:<support@desk.test>"] * 3, "DATA")
        peer.raw((MAIL if fault else b"bare\nline\r\n") + b".\r\n")
        assert [peer.reply()[:10] for _ in range(3)] == [reply] * 3
        assert peer.ask("NOOP") == ["250 2.0.0 OK"]
        assert [told[:4] for told in peer.recipients("support@desk.test")] == ["250 "]
    journal.close()
    assert len(rows_after(house[1], start, 9)) == 1


@pytest.mark.threat(5)
@pytest.mark.threat(17)
def test_without_a_recipient_there_is_no_data(door: Door) -> None:
    with LmtpPeer(door.address) as peer:
        told = peer.ask("LHLO c", "MAIL FROM:<a@b.test>", "RCPT TO:<nobody@desk.test>", "DATA", "NOOP")
        assert [reply[:10] for reply in told][2:] == ["550 5.1.1 ", "503 5.5.1 ", "250 2.0.0 "]


@pytest.mark.threat(17)
def test_it_speaks_lmtp_and_nothing_else(door: Door) -> None:
    with LmtpPeer(door.address, greet=False) as peer:
        assert peer.reply().endswith(" LMTP")
        assert [reply[:10] for reply in peer.ask("EHLO c", "HELO c", "MAIL FROM:<a@b.test>", "LHLO")] == [
            "500 5.5.1 ", "500 5.5.1 ", "503 5.5.1 ", "501 5.5.4 "
        ]  # fmt: skip
        offered = {line[4:] for line in peer.ask("LHLO c")[0].split("\n")[1:]}
        assert offered == {"PIPELINING", "ENHANCEDSTATUSCODES", f"SIZE {40 << 20}", "8BITMIME", "SMTPUTF8", "HELP"}
        told = peer.ask("MAIL FROM:<a@b.test> X=1", "MAIL FROM:", "RSET", "STARTTLS", "QUIT")
        assert [reply[:10] for reply in told] == ["555 5.5.4 ", "501 5.5.4 ", "250 2.0.0 ", "502 5.5.1 ", "221 2.0.0 "]


def test_the_journal_knows_the_door(door: Door, house: House) -> None:
    with LmtpPeer(door.address) as peer:
        peer.recipients("support@desk.test")
    query = select(Received.c.door, Received.c.peer, Received.c.helo).order_by(Received.c.id.desc())
    with house[1].read_journal() as connection:
        assert tuple(connection.execute(query).first() or ()) == ("lmtp", "127.0.0.1", "c.test")


# --- the socket


@pytest.mark.parametrize("uvloop", [True, False])
def test_a_unix_socket_is_for_its_owner_and_group_and_goes_with_the_door(
    uvloop: bool, house: House, tmp_path: Path
) -> None:
    path = tmp_path / "lmtp.sock"
    start = last_id(house[1])
    config = opened_as(house[0], smtp={"max_per_client": 1}, lmtp={"listen": str(path)})
    with background(config, house[1], kind=LmtpDoor, uvloop=uvloop):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        peers = [LmtpPeer(path) for _ in range(30)]  # all of them the mail server of this machine
        for peer in peers:
            assert [reply[:4] for reply in peer.recipients("support@desk.test")] == ["250 "]
            peer.close()
    assert not path.exists()
    assert len(rows_after(house[1], start, 99)) == 30
    query = select(Received.c.peer).order_by(Received.c.id.desc())
    with house[1].read_journal() as connection:
        assert connection.execute(query).scalar() == ""


def test_an_abandoned_socket_is_taken_over_one_in_use_is_not(house: House, tmp_path: Path) -> None:
    path = tmp_path / "lmtp.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with lmtp(house, str(path)):
        with pytest.raises(ConfigError, match=r"lmtp\.listen: cannot listen on .*lmtp\.sock"), lmtp(house, str(path)):
            pass
        with LmtpPeer(path) as peer:
            assert peer.ask("NOOP") == ["250 2.0.0 OK"]
    path.write_text("no socket")
    with pytest.raises(ConfigError, match=r"lmtp\.listen: cannot listen"), lmtp(house, str(path)):
        pass
    assert path.read_text() == "no socket"


def test_a_path_is_relative_to_the_file(house: House) -> None:
    config = opened_as(house[0], lmtp={"listen": "./l.sock"})
    with background(config, house[1], kind=LmtpDoor), LmtpPeer(config.folder / "l.sock") as peer:
        assert peer.ask("NOOP") == ["250 2.0.0 OK"]


@pytest.mark.parametrize(
    ("listen", "told"), [(None, "is not set"), ("lmtp.sock", "expected HOST:PORT"), ("h:x", "expected HOST:PORT")]
)
def test_without_a_place_there_is_no_door(listen: str | None, told: str, house: House) -> None:
    with pytest.raises(ConfigError, match=rf"lmtp\.listen: {told}"):
        run(opened_as(house[0], lmtp={"listen": listen}), house[1])


def test_a_full_door_says_so(house: House) -> None:
    with lmtp(house, max_connections=1) as door, LmtpPeer(door.address), LmtpPeer(door.address, greet=False) as second:
        assert second.reply() == Answer.TOO_MANY_CONNECTIONS.line


# --- a kill between two replies


@pytest.mark.threat(5)
def test_a_kill_between_two_replies_leaves_one_ticket_when_the_mail_comes_again(
    config: Config, store: Store, gateway: Gateway, tmp_path: Path
) -> None:
    path = tmp_path / "lmtp.sock"
    with door_process(config, "lmtp", path, "D6:1") as process:
        assert eventually(lambda: _listens(path), 20)
        with LmtpPeer(path) as peer:
            peer.ask(peer.hello, "MAIL FROM:<a@b.test>", *["RCPT TO:<support@desk.test>"] * 2, "DATA")
            peer.raw(MAIL + b".\r\n")
            assert [peer.reply()[:4], peer.reply()] == ["250 ", ""]
        assert process.wait(10) == -signal.SIGKILL
    assert os.path.lexists(path)  # as a crash leaves it
    with lmtp((config, store), str(path)), LmtpPeer(path) as peer:
        assert [reply[:4] for reply in peer.recipients("support@desk.test")] == ["250 "]
    gateway.file()
    assert [row["outcome"] for row in gateway.journal()] == ["new", "duplicate"]
    assert len(gateway.tickets()) == 1


def _listens(path: Path) -> bool:
    """A socket is in its place a moment before anybody listens at it."""
    with socket.socket(socket.AF_UNIX) as peer:
        return peer.connect_ex(str(path)) == 0
