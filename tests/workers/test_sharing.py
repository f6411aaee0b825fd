"""Several threads share a few connections: none is one too many, and none idles while an end is written down."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.fakes import HANG, FakeRelay, TakenMail, until
from tests.workers.bench import Bench


def test_there_are_never_more_connections_than_the_relay_is_to_have(bench: Bench, fake: FakeRelay) -> None:
    bench.open_tickets(30)
    with bench.worker(threads=6, connections=2):
        bench.settled()
    assert fake.connections <= 2


def test_while_one_mail_waits_for_the_relay_the_other_connection_sends_the_rest(bench: Bench, fake: FakeRelay) -> None:
    bench.open_tickets(12)
    fake.script("dot", HANG)
    with bench.worker(threads=6, connections=2):
        until(lambda: bench.states().count("accepted") == 11)
        assert bench.states().count("claimed") == 1
    assert fake.connections == 2


def test_the_next_mail_goes_out_while_the_end_of_one_waits_to_be_written(tmp_path: Path) -> None:
    locked = threading.Event()

    def wait_once(_mail: TakenMail) -> None:
        locked.wait(20)

    with FakeRelay(accept=wait_once) as fake:
        bench = Bench(tmp_path / "site", fake.url())
        bench.open_tickets(3)
        with bench.worker(threads=3, connections=1):
            until(lambda: len(fake.heard) == 1 and bench.states() == ["claimed"] * 3)
            with bench.store.write():  # now nothing can be written down
                locked.set()
                fake.wait(3)
                assert bench.states() == ["claimed"] * 3
            bench.settled()
        assert fake.connections == 1


def test_a_connection_that_died_while_nobody_used_it_costs_no_attempt(bench: Bench, fake: FakeRelay) -> None:
    with bench.worker(threads=3, connections=1):
        bench.open_tickets()
        bench.settled()
        fake.stop()
        fake.start()
        bench.open_tickets(2)
        rows = bench.settled()
    assert [row.attempts for row in rows] == [1, 1, 1]
