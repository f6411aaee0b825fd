"""A proxy in front of the SMTP door says for whom it speaks, and nobody else may (PROXY protocol, versions 1 and 2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.smtp import Door, background
from store.config import Config
from store.database import Store
from store.journal import last_id, rows_after
from tests.doors.client import MAIL, Peer, eventually
from tests.doors.conftest import opened_as
from tests.doors.writers import Journal

House = tuple[Config, Store]
V2 = b"\r\n\r\n\x00\r\nQUIT\n"


@contextmanager
def behind(house: House, *proxies: str, **smtp: object) -> Iterator[Door]:
    config = opened_as(house[0], smtp={"proxies": proxies or ("127.0.0.0/8",), **smtp})
    with background(config, house[1], grace=0.5) as door:
        yield door


def version_2(source: bytes, family: int = 0x11, command: int = 0x21) -> bytes:
    body = source + bytes(len(source)) + struct.pack("!HH", 4711, 25) if source else b""
    return V2 + struct.pack("!BBH", command, family, len(body)) + body


V6 = bytes.fromhex("20010db8000000000000000000000001")


@pytest.mark.parametrize(
    ("head", "peer"),
    [
        (b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 25\r\n", "198.51.100.7"),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 4711 25\r\n", "2001:db8::1"),
        (version_2(bytes([198, 51, 100, 7])), "198.51.100.7"),
        (version_2(V6, 0x21), "2001:db8::1"),
    ],
)
def test_the_journal_knows_the_client_and_not_the_proxy(head: bytes, peer: str, house: House) -> None:
    start = last_id(house[1])
    with behind(house) as door, Peer(door.address, greet=False) as proxy:
        proxy.raw(head)
        assert proxy.reply().startswith("220 ")
        assert proxy.deliver().startswith("250 ")
    (row,) = rows_after(house[1], start, 9)
    assert (row.peer, row.raw) == (peer, MAIL)


@pytest.mark.parametrize("head", [b"PROXY UNKNOWN\r\n", version_2(b"", 0x00, 0x20)])
def test_a_proxy_that_looks_whether_we_are_there_is_greeted(head: bytes, house: House) -> None:
    with behind(house) as door, Peer(door.address, greet=False) as proxy:
        proxy.raw(head)
        assert proxy.reply().startswith("220 ")


@pytest.mark.parametrize(
    "head",
    [
        b"EHLO c.test\r\n",
        b"PROXY TCP4 1.2.3 x\r\n",
        b"PROXY " + b"x" * 500 + b"\r\n",
        V2 + b"\xff" * 20,
        V2[:7] + b"x" * 20,
    ],
)
def test_a_proxy_that_does_not_say_it_is_not_served(head: bytes, house: House) -> None:
    with behind(house) as door, Peer(door.address, greet=False) as proxy:
        proxy.raw(head)
        assert proxy.reply() == ""
        assert eventually(lambda: not door.reception.conversations)


def test_a_proxy_that_leaves_or_is_silent_holds_no_place(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.smtp_protocol.PROXY_SECONDS", 0.2)
    with behind(house) as door:
        Peer(door.address, greet=False).close()
        with Peer(door.address, greet=False) as silent:
            assert silent.reply().startswith("421 4.4.2")
        assert eventually(lambda: not door.reception.conversations)


@pytest.mark.threat(41)
def test_nobody_else_may_say_for_whom_they_speak(house: House) -> None:
    with behind(house, "10.0.0.0/8") as door, Peer(door.address) as peer:
        assert peer.ask("PROXY TCP4 198.51.100.7 192.0.2.1 4711 25")[0].startswith("500 ")


@pytest.mark.threat(18)
def test_the_limit_of_one_client_is_the_clients_and_not_the_proxys(house: House) -> None:
    with behind(house, max_per_client=2) as door:
        peers = []
        for place in range(5):
            peers.append(Peer(door.address, greet=False))
            peers[-1].raw(f"PROXY TCP4 198.51.100.{place % 2} 192.0.2.1 4711 25\r\n".encode())
            told = peers[-1].reply()
            assert told.startswith("220 " if place < 4 else "421 4.7.0 ")
        for peer in peers:
            peer.close()
        assert eventually(lambda: not door.reception.conversations)
        with Peer(door.address, greet=False) as again:
            again.raw(b"PROXY TCP4 198.51.100.0 192.0.2.1 4711 25\r\n")
            assert again.reply().startswith("220 ")


def test_a_client_keeps_its_address_behind_the_handshake(house: House) -> None:
    """STARTTLS begins a new session of the same client."""
    import trustme

    certificate = trustme.CA().issue_cert("localhost")
    folder = house[0].folder
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    start = last_id(house[1])
    journal = Journal(house[1])
    with (
        behind(house, tls_cert=folder / "cert.pem", tls_key=folder / "key.pem") as door,
        Peer(door.address, greet=False) as proxy,
    ):
        proxy.raw(b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 25\r\n")
        proxy.reply()
        assert proxy.ask("EHLO c", "STARTTLS")[1].startswith("220 ")
        proxy.start_tls()
        assert proxy.deliver().startswith("250 ")
    journal.close()
    assert [row.peer for row in rows_after(house[1], start, 9)] == ["198.51.100.7"]
