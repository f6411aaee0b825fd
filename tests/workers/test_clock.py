"""The clock: what is due by time is done at its pace, whatever else fails."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from store import journal
from store.clock import now
from store.config import Config
from store.database import Store
from store.errors import DiskFailed, Temporary
from store.journal import Incoming
from workers import clock
from workers.clock import Job


class After:
    """Says stop at the so-many-th look."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0

    def wait(self, _seconds: float) -> bool:
        return self.is_set()


def test_a_job_that_fails_stops_no_other_and_is_tried_again(config: Config, store: Store) -> None:
    done: list[str] = []

    def good(_config: Config, _store: Store, at: datetime) -> Iterator[None]:
        assert at.tzinfo
        done.append("good")
        yield

    def rare(*_: object) -> Iterator[None]:
        done.append("rare")
        yield

    def bad(*_: object) -> Iterator[None]:
        done.append("bad")
        raise (ValueError, Temporary, OSError)[done.count("bad") % 3]("no")
        yield

    jobs = (Job("bad", 0, bad), Job("good", 0, good), Job("rare", 1000, rare))
    clock.run(config, store, After(6), jobs, soon=0)
    assert done == ["bad", "good", "rare", "bad", "good", "bad", "good"]


def test_it_stops_in_the_middle_of_a_long_job_and_looks_at_each_step(config: Config, store: Store) -> None:
    steps: list[int] = []

    def long(*_: object) -> Iterator[None]:
        for step in range(1000):
            steps.append(step)
            yield

    clock.run(config, store, After(10), (Job("long", 0, long),), soon=0)
    assert len(steps) == 10


def test_nothing_is_done_before_its_time(config: Config, store: Store) -> None:
    clock.run(config, store, After(10), (Job("never", 0, lambda *_: pytest.fail("too soon")),), soon=1000)


@pytest.mark.threat(88)
def test_a_failed_disk_ends_the_clock(config: Config, store: Store) -> None:
    def broken(*_: object) -> Iterator[None]:
        raise DiskFailed("no")
        yield

    with pytest.raises(DiskFailed):
        clock.run(config, store, After(10), (Job("broken", 0, broken),), soon=0)


@pytest.mark.threat(54)
def test_it_sweeps_the_blob_store(config: Config, store: Store) -> None:
    journal.append(store, [Incoming("smtp", now(), "a@b.test", (("hosting", ("support@desk.test",)),), b"x")])
    path = store.blobs.path(store.blobs.put(b"belongs to nothing"))
    os.utime(path, (time.time() - 4000, time.time() - 4000))
    clock.run(config, store, After(1000), soon=0)
    assert not path.exists()


@pytest.mark.threat(91)
def test_a_leap_of_ten_years_is_believed_only_when_it_lasts() -> None:
    """An hour back, a night asleep and a day ahead are told as they are."""
    start, steady = now(), time.monotonic()
    shown = [start]
    wall = clock.Wall(lambda: shown[0])

    def read(days: float, seconds: float) -> bool:
        shown[0] = start + timedelta(days=days)
        return wall.read(steady + seconds) == shown[0]

    assert [read(0.1, 10), read(0.06, 20), read(1, 30), read(2, 40)] == [True] * 4
    assert [read(3650, 50), read(3650, 3000), read(2, 3010)] == [False, False, True]
    assert [read(3650, 4000), read(3650, 7500), read(3650, 7601), read(3651, 7700)] == [False, False, True, True]
