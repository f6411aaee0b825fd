"""For any bytes, in any pieces, the door answers or hangs up, breaks nothing and still serves the next peer."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.smtp import Door, background
from store.config import Config
from store.database import Store
from tests.doors.client import Peer

WORDS = [
    b"EHLO c", b"HELO c", b"MAIL FROM:<a@b.test>", b"MAIL FROM:<>", b"RCPT TO:<support@desk.test>", b"RCPT TO:",
    b"DATA", b"RSET", b"NOOP", b"QUIT", b"STARTTLS", b"AUTH LOGIN", b"BDAT 3 LAST", b"HELP", b"VRFY x", b"SIZE=1",
    b"SMTPUTF8", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b".", b" ", b"\0", b"\xff", b"<", b">", b'"', b"(",
    b"@", b"\\", b"[", b":", b"x" * 5000,
]  # fmt: skip
STREAMS = st.lists(st.sampled_from(WORDS) | st.binary(max_size=8), max_size=25)


@pytest.fixture(scope="module")
def door(house: tuple[Config, Store]) -> Iterator[Door]:
    with background(*house, grace=0.5) as door:
        yield door


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=STREAMS, pieces=st.booleans())
def test_the_door_survives(stream: list[bytes], pieces: bool, door: Door, caplog: pytest.LogCaptureFixture) -> None:
    with Peer(door.address) as peer:
        try:
            for block in stream if pieces else [b"".join(stream)]:
                peer.raw(block)
            peer.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has hung up, which it may
        while told := peer.reply():
            assert told[:3].isdigit() and told[0] in "2345" and "Error: (" not in told
    assert not [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def test_the_next_peer_is_served(door: Door) -> None:
    with Peer(door.address) as peer:
        assert peer.deliver().startswith("250 ")
