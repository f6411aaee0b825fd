"""A door that many lean on at once: its memory stays small, its places go to those who use them (threats 14, 18)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from gateway import smtp_reception
from gateway.answers import Answer
from gateway.smtp import background
from store.config import Config
from store.database import Store
from store.journal import rows_after
from tests.doors.client import MAIL, Peer, connected, eventually
from tests.doors.conftest import Configure
from tests.doors.processes import door_process, memory
from tests.doors.writers import Journal

Stores = Callable[[Config], Store]
MEGABYTE = 1 << 20


def push(port: int, megabytes: int) -> None:
    """A message that never ends, as fast as the door takes it."""
    line = b"x" * (MEGABYTE // 8 - 2) + b"\r\n"
    with connected(port, 20) as peer:
        peer.socket.settimeout(120)
        peer.envelope()
        for _ in range(megabytes * 8):
            peer.raw(line)
        peer.raw(b".\r\n")
        assert peer.reply().startswith("552 5.3.4 ")


@pytest.mark.threat(14)
@pytest.mark.parametrize("megabytes", [pytest.param(1024, marks=pytest.mark.slow), 45])
def test_eight_peers_that_push_without_end_take_no_memory(
    megabytes: int, configure: Configure, store_of: Stores, unused_port: int
) -> None:
    config = configure(listen=f"127.0.0.1:{unused_port}", max_size=40 * MEGABYTE)
    store = store_of(config)
    with door_process(config) as door, ThreadPoolExecutor(8) as pool:
        list(pool.map(push, [unused_port] * 8, [megabytes] * 8))
        assert memory(door, highest=True) < 300
        with connected(unused_port) as peer:
            assert peer.deliver().startswith("250 ")
    assert [row.raw for row in rows_after(store, 0, 9)] == [MAIL]


@pytest.mark.slow
@pytest.mark.threat(14)
def test_sixteen_of_the_largest_mails_at_once_are_all_stored_in_little_memory(
    configure: Configure, store_of: Stores, unused_port: int
) -> None:
    config = configure(listen=f"127.0.0.1:{unused_port}", max_size=40 * MEGABYTE)
    store = store_of(config)
    body = MAIL + b"".join(b"%014d\r\n" % n for n in range(39 * MEGABYTE // 16))

    def send(number: int) -> str:
        with connected(unused_port, 20) as peer:
            peer.socket.settimeout(60)
            return peer.deliver(b"X-Number: %d\r\n" % number + body)

    with door_process(config) as door, ThreadPoolExecutor(16) as pool:
        assert {told[:4] for told in pool.map(send, range(16))} == {"250 "}
        assert memory(door, highest=True) < 400
    assert (
        len(rows_after(store, 0, 1)) == 1
        and len({f.name for f in store.blobs.folder.rglob("*") if len(f.name) == 64}) == 16
    )


@pytest.mark.threat(14)
def test_mails_that_wait_for_a_slow_journal_count_as_memory_until_they_are_stored(
    configure: Configure, store_of: Stores
) -> None:
    config = configure()
    journal = Journal(store := store_of(config))
    journal.gate.clear()
    content = MAIL + b"x" * 200_000 + b"\r\n"
    with background(config, store, journal=journal) as door, Peer(door.address) as peer:
        all_ = door.reception.memory.free
        peer.envelope()
        peer.raw(content + b".\r\n")
        assert journal.asked.wait(5)
        assert door.reception.memory.free <= all_ - len(content)
        journal.gate.set()
        assert peer.reply().startswith("250 ")
        assert eventually(lambda: door.reception.memory.free == all_)
    journal.close()


# --- places


SLOW = [b"", b"E", b"EHLO c\r\nMAIL FROM:<a@b.test>\r\n", b"EHLO c\r\nRSET\r\nNOO"]


@pytest.mark.threat(18)
@pytest.mark.parametrize("most", [500, 600])
def test_an_honest_mail_is_served_at_once_while_five_hundred_hang(
    most: int, configure: Configure, store_of: Stores
) -> None:
    config = configure(max_connections=most)
    with background(config, store_of(config), grace=0.2) as door, ExitStack() as stack:
        for number in range(500):
            stack.enter_context(Peer(door.address, greet=False)).raw(SLOW[number % 4])
        assert eventually(lambda: len(door.reception.conversations) == 500)
        time.sleep(1.1 if most == 500 else 0)  # at a full door a place is given up after a second of silence
        begun = time.monotonic()
        with Peer(door.address) as peer:
            assert peer.deliver().startswith("250 ")
        assert time.monotonic() - begun < 10  # those who hang do so for a minute at least


@pytest.mark.threat(18)
def test_at_a_full_door_the_longest_silent_one_makes_room_and_a_running_message_does_not(
    configure: Configure, store_of: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure(max_connections=3)
    monkeypatch.setattr(smtp_reception, "SILENT", 1000.0)
    with background(config, store_of(config)) as door, ExitStack() as stack:
        writing, silent, other = (stack.enter_context(Peer(door.address)) for _ in range(3))
        writing.envelope()
        time.sleep(0.01)  # the loop's clock counts milliseconds
        other.ask("NOOP")
        with Peer(door.address, greet=False) as early:
            assert early.reply() == Answer.TOO_MANY_CONNECTIONS.line  # nobody has been silent for long
        monkeypatch.setattr(smtp_reception, "SILENT", 0.0)
        newcomer = stack.enter_context(Peer(door.address))
        assert [silent.reply(), silent.reply()] == [Answer.TOO_MANY_CONNECTIONS.line, ""]
        assert other.ask("NOOP")[0].startswith("250 ")
        newcomer.envelope()
        other.envelope()
        with Peer(door.address, greet=False) as late:
            assert late.reply() == Answer.TOO_MANY_CONNECTIONS.line  # all three are at work
        for peer in (writing, newcomer, other):
            peer.raw(MAIL + b".\r\n")
            assert peer.reply().startswith("250 ")
    assert door.reception.guests._all == 0 and not door.reception.conversations


@pytest.mark.threat(18)
def test_nobody_makes_room_for_a_client_that_has_its_share(
    configure: Configure, store_of: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure(max_connections=2, max_per_client=2)
    monkeypatch.setattr(smtp_reception, "SILENT", 0.0)
    with background(config, store_of(config)) as door, Peer(door.address) as one, Peer(door.address) as other:
        with Peer(door.address, greet=False) as third:
            assert third.reply() == Answer.TOO_MANY_CONNECTIONS.line
        assert [peer.ask("NOOP")[0][:4] for peer in (one, other)] == ["250 ", "250 "]


@pytest.mark.threat(18)
def test_a_crowded_door_waits_a_minute_at_most(
    configure: Configure, store_of: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure(max_connections=5)
    assert config.settings.smtp.command_timeout <= 300 and config.settings.smtp.data_timeout <= 1800
    with background(config, store_of(config)) as door, ExitStack() as stack:
        peers = [stack.enter_context(Peer(door.address)) for _ in range(3)]
        assert door.reception.command_timeout == 300
        peers.append(stack.enter_context(Peer(door.address)))
        assert door.reception.command_timeout == 60
        monkeypatch.setattr(smtp_reception, "STRESS", 0.2)
        assert peers[0].ask("NOOP")[0].startswith("250 ")
        assert [peers[0].reply(), peers[0].reply()] == [Answer.TIMEOUT.line, ""]


@pytest.mark.slow
@pytest.mark.threat(18)
def test_honest_mails_are_served_for_a_minute_while_five_hundred_drip(configure: Configure, store_of: Stores, unused_port: int) -> None:  # fmt: skip
    """A byte a second from each of 500 peers, half of them inside a message; a mail every second."""
    config = configure(listen=f"127.0.0.1:{unused_port}", max_connections=600)
    store = store_of(config)
    envelope = b"EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<support@desk.test>\r\nDATA\r\n"

    async def drip(number: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", unused_port)
        writer.write(envelope if number % 2 else b"EHLO ")
        while True:
            writer.write(b"x")
            await asyncio.sleep(1)

    def deliver() -> tuple[str, float]:
        begun = time.monotonic()
        with Peer(("127.0.0.1", unused_port)) as peer:
            return peer.deliver()[:4], time.monotonic() - begun

    async def all_of_them() -> list[tuple[str, float]]:
        slow = [asyncio.create_task(drip(number)) for number in range(500)]
        await asyncio.sleep(2)
        told = []
        for _ in range(60):
            told.append(await asyncio.to_thread(deliver))
            await asyncio.sleep(1)
        for task in slow:
            task.cancel()
        return told

    with door_process(config) as door:
        connected(unused_port, 20).close()
        told = asyncio.run(all_of_them())
        assert {reply for reply, _ in told} == {"250 "} and max(seconds for _, seconds in told) < 10
        assert memory(door, highest=True) < 300
    assert len(rows_after(store, 0, 99)) == 60
