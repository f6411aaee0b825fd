"""Due rows sent a second, claimed, composed, handed over and settled, against handing over one prepared mail."""

from __future__ import annotations

import time
from itertools import count

from sqlalchemy import select

from benchmarks.children import client, server
from benchmarks.house import installation
from benchmarks.measure import Figure, compare
from benchmarks.servers import sink
from store.apply import apply
from store.clock import now
from store.commands import Author, NewMessage, OpenTicket
from store.config import Config
from store.database import Store
from store.schema import Outbox
from workers.worker import WorkerProcess

_MAILS = 200
_THREADS = 4  # each with a connection of its own


def measure() -> Figure:
    content, numbers = b"Subject: prepared\r\n\r\n" + b"A line of the prepared mail.\r\n" * 80, count()
    with (
        server(sink) as relay,
        client() as peer,
        installation(relay_url=f"smtp://127.0.0.1:{relay.port}?tls=off") as (config, store),
    ):
        return compare(
            "due rows sent", ">= 0.3", "mails/s",
            lambda: _rate(config, store, numbers),
            f"a client with one prepared mail, {_THREADS} connections",
            lambda: peer.rate(relay.port, 2 * _MAILS, _THREADS, content),
        )  # fmt: skip


def _rate(config: Config, store: Store, numbers: count[int]) -> float:
    """Opens tickets, so that a confirmation is due for each, and has a worker send them."""
    with store.write() as connection:
        for number in (next(numbers) for _ in range(_MAILS)):
            message = NewMessage(Author(f"customer{number}@customer.test", f"Customer {number}"), "It smokes again.")
            command = OpenTicket("hosting", "Printer", message, "Support", "medium", "mail:support@desk.test")
            apply(connection, config, command, now())
    worker = WorkerProcess(config, threads=_THREADS)
    start = time.monotonic()
    worker.start()
    while (states := _states(store)) != {"accepted"}:
        assert states <= {"due", "claimed", "accepted"}, states  # a mail put off would make it look fast
        time.sleep(0.02)
    seconds = time.monotonic() - start
    worker.stop()
    return _MAILS / seconds


def _states(store: Store) -> set[str]:
    with store.read() as connection:
        return set(connection.execute(select(Outbox.c.state).distinct()).scalars())
