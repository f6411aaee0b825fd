"""Due rows sent a second, claimed, composed, handed over and settled, against handing over one prepared mail."""

from __future__ import annotations

import logging
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from pathlib import Path

from sqlalchemy import select

from benchmarks.children import client, server
from benchmarks.house import installation
from benchmarks.measure import Figure
from benchmarks.servers import remembering_sink
from gateway.cli.logs import set_up
from gateway.cli.supervisor import senders_of
from store.apply import apply
from store.clock import now
from store.commands import Author, NewMessage, OpenTicket
from store.config import Config, load
from store.database import Store
from store.schema import Outbox
from store.settings import RelaySection
from workers.worker import Share, run

_ROWS = 10_000
_CONNECTIONS = RelaySection().connections
_LIFE = 2.0  # seconds between kills
_LONG = 600.0
_LOOK = 0.2  # seconds between looks, which cost the workers what they take
_PROCESSES = multiprocessing.get_context("forkserver")
_CONTENT = b"Subject: prepared\r\n\r\n" + b"A line of the prepared mail.\r\n" * 80


def measure() -> Figure:
    """A worker that lives."""
    return _measure("10,000 due rows sent", ">= 0.3", _LONG)


def measure_killed() -> Figure:
    """A worker that is killed every two seconds and started again."""
    return _measure("the same, killed every two seconds", "none lost", _LIFE)


def _measure(name: str, aim: str, life: float) -> Figure:
    with ExitStack() as house:
        heard = Path(house.enter_context(tempfile.TemporaryDirectory())) / "heard"
        relay = house.enter_context(server(remembering_sink, heard))
        peer = house.enter_context(client())
        config, store = house.enter_context(installation(relay_url=f"smtp://127.0.0.1:{relay.port}?tls=off"))
        before = peer.rate(relay.port, _ROWS // 2, _CONNECTIONS, _CONTENT)
        heard.write_text("")
        _promise(config, store)
        _import()
        start = time.monotonic()
        _send(config, store, life)
        ours = _ROWS / (time.monotonic() - start)
        _check(store, heard)
        after = peer.rate(relay.port, _ROWS // 2, _CONNECTIONS, _CONTENT)
    reference = 2 / (1 / before + 1 / after)
    against = f"a client with one prepared mail, {_CONNECTIONS} connections"
    return Figure(name, aim, "mails/s", ours, against, reference, ours / reference)


def _promise(config: Config, store: Store) -> None:
    """Opens tickets, so that a confirmation is due for each."""
    with store.write() as connection:
        for number in range(_ROWS):
            message = NewMessage(Author(f"customer{number}@customer.test", f"Customer {number}"), "It smokes again.")
            command = OpenTicket("hosting", "Printer", message, "Support", "medium", "mail:support@desk.test")
            apply(connection, config, command, now())


def _import() -> None:
    """Has what workers import ready for all of them, as the parent of `postern serve` has."""
    _PROCESSES.set_forkserver_preload(["benchmarks.sending"])
    first = _PROCESSES.Process(target=time.sleep, args=(0,))
    first.start()
    first.join()


def _send(config: Config, store: Store, life: float) -> None:
    """With as many workers as `postern serve` starts, which are killed and started again after so many seconds."""
    count = len(senders_of(config))
    shares = [Share(number, count) for number in range(count)]
    while not _done(store):
        workers = [_PROCESSES.Process(target=_work, args=(config.file, share)) for share in shares]
        for worker in workers:
            worker.start()
        end = time.monotonic() + life
        while time.monotonic() < end and not _done(store):
            time.sleep(_LOOK)
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.join()


def _work(file: Path, share: Share) -> None:
    with _logged(file):
        run(load(file), threading.Event(), share)


@contextmanager
def _logged(file: Path) -> Iterator[None]:
    """With the log as in production, in a file beside the configuration: its lines are part of what sending costs."""
    disabled = logging.root.manager.disable
    with (file.parent / "log").open("a", encoding="utf-8") as log, redirect_stderr(log):
        set_up()
        logging.disable(logging.NOTSET)
        try:
            yield
        finally:
            logging.disable(disabled)
    set_up()


def _done(store: Store) -> bool:
    with store.read() as connection:
        still = select(Outbox.c.id).where(Outbox.c.state.in_(("due", "claimed", "deferred"))).limit(1)
        return connection.execute(still).first() is None


def _check(store: Store, heard: Path) -> None:
    """Each mail was accepted, and the relay has it: a mail put off, given up or lost would make it look fast."""
    with store.read() as connection:
        states = set(connection.execute(select(Outbox.c.state).distinct()).scalars())
        promised = set(connection.execute(select(Outbox.c.header_id)).scalars())
    assert states == {"accepted"}, states
    assert len(promised) == _ROWS
    assert promised == set(heard.read_text().split()), "the relay has not what was promised"
