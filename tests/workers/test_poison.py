"""A row that kills each worker that takes it (threats 82)."""

from __future__ import annotations

import os
from typing import Any

import pytest

from store import outbox
from store.config import Config
from store.letters import Letter
from tests.fakes import FakeRelay, until
from tests.workers.bench import Bench, run
from workers import deliver
from workers.retry import UNFINISHED

POISON = 3
SOON = (0, 0.05, 0.1, 0.2)  # seconds; what users wait after each death is tested in test_worker.py


def run_and_die_of_the_poison(config: Config) -> None:
    """A worker whose process ends at once, as for want of memory, when it makes one certain mail."""
    compose = deliver.compose

    def deadly(letter: Letter, *arguments: Any, **options: Any) -> Any:
        if letter.id == POISON:
            os._exit(9)
        return compose(letter, *arguments, **options)

    deliver.compose = deadly
    outbox._AFTER_DEATHS = SOON
    run(config)


@pytest.mark.threat(82)
def test_a_row_that_kills_its_worker_is_parked_after_ten_times_and_the_others_go_out(
    bench: Bench, fake: FakeRelay
) -> None:
    bench.open_tickets(30)
    deaths = 0
    while "failed" not in bench.states():
        with bench.forked(run_and_die_of_the_poison) as process:
            until(lambda process=process: not process.is_alive() or "failed" in bench.states())  # type: ignore[misc]
            if not process.is_alive():
                assert process.exitcode == 9
                deaths += 1
                assert deaths <= UNFINISHED
                continue
            until(lambda: set(bench.states()) == {"accepted", "failed"})
            process.terminate()
            process.join(30)
            assert process.exitcode == 0
    assert deaths == UNFINISHED
    rows = bench.rows()
    assert {row.id: row.reply for row in rows if row.state == "failed"} == {
        POISON: f"given up: none of {UNFINISHED} attempts came to an end"
    }
    assert {mail.recipients[0] for mail in fake.mails} == {row.recipient for row in rows if row.id != POISON}
    assert max(row.attempts for row in rows if row.id != POISON) <= 3
