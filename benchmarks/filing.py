"""Mails completely filed a second, from the journal to tickets and outbox rows, against merely receiving them."""

from __future__ import annotations

import time
from itertools import count

from sqlalchemy import func, select

from benchmarks import mails
from benchmarks.children import client, server
from benchmarks.house import installation
from benchmarks.measure import Figure, compare
from benchmarks.servers import SINK, sink
from gateway.filer import Filer
from gateway.studying import Students
from store import journal, loading, outcomes
from store.clock import now
from store.config import Config
from store.database import Store
from store.journal import Incoming
from store.load_form import Loaded
from store.schema import Outcome

_MAILS = 300  # a round; every fourth is an answer to the one before it
_READERS = 2  # child processes, as many as the command has
_AGENTS = [
    {"email": "gina@desk.test", "name": "Gina", "desk": "hosting"},
    {"email": "billy@desk.test", "name": "Billy", "desk": "hosting", "departments": ["Billing"]},
]


def measure() -> Figure:
    with installation() as (config, store), server(sink) as reference, client() as peer:
        loading.load(store, config, Loaded.model_validate({"agents": _AGENTS}), config.folder / "people.json", now())
        students = Students(store.blobs, _READERS)
        try:
            filer, numbers = Filer(config, store, students), count()
            figure = compare(
                "small mail filed", ">= 0.4", "mails/s",
                lambda: _rate(config, store, filer, numbers),
                SINK,
                lambda: peer.rate(reference.port, 2 * _MAILS, 32, mails.small(0)),
            )  # fmt: skip
            _check(store)
            return figure
        finally:
            students.close()


def _rate(config: Config, store: Store, filer: Filer, numbers: count[int]) -> float:
    """Journals the next mails, then files them; only the filing is timed."""
    chosen = [next(numbers) for _ in range(_MAILS)]
    journal.append(store, [_incoming(number) for number in chosen])
    start = time.monotonic()
    while outcomes.count_unfiled(store):
        filer.file_next()
    return _MAILS / (time.monotonic() - start)


def _check(store: Store) -> None:
    """Every mail became what it should, or what was timed is not filing."""
    with store.read() as connection:
        query = select(Outcome.c.outcome, func.count()).group_by(Outcome.c.outcome)
        found = {outcome: number for outcome, number in connection.execute(query)}
    assert set(found) == {"new", "reply"} and found["new"] == 3 * found["reply"], found


def _incoming(number: int) -> Incoming:
    raw = mails.small(number, thread=number - 1 if number % 4 == 3 else None)
    return Incoming("smtp", now(), "sender@customer.test", (("hosting", ("support@desk.test",)),), raw)
