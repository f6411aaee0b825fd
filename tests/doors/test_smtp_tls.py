"""STARTTLS: nothing said in clear counts behind the handshake (RFC 3207 4.2, threats 3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from gateway.smtp import Door, background, tls_context
from store.config import Config
from store.database import Store
from store.errors import ConfigError
from store.journal import rows_after
from tests.doors.client import MAIL, Peer
from tests.doors.conftest import make_store, write_config


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def secure(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Door, Config, Store]]:
    folder: Path = tmp_path_factory.mktemp("tls")
    certificate = trustme.CA().issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    config = write_config(folder, tls_cert="cert.pem", tls_key="key.pem")
    store = make_store(config)
    with background(config, store, uvloop=request.param == "uvloop") as door:
        yield door, config, store
    store.close()


def test_a_mail_over_tls_of_any_size_is_stored(secure: tuple[Door, Config, Store]) -> None:
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


def test_what_was_sent_in_clear_behind_starttls_is_never_answered(secure: tuple[Door, Config, Store]) -> None:
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


def test_a_handshake_that_fails_ends_the_connection_and_frees_its_place(
    secure: tuple[Door, Config, Store], caplog: pytest.LogCaptureFixture
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
        for _ in range(100):
            if len(door.reception.conversations) == 1:
                break
            other.ask("EHLO c")
        assert len(door.reception.conversations) == 1
    assert not [record for record in caplog.records if record.name.startswith("postern")]


def test_starttls_takes_no_argument(secure: tuple[Door, Config, Store]) -> None:
    with Peer(secure[0].address) as peer:
        assert peer.ask("EHLO c", "STARTTLS now")[1].startswith("501 ")


@pytest.mark.parametrize(
    "smtp", [{"tls_cert": "a.pem"}, {"tls_key": "a.pem"}, {"tls_cert": "a.pem", "tls_key": "b.pem"}]
)
def test_half_a_certificate_stops_the_start(smtp: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tls_"):
        tls_context(write_config(tmp_path, **smtp))
