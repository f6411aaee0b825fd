"""A peer cut off at any byte, while the journal is slow, leaves nothing or one mail; sent again it is there once (threats 6)."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from gateway.lmtp import LmtpDoor
from gateway.smtp import Door, background
from store.config import Config
from store.database import Store
from store.journal import rows_after
from tests.doors.client import Peer, eventually
from tests.doors.conftest import opened_as
from tests.doors.writers import Journal
from tests.harness import Gateway

_SEED = 20  # named in a failure by the numbers of the mails


def finish(peer: Peer) -> None:
    """A clean end by FIN; a close with replies unread would be RST."""
    peer.socket.shutdown(socket.SHUT_WR)


def mail(number: int) -> bytes:
    text = "It smokes, and it smells.\r\n" * 4
    return (
        f"From: alice@cust.test\r\nSubject: printer {number}\r\nMessage-ID: <{number}@cust.test>\r\n\r\n{text}".encode()
    )


def dialogue(number: int, hello: str) -> bytes:
    commands = f"{hello} c.test", "MAIL FROM:<alice@cust.test>", "RCPT TO:<support@desk.test>", "DATA"
    return "\r\n".join(commands).encode() + b"\r\n" + mail(number) + b".\r\nQUIT\r\n"


def cuts(whole: bytes) -> list[int]:
    """Each end of a command, the bytes about the dot, and fifty others."""
    ends = [n + 2 for n in range(len(whole)) if whole[n : n + 2] == b"\r\n"]
    dot = whole.index(b"\r\n.\r\n")
    chosen = random.Random(_SEED).sample(range(len(whole)), 50)
    return sorted({*ends, *range(dot, dot + 7), *chosen})


@pytest.fixture(params=["smtp", "lmtp"])
def kind(request: pytest.FixtureRequest) -> tuple[type[Door], str]:
    return (Door, "EHLO") if request.param == "smtp" else (LmtpDoor, "LHLO")


@pytest.fixture
def journal(store: Store) -> Iterator[Journal]:
    opened = Journal(store)
    yield opened
    opened.close()


@pytest.mark.threat(6)
@pytest.mark.parametrize("how", [finish, Peer.reset], ids=["FIN", "RST"])
def test_a_dialogue_cut_at_any_byte_and_sent_again_is_one_ticket_message(
    how: Callable[[Peer], None], kind: tuple[type[Door], str], config: Config, store: Store, gateway: Gateway, journal: Journal
) -> None:  # fmt: skip
    door_kind, hello = kind
    config = opened_as(config, lmtp={"listen": "127.0.0.1:0"})
    places = cuts(dialogue(1000, hello))
    with background(config, store, journal=journal, kind=door_kind) as door, ExitStack() as stack:
        journal.gate.clear()
        for number, place in enumerate(places):
            peer = stack.enter_context(Peer(door.address))
            peer.raw(dialogue(1000 + number, hello)[:place])
            if number % 2:  # half of them are cut while the door waits for the journal, if they came so far
                eventually(lambda: any(c.busy for c in door.reception.conversations), 0.02)
            how(peer)
        journal.gate.set()
        assert eventually(lambda: not door.reception.conversations and all(f.done() for f in journal.given), 20)
        before = [row.raw for row in rows_after(store, 0, 1000)]
        sent = [mail(1000 + number) for number in range(len(places))]
        assert set(before) <= set(sent) and len(before) == len(set(before))
        whole = [m for m, p in zip(sent, places, strict=True) if p >= dialogue(1000, hello).index(b"\r\nQUIT") + 2]
        assert set(before) <= set(whole)
        assert how is Peer.reset or set(before) == set(whole)
        with Peer(door.address, timeout=20) as peer:
            peer.hello = f"{hello} c.test"
            assert {peer.deliver(content)[:4] for content in sent} == {"250 "}
    gateway.file()
    outcomes = [row["outcome"] for row in gateway.journal()]
    assert outcomes.count("new") == len(sent) and set(outcomes) <= {"new", "duplicate"}
    assert len(gateway.tickets()) == len(sent)
    assert all(len(gateway.ticket(ticket["tag"])["messages"]) == 1 for ticket in gateway.tickets())
