"""For any bytes, in any pieces, the door answers or hangs up, breaks nothing and still serves the next peer."""

from __future__ import annotations

import logging
import random
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.smtp import Door, background
from store.config import Config
from store.database import Store
from tests.doors.client import Peer, connected
from tests.doors.conftest import Configure
from tests.doors.processes import door_process, memory

WORDS = [
    b"EHLO c", b"HELO c", b"LHLO c", b"MAIL FROM:<a@b.test>", b"MAIL FROM:<>", b"RCPT TO:<support@desk.test>", b"RCPT TO:",
    b"DATA", b"RSET", b"NOOP", b"QUIT", b"STARTTLS", b"AUTH LOGIN", b"BDAT 3 LAST", b"HELP", b"VRFY x", b"SIZE=1",
    b"SMTPUTF8", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b".", b" ", b"\0", b"\xff", b"<", b">", b'"', b"(",
    b"@", b"\\", b"[", b":", b"x" * 5000,
]  # fmt: skip
STREAMS = st.lists(st.sampled_from(WORDS) | st.binary(max_size=8), max_size=25)


@pytest.fixture(scope="module")
def door(house: tuple[Config, Store]) -> Iterator[Door]:
    with background(*house, grace=0.5) as door:
        yield door


def say(peer: Peer, stream: list[bytes]) -> None:
    """All of it, then every reply is looked at."""
    try:
        for block in stream:
            peer.raw(block)
        peer.socket.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # it has hung up, which it may
    while told := peer.reply():
        assert told[:3].isdigit() and told[0] in "2345" and "Error: (" not in told


@pytest.mark.threat(17)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=STREAMS, pieces=st.booleans())
def test_the_door_survives(stream: list[bytes], pieces: bool, door: Door, caplog: pytest.LogCaptureFixture) -> None:
    with Peer(door.address) as peer:
        say(peer, stream if pieces else [b"".join(stream)])
    assert not [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.threat(17)
def test_the_next_peer_is_served(door: Door) -> None:
    with Peer(door.address) as peer:
        assert peer.deliver().startswith("250 ")


@pytest.mark.threat(17)
@pytest.mark.parametrize(
    "seconds", [pytest.param(12, marks=pytest.mark.slow), pytest.param(150, marks=pytest.mark.long)]
)
@pytest.mark.parametrize("kind", ["smtp", "lmtp"])
def test_minutes_of_noise_leave_the_memory_as_it_was_and_no_error_in_the_log(
    kind: str, seconds: float, configure: Configure, store_of: Callable[[Config], Store], unused_port: int
) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    config = configure(listen=f"127.0.0.1:{unused_port}")
    store_of(config)
    with door_process(config, kind, unused_port) as door:
        connected(unused_port, 20).close()
        end, first = time.monotonic() + seconds, 0.0
        while time.monotonic() < end:
            for _ in range(500):
                stream = [chance.choice(WORDS) if chance.random() < 0.9 else chance.randbytes(6) for _ in range(25)]
                with Peer(("127.0.0.1", unused_port)) as peer:
                    say(peer, stream if chance.random() < 0.5 else [b"".join(stream)])
            first = first or memory(door)
        with Peer(("127.0.0.1", unused_port)) as peer:
            peer.hello = "EHLO c" if kind == "smtp" else "LHLO c"
            assert peer.deliver().startswith("250 "), seed
        assert memory(door) < first + 30, seed
        door.terminate()
        _, log = door.communicate(timeout=30)
    assert b"failed" not in log and b"Traceback" not in log, (seed, log[-2000:])
