"""Block lists refuse the strangers they name and nobody else, and nobody when they do not answer (RFC 5782)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network

import pytest

from gateway import dnsbl
from gateway.dnsbl import Blocklists
from gateway.smtp import Door, background
from store.config import Config
from store.database import Store
from tests.doors.client import Peer
from tests.doors.conftest import opened_as
from tests.proof.test_names import RECORDS, server

House = tuple[Config, Store]
LISTED, CLEAN, REFUSED = "45.9.148.3", "45.9.148.4", "45.9.148.5"
SIX = "2a01:4f8::1"


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECORDS, ("3.148.9.45.second.test.", "A"), ["127.0.0.2"])
    monkeypatch.setitem(RECORDS, ("5.148.9.45.second.test.", "A"), ["127.255.255.254"])
    nibbles = ".".join(reversed("2a0104f8000000000000000000000001"))
    monkeypatch.setitem(RECORDS, (f"{nibbles}.first.test.", "A"), ["127.0.0.4"])


@contextmanager
def asking(house: House, *names: str, own: tuple[str, ...] = ()) -> Iterator[Door]:
    config = opened_as(house[0], smtp={"proxies": ("127.0.0.0/8",), "dnsbl": names})
    with server() as dns, background(config, house[1], grace=0.5) as door:
        door.reception.lists = Blocklists(names, [ip_network(one) for one in own], dns.servers, dns.port)
        yield door


def told(door: Door, address: str) -> str:
    """What a peer with this address hears at RCPT."""
    with Peer(door.address, greet=False) as peer:
        family = "TCP6" if ":" in address else "TCP4"
        peer.raw(f"PROXY {family} {address} {'::1' if ':' in address else '192.0.2.1'} 4711 25\r\n".encode())
        assert peer.reply().startswith("220 ")
        return peer.ask("EHLO c", "MAIL FROM:<a@b.test>", "RCPT TO:<support@desk.test>")[-1]


def test_who_is_on_a_list_is_refused_by_its_name(lists: None, house: House) -> None:
    with asking(house, "first.test", "second.test") as door:
        assert told(door, LISTED) == "554 5.7.1 your address is on the block list second.test"
        assert told(door, SIX) == "554 5.7.1 your address is on the block list first.test"
        assert told(door, CLEAN).startswith("250 ")
        assert told(door, REFUSED).startswith("250 "), "the list does not answer this resolver"


def test_relays_of_our_own_and_neighbours_are_never_asked_about(
    lists: None, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for reverse in ("1.0.0.127", "1.0.0.10"):
        monkeypatch.setitem(RECORDS, (f"{reverse}.second.test.", "A"), ["127.0.0.2"])
    with asking(house, "second.test", own=("45.9.148.0/24",)) as door:
        assert [told(door, one)[:4] for one in (LISTED, "127.0.0.1", "10.0.0.1")] == ["250 "] * 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [("silent.test", "TimeoutError"), ("broken.test", "NoNameservers"), ("garbage.test", "TimeoutError")],
)
def test_lists_that_do_not_answer_let_all_in_and_are_left_alone(
    name: str, reason: str, lists: None, house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dnsbl, "SECONDS", 0.3)
    with asking(house, name, "second.test") as door:
        assert told(door, CLEAN).startswith("250 ")
        assert told(door, LISTED).startswith("250 "), "after one that does not answer none is asked for a while"
    assert [
        record.getMessage()
        for record in caplog.records
        if record.name == "postern.doors" and "lists" in record.getMessage()
    ] == [f"block lists do not answer, all are let in: {reason}"]
