"""STARTTLS: nothing said in clear counts behind the handshake (RFC 3207 4.2, threats 3)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from gateway.smtp import Door, background, tls_context
from gateway.smtp_connection import Connection
from store.database import Store
from store.errors import ConfigError
from store.journal import rows_after
from tests.doors.client import MAIL, Peer, eventually
from tests.doors.conftest import make_store, write_config
from tests.doors.writers import Journal

IDLE = b"NOOP " + b"x" * 1000 + b"\r\n"
House = tuple[Door, Journal, Store]


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def secure(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("tls")
    certificate = trustme.CA().issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    config = write_config(folder, tls_cert="cert.pem", tls_key="key.pem")
    store = make_store(config)
    journal = Journal(store)
    with background(config, store, journal=journal, uvloop=request.param == "uvloop") as door:
        yield door, journal, store
    journal.close()
    store.close()


def secured_with(content: bytes, secure: House, monkeypatch: pytest.MonkeyPatch) -> Peer:
    """A peer whose content reaches the door as one with the last step of the handshake, before the door goes on."""
    move_to = Connection._move_to

    def late(self: Connection, transport: asyncio.Transport) -> None:
        self.data_received(content)
        move_to(self, transport)

    monkeypatch.setattr(Connection, "_move_to", late)
    peer = Peer(secure[0].address)
    assert peer.ask("STARTTLS")[0].startswith("220 ")
    peer.start_tls()
    return peer


def test_a_mail_over_tls_of_any_size_is_stored(secure: House) -> None:
    door, _, store = secure
    with Peer(door.address) as peer:
        assert "250-STARTTLS" in peer.ask("EHLO c")[0]
        assert peer.ask("STARTTLS")[0].startswith("220 ")
        peer.start_tls()
        told = peer.ask("EHLO c")[0]
        assert "STARTTLS" not in told and "AUTH" not in told
        assert peer.ask("STARTTLS")[0].startswith("503 ")
        assert peer.deliver().startswith("250 ")
        large = MAIL + b"z" * 2_000_000 + b"\r\n"
        told = peer.deliver(large)
        assert told.startswith("250 ")
        assert rows_after(store, int(told.split()[-1]) - 1, 1)[0].raw == large
        assert peer.ask("QUIT")[0].startswith("221 ")


@pytest.mark.threat(3)
def test_what_was_sent_in_clear_behind_starttls_is_never_answered(secure: House) -> None:
    with Peer(secure[0].address) as peer:
        peer.ask("EHLO c", "MAIL FROM:<a@b.test>", "RCPT TO:<support@desk.test>")
        peer.send("STARTTLS", "RSET", "EHLO injected", "MAIL FROM:<evil@b.test>", "NOOP")
        assert peer.reply().startswith("220 ")
        peer.start_tls()
        peer.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            peer.socket.recv(1)
    with Peer(secure[0].address) as peer:
        peer.ask("EHLO c", "MAIL FROM:<a@b.test>", "RCPT TO:<support@desk.test>")
        peer.send("STARTTLS", "EHLO injected", "MAIL FROM:<evil@b.test>")
        assert peer.reply().startswith("220 ")
        peer.start_tls()
        told = peer.ask("MAIL FROM:<a@b.test>", "EHLO c", "RCPT TO:<support@desk.test>", "DATA")
        assert [reply[:3] for reply in told] == ["503", "250", "503", "503"]


@pytest.mark.threat(3)
def test_a_handshake_that_fails_ends_the_connection_and_frees_its_place(
    secure: House, caplog: pytest.LogCaptureFixture
) -> None:
    door = secure[0]
    with Peer(door.address) as peer:
        peer.ask("EHLO c", "STARTTLS")
        peer.raw(b"EHLO in the clear\r\nMAIL FROM:<a@b.test>\r\n" * 20)
        assert not peer.reply()[:3].isdigit()
    peer = Peer(door.address)
    peer.ask("EHLO c", "STARTTLS")
    peer.reset()
    with Peer(door.address) as other:
        assert other.ask("NOOP")[0].startswith("250")
        assert eventually(lambda: len(door.reception.conversations) == 1)
        assert other.ask("EHLO c")[0].startswith("250")
    assert not [record for record in caplog.records if record.name.startswith("postern")]


@pytest.mark.threat(3)
def test_a_fault_behind_the_handshake_ends_the_connection_so_that_the_old_state_never_answers(
    secure: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = secure[0]

    def broken(self: Connection, transport: object) -> None:
        raise AttributeError("asyncio has changed")

    monkeypatch.setattr(Connection, "_move_to", broken)
    with Peer(door.address) as peer:
        peer.ask("EHLO c", "MAIL FROM:<a@b.test>")
        assert peer.ask("STARTTLS")[0].startswith("220 ")
        with contextlib.suppress(OSError):  # of a door that is gone
            peer.start_tls()
            peer.send("RCPT TO:<support@desk.test>", "NOOP")
        assert peer.reply() == ""
        assert eventually(lambda: not door.reception.conversations)
    told = [record.getMessage() for record in caplog.records if record.name.startswith("postern")]
    assert len(told) == 1 and told[0].startswith("STARTTLS failed: AttributeError at ") and "changed" not in told[0]


@pytest.mark.parametrize("polite", [True, False])
def test_a_peer_that_leaves_within_tls_frees_its_place(
    polite: bool, secure: House, caplog: pytest.LogCaptureFixture
) -> None:
    door = secure[0]
    with Peer(door.address) as peer:
        peer.ask("EHLO c", "STARTTLS")
        peer.start_tls()
        assert peer.ask("EHLO c", "NOOP")[1].startswith("250 ")
        if polite:
            assert isinstance(peer.socket, ssl.SSLSocket)
            peer.socket.unwrap().close()
    assert eventually(lambda: not door.reception.conversations, 2.0)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_more_than_the_door_takes_at_once_behind_the_handshake_is_answered(
    secure: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secured_with(IDLE * 600, secure, monkeypatch) as peer:
        assert {peer.reply()[:3] for _ in range(600)} == {"250"}
        assert peer.deliver().startswith("250 ")


def test_more_than_the_door_takes_at_once_behind_the_handshake_is_held_back(
    secure: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    door, journal, _ = secure
    journal.gate.clear()
    envelope = b"EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<support@desk.test>\r\nDATA\r\n"
    with secured_with(envelope + MAIL + b".\r\n" + IDLE * 600, secure, monkeypatch) as peer:
        assert [peer.reply()[:3] for _ in range(4)] == ["250", "250", "250", "354"]
        peer.socket.settimeout(1.0)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 128 << 20:  # far more than the sockets between us keep
                sent += peer.socket.send(IDLE * 500)
        peer.reset()
    journal.gate.set()
    assert eventually(lambda: not door.reception.conversations)


def test_starttls_takes_no_argument(secure: House) -> None:
    with Peer(secure[0].address) as peer:
        assert peer.ask("EHLO c", "STARTTLS now")[1].startswith("501 ")


@pytest.mark.parametrize(
    "smtp", [{"tls_cert": "a.pem"}, {"tls_key": "a.pem"}, {"tls_cert": "a.pem", "tls_key": "b.pem"}]
)
def test_half_a_certificate_stops_the_start(smtp: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tls_"):
        tls_context(write_config(tmp_path, **smtp))
