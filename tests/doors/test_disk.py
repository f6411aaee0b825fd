"""What the doors say of a lock, a full disk and a failing one, and what they still do afterwards (threats 86 to 88)."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.smtp import background, serve
from store.blobs import Blobs
from store.config import Config
from store.database import Store
from store.errors import DiskFailed, NoRoom, Temporary
from store.journal import BLOB_ABOVE, Incoming, last_id, rows_after
from store.journal_writer import JournalWriter
from tests.doors.client import MAIL, Peer, connected, eventually
from tests.doors.conftest import Configure, opened_as
from tests.doors.test_smtp_faults import door_with
from tests.doors.writers import be_impatient, locked
from tests.harness import Gateway

House = tuple[Config, Store]
Stores = Callable[[Config], Store]


def sent(peer: Peer, content: bytes = MAIL) -> None:
    """A whole mail, its reply unread."""
    peer.envelope()
    peer.raw(content + b".\r\n")


# --- a lock


@pytest.mark.threat(86)
def test_mail_waits_while_another_process_holds_the_lock_for_four_seconds(
    configure: Configure, store_of: Stores
) -> None:
    config = configure()
    store = store_of(config)
    with background(config, store) as door, Peer(door.address, timeout=20) as one, Peer(door.address) as other:
        with locked(config):
            sent(one)
            other.socket.settimeout(20)
            sent(other)
            one.socket.settimeout(4)
            with pytest.raises(TimeoutError):
                one.socket.recv(1)
        one.socket.settimeout(20)
        assert one.socket.recv(99).startswith(b"250 ") and other.reply().startswith("250 ")
    assert len(rows_after(store, 0, 9)) == 2


@pytest.mark.threat(86)
def test_a_lock_longer_than_our_patience_is_451_for_all_that_wait_and_the_next_try_is_taken(
    configure: Configure, store_of: Stores
) -> None:
    config = configure()
    store = store_of(config)
    be_impatient(store, 1.0)
    with background(config, store) as door:
        peers = [Peer(door.address) for _ in range(20)]
        begun = time.monotonic()
        with locked(config):
            for peer in peers:
                sent(peer)
            assert {peer.reply()[:10] for peer in peers} == {"451 4.3.0 "}
            assert time.monotonic() - begun < 10  # one wait for all that came together, not one for each
        assert {peer.deliver()[:4] for peer in peers} == {"250 "}
        for peer in peers:
            peer.close()
    assert len(rows_after(store, 0, 99)) == 20


@pytest.mark.threat(86)
def test_a_lock_goes_with_the_process_that_is_killed(configure: Configure, store_of: Stores) -> None:
    config = configure()
    with background(config, store_of(config)) as door, Peer(door.address, timeout=20) as peer, locked(config) as holder:
        sent(peer)
        holder.kill()
        assert peer.reply().startswith("250 ")


@pytest.mark.slow
@pytest.mark.threat(86)
def test_eight_peers_send_a_thousand_mails_each_while_another_process_takes_the_lock_again_and_again(
    configure: Configure, store_of: Stores
) -> None:
    config = configure()
    store = store_of(config)
    over = threading.Event()

    def take_the_lock() -> None:
        while not over.is_set():
            with locked(config):
                time.sleep(0.3)
            time.sleep(0.3)

    def send(number: int) -> set[str]:
        with Peer(door.address, timeout=60) as peer:
            return {peer.deliver(b"X-Number: %d %d\r\n" % (number, n) + MAIL)[:4] for n in range(1000)}

    holder = threading.Thread(target=take_the_lock)
    with background(config, store) as door, ThreadPoolExecutor(8) as pool:
        holder.start()
        told = list(pool.map(send, range(8)))
        over.set()
        holder.join()
    assert told == [{"250 "}] * 8
    assert len({row.raw for row in rows_after(store, 0, 9999)}) == last_id(store) == 8000


@pytest.mark.slow
@pytest.mark.threat(86)
def test_a_lock_of_half_a_minute_is_451_within_our_patience_and_then_forgotten(
    configure: Configure, store_of: Stores
) -> None:
    config = configure()
    with background(config, store_of(config)) as door, Peer(door.address, timeout=60) as peer:
        with locked(config):
            begun = time.monotonic()
            assert [peer.deliver()[:10] for _ in range(2)] == ["451 4.3.0 "] * 2
            assert 10 < time.monotonic() - begun < 50  # five seconds at least for each (threats 86)
        assert peer.deliver().startswith("250 ")


# --- the deadline


@pytest.mark.threat(6)
def test_past_the_deadline_nothing_is_written_unless_its_commit_had_begun(
    config: Config, store: Store, gateway: Gateway
) -> None:
    first, second = MAIL, MAIL.replace(b"printer", b"scanner")
    with background(opened_as(config), store, work_seconds=1.0) as door:
        with Peer(door.address) as one, Peer(door.address) as two:
            with locked(config):
                sent(one, first)
                time.sleep(0.1)
                sent(two, second)
                assert [one.reply()[:10], two.reply()[:10]] == ["451 4.3.0 "] * 2
            assert eventually(lambda: last_id(store) == 1)
            door.reception.work_seconds = 30
            assert two.deliver(second).startswith("250 ") and one.deliver(first).startswith("250 ")
        assert [row.raw for row in rows_after(store, 0, 9)] == [first, second, first]
    gateway.file()
    assert [row["outcome"] for row in gateway.journal()] == ["new", "new", "duplicate"]


@pytest.mark.threat(6)
def test_the_writer_drops_what_was_cancelled_and_nothing_that_it_has_begun(
    configure: Configure, store_of: Stores
) -> None:
    config = configure()
    store = store_of(config)
    writer = JournalWriter(store)
    with locked(config):
        begun = writer.submit(incoming(b"begun"))
        assert eventually(begun.running)
        waiting = [writer.submit(incoming(b"%d" % number)) for number in range(3)]
        assert not begun.cancel() and waiting[1].cancel()
    assert begun.result(20) and waiting[0].result(20) and waiting[2].result(20)
    writer.close()
    assert [row.raw for row in rows_after(store, 0, 9)] == [b"begun", b"0", b"2"]


def incoming(raw: bytes) -> Incoming:
    from store.clock import now

    return Incoming("smtp", now(), "a@b.test", (("hosting", ("support@desk.test",)),), raw)


# --- no room


class Full(Blobs):
    """A blob store whose disk is full, or worse."""

    error: BaseException | None = NoRoom("the disk is full")
    asked = 0

    def put(self, content: bytes, digest: str | None = None) -> str:
        self.asked += 1
        if self.error:
            raise self.error
        return super().put(content, digest)


@pytest.mark.threat(87)
def test_what_has_no_room_is_452_alone_and_is_taken_as_soon_as_there_is_some(
    configure: Configure, store_of: Stores
) -> None:
    config = configure()
    store = store_of(config)
    store.blobs = blobs = Full(store.blobs.folder)
    large = MAIL + b"x" * BLOB_ABOVE + b"\r\n"
    with background(config, store) as door, Peer(door.address) as one, Peer(door.address) as other:
        with locked(config), Peer(door.address) as first:  # so that both others are in one batch
            sent(first)
            time.sleep(0.1)
            sent(one, large)
            sent(other)
        assert one.reply().startswith("452 4.3.1 ") and other.reply().startswith("250 ")
        blobs.error = None
        assert one.deliver(large).startswith("250 ")
    assert sorted(row.size for row in rows_after(store, 0, 9)) == sorted([len(MAIL), len(MAIL), len(large)])


# --- a failing disk


@pytest.mark.threat(88)
@pytest.mark.parametrize("fault", [DiskFailed("fsync"), OSError(5, "Input/output error")])
def test_after_a_failure_the_writer_refuses_all_and_writes_nothing(
    fault: Exception, configure: Configure, store_of: Stores
) -> None:
    store = store_of(configure())
    store.blobs = blobs = Full(store.blobs.folder)
    blobs.error = fault
    writer = JournalWriter(store)
    large = incoming(b"x" * (BLOB_ABOVE + 1))
    for future in [writer.submit(message) for message in (large, incoming(b"small"), large)]:
        assert isinstance(future.exception(10), DiskFailed)
    blobs.error = None
    for future in [writer.submit(message) for message in (incoming(b"later"), large)]:
        assert isinstance(future.exception(10), DiskFailed)
    writer.close()
    assert blobs.asked == 1 and rows_after(store, 0, 9) == []


@pytest.mark.threat(88)
@pytest.mark.parametrize("fault", [DiskFailed("fsync"), OSError(5, "Input/output error")])
def test_a_failing_disk_is_451_to_who_waits_421_to_the_others_and_the_end_of_the_door(
    fault: Exception, configure: Configure, store_of: Stores, unused_port: int
) -> None:
    config = configure(listen=f"127.0.0.1:{unused_port}")
    store = store_of(config)
    store.blobs = blobs = Full(store.blobs.folder)
    blobs.error = fault
    told: list[str] = []

    def peers() -> None:
        idle, waiting, large = (connected(unused_port) for _ in range(3))
        waiting.envelope()
        sent(large, MAIL + b"x" * BLOB_ABOVE + b"\r\n")
        told.extend([large.reply()[:10], large.reply()[:10], idle.reply()[:10], idle.reply()])
        waiting.raw(MAIL + b".\r\n")
        told.extend([waiting.reply()[:10], waiting.reply()[:10]])

    thread = threading.Thread(target=peers)
    thread.start()

    async def run() -> None:
        async with asyncio.timeout(60):
            await serve(config, store, stop=asyncio.Event())

    with pytest.raises(DiskFailed, match="the disk has failed"):
        asyncio.run(run())
    thread.join(10)
    assert told == ["451 4.3.0 ", "421 4.3.2 ", "421 4.3.2 ", "", "451 4.3.0 ", "421 4.3.2 "]
    assert blobs.asked == 1 and rows_after(store, 0, 9) == []


@pytest.mark.threat(88)
def test_a_fault_that_is_no_disks_does_not_end_the_door(house: House) -> None:
    with door_with(house, Temporary("locked"), NoRoom("full"), MemoryError()) as (door, _), Peer(door.address) as peer:
        assert [peer.deliver()[:3] for _ in range(4)] == ["451", "452", "451", "250"]
        assert door.reception.failure is None
