"""A door under pressure: too many peers, slow ones, silent ones, and its own end (threats 14, 18)."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from smtplib import SMTP

import pytest

from gateway.answers import Answer
from gateway.smtp import Door, background, check_library, loop_factory, serve
from gateway.smtp_limits import Guests, hops, room_for
from store.config import Config, host_and_port
from store.database import Store
from store.errors import ConfigError
from store.journal import last_id, rows_after
from tests.doors.client import MAIL, Peer, connected
from tests.doors.conftest import Configure
from tests.doors.writers import Journal

House = tuple[Config, Store]
Stores = Callable[[Config], Store]


def test_fifty_mails_at_once_are_all_stored_once(house: House) -> None:
    start = last_id(house[1])

    def send(number: int) -> None:
        with SMTP(door.address[0], door.address[1], timeout=20) as smtp:
            smtp.sendmail(f"p{number}@cust.test", "support@desk.test", f"Subject: {number}\n\n.\n..\nend\n")

    with background(*house) as door, ThreadPoolExecutor(50) as pool:
        list(pool.map(send, range(50)))
    rows = rows_after(house[1], start, 1000)
    assert sorted(row.sender for row in rows) == sorted(f"p{n}@cust.test" for n in range(50))
    assert {row.raw.partition(b"\r\n\r\n")[2] for row in rows} == {b".\r\n..\r\nend\r\n"}


@pytest.mark.threat(18)
def test_one_connection_too_many_is_told_to_wait(configure: Configure, store_of: Stores) -> None:
    config = configure(max_connections=3)
    with background(config, store_of(config)) as door:
        peers = [Peer(door.address) for _ in range(3)]
        with Peer(door.address, greet=False) as fourth:
            assert fourth.reply() == Answer.TOO_MANY_CONNECTIONS.line
            assert fourth.reply() == ""
        peers[0].ask("QUIT")
        peers[1].reset()
        with ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(_retry(lambda: Peer(door.address)))
        for peer in peers:
            peer.close()


def _retry(connect: Callable[[], Peer]) -> Peer:
    for _ in range(200):
        try:
            return connect()
        except AssertionError:
            time.sleep(0.01)
    return connect()


@pytest.mark.threat(18)
def test_one_client_has_its_share_and_loopback_has_no_limit_unless_set() -> None:
    guests = Guests(most=1000, per_client=None)
    assert [guests.enter("203.0.113.7") for _ in range(21)] == [None] * 20 + [Answer.TOO_MANY_CONNECTIONS]
    assert guests.enter("203.0.113.8") is None
    assert all(guests.enter(address) is None for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1") for _ in range(50))
    guests.leave("203.0.113.7")
    assert guests.enter("::ffff:203.0.113.7") is None
    assert [guests.enter(f"2001:db8::{n:x}") for n in range(21)][-1] is Answer.TOO_MANY_CONNECTIONS
    assert guests.enter("2001:db8:0:1::1") is None
    assert [Guests(9, 1).enter("127.0.0.1") for _ in range(2)] == [None, None]
    strict = Guests(9, 1)
    assert [strict.enter("127.0.0.1") for _ in range(2)] == [None, Answer.TOO_MANY_CONNECTIONS]


@pytest.mark.threat(18)
def test_a_silent_peer_is_sent_away_and_a_slow_command_does_not_help_it(configure: Configure, store_of: Stores) -> None:
    config = configure(command_timeout=0.4)
    with background(config, store_of(config)) as door, Peer(door.address) as peer, Peer(door.address) as slow:
        slow.raw(b"EH")
        assert peer.reply() == Answer.TIMEOUT.line and peer.reply() == ""
        assert slow.reply() == Answer.TIMEOUT.line


@pytest.mark.threat(18)
def test_a_steady_slow_sender_is_not_cut(configure: Configure, store_of: Stores) -> None:
    config = configure(command_timeout=0.4, data_timeout=10)
    with background(config, store_of(config)) as door, Peer(door.address) as peer:
        peer.envelope()
        for _ in range(12):
            peer.raw(b"line\r\n")
            time.sleep(0.1)
        assert peer.ask(b".\r\n")[0].startswith("250 ")


@pytest.mark.threat(18)
@pytest.mark.parametrize("pause", [0.1, None], ids=["steady", "silent"])
def test_a_message_has_an_end_in_time(pause: float | None, configure: Configure, store_of: Stores) -> None:
    config = configure(command_timeout=5 if pause else 0.3, data_timeout=0.6 if pause else 60)
    store = store_of(config)
    with background(config, store) as door, Peer(door.address) as peer:
        peer.envelope()
        begun = time.monotonic()
        peer.socket.settimeout(pause or 5)
        told = b""
        while not told and time.monotonic() < begun + 4:
            peer.raw(b"x")
            try:
                told = peer.socket.recv(100)
            except TimeoutError:
                continue
        assert told.startswith(b"421 4.4.2 ") and time.monotonic() - begun < 2
        assert rows_after(store, 0, 9) == []


@pytest.mark.threat(6)
def test_a_slow_commit_is_waited_for_longer_than_a_silent_peer(configure: Configure, store_of: Stores) -> None:
    config = configure(command_timeout=0.2)
    journal = Journal(store_of(config))
    with background(config, store_of(config), journal=journal) as door, Peer(door.address) as peer:
        journal.gate.clear()
        peer.envelope()
        peer.raw(MAIL + b".\r\n")
        time.sleep(0.6)
        journal.gate.set()
        assert peer.reply().startswith("250 ")
    journal.close()


@pytest.mark.threat(18)
def test_an_honest_mail_is_served_while_hundreds_hang(configure: Configure, store_of: Stores) -> None:
    config = configure(max_connections=400)
    with background(config, store_of(config)) as door, ExitStack() as stack:
        for number in range(300):
            peer = stack.enter_context(Peer(door.address, greet=False))
            peer.raw(
                b"EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<support@desk.test>\r\nDATA\r\nx" if number % 2 else b"E"
            )
        begun = time.monotonic()
        with Peer(door.address) as peer:
            assert peer.deliver().startswith("250 ")
        assert time.monotonic() - begun < 10  # those who hang do so for a minute at least


@pytest.mark.threat(18)
def test_a_peer_that_never_reads_is_dropped_in_the_end(configure: Configure, store_of: Stores) -> None:
    config = configure(command_timeout=0.3)
    with background(config, store_of(config)) as door, Peer(door.address, timeout=1) as peer:
        try:
            for _ in range(2000):
                peer.raw(b"EHLO c\r\n" * 1000)
        except OSError:
            pass
        for _ in range(100):
            if not door.reception.conversations:
                return
            time.sleep(0.1)
        pytest.fail("its place was never freed")


# --- the end of the door -------------------------------------------------------------------------------------------


@pytest.fixture(params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest) -> Iterator[Callable[[], asyncio.AbstractEventLoop] | None]:
    yield loop_factory() if request.param == "uvloop" else None


@pytest.mark.threat(95)
def test_sigterm_says_421_to_the_idle_and_lets_a_running_message_end(
    configure: Configure, store_of: Stores, unused_port: int, loop: Callable[[], asyncio.AbstractEventLoop] | None
) -> None:
    config = configure(listen=f"127.0.0.1:{unused_port}")
    store = store_of(config)
    told: list[str] = []

    def peers() -> None:
        idle, writing = connected(unused_port), connected(unused_port)
        writing.envelope()
        os.kill(os.getpid(), signal.SIGTERM)
        told.extend([idle.reply(), idle.reply()])
        writing.raw(MAIL + b".\r\n")
        told.extend([writing.reply(), writing.reply(), writing.reply()])
        try:
            Peer(("127.0.0.1", unused_port))
        except OSError:
            told.append("closed")

    thread = threading.Thread(target=peers)
    thread.start()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(serve(config, store))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    thread.join(5)
    assert told[:2] == [Answer.SHUTTING_DOWN.line, ""]
    assert told[2].startswith("250 2.0.0 ") and told[3:] == [Answer.SHUTTING_DOWN.line, "", "closed"]
    assert [row.raw for row in rows_after(store, 0, 9)] == [MAIL]


@pytest.mark.threat(18)
def test_a_message_that_never_ends_is_left_behind_after_the_grace(house: House) -> None:
    begun = time.monotonic()
    with background(*house, grace=0.3) as door:
        peer = Peer(door.address)
        peer.envelope()
        assert door.reception.conversations
    assert time.monotonic() - begun < 0.3 + 0.9
    assert not door.reception.conversations
    assert peer.reply() == ""
    peer.close()


# --- small rules ---------------------------------------------------------------------------------------------------


@pytest.mark.threat(87)
def test_room_is_twice_the_message_and_a_spare() -> None:
    spare = 64 << 20
    assert room_for(0, spare + (2 << 20)) and not room_for(0, spare + (2 << 20) - 1)
    assert room_for(5 << 20, spare + (10 << 20)) and not room_for(5 << 20, spare + (10 << 20) - 1)


@pytest.mark.threat(16)
def test_hops_are_counted_in_the_header_only() -> None:
    head = b"Received: a\r\nreceived:b\r\nReceived : c\r\n\tReceived: folded\r\nX-Received: d\r\n"
    assert hops(head + b"\r\nReceived: e\r\n") == 3
    assert hops(b"") == 0


@pytest.mark.parametrize(
    ("listen", "found"),
    [
        ("0.0.0.0:25", ("0.0.0.0", 25)),
        ("[::1]:2525", ("::1", 2525)),
        (":25", ("", 25)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_listen_is_host_and_port(listen: str, found: tuple[str, int]) -> None:
    assert host_and_port(listen, "smtp.listen") == found


@pytest.mark.parametrize("listen", ["25", "localhost", "localhost:", "h:65536", "h:x", "h:-1", ""])
def test_a_wrong_listen_stops_the_start_with_one_line(listen: str, configure: Configure) -> None:
    with pytest.raises(ConfigError, match=r"smtp\.listen: expected HOST:PORT, got"):
        Door(configure(listen=listen), None)  # the address is looked at first


def test_a_taken_port_stops_the_start_with_one_line(house: House, configure: Configure, store_of: Stores) -> None:
    with background(*house) as door:
        config = configure(listen=f"127.0.0.1:{door.address[1]}")
        with pytest.raises(ConfigError, match=r"smtp\.listen: cannot listen on"), background(config, store_of(config)):
            pass


@pytest.mark.threat(1)
@pytest.mark.threat(97)
def test_an_aiosmtpd_with_known_holes_stops_the_start() -> None:
    check_library("1.4.6")
    check_library("1.10.0")
    with pytest.raises(ConfigError, match=r"1\.4\.5 is installed; expected 1\.4\.6"):
        check_library("1.4.5")
