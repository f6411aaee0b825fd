"""Signs of life: which parts are up, told from rows in the database alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from store import parts
from store.clock import now
from store.database import Store
from store.errors import DiskFailed
from store.parts import LIFE, Pulse
from store.schema import Lease

SECOND = timedelta(seconds=1)


def states(store: Store, after: timedelta = timedelta()) -> dict[str, bool]:
    with store.read() as connection:
        return {part: bool(hosts) for part, hosts in parts.up(connection, now() + after).items()}


def names(store: Store) -> set[str]:
    with store.read() as connection:
        return set(connection.execute(select(Lease.c.name)).scalars())


@pytest.mark.threat(96)
def test_the_life_of_a_part(any_store: Store) -> None:
    parts.announce(any_store, "filer", 10, now())
    assert states(any_store) == {"filer": False}
    parts.renew(any_store, "filer", 10, now())
    assert states(any_store) == {"filer": True}
    assert states(any_store, LIFE + SECOND) == {"filer": False}  # it hangs
    assert states(any_store, -3 * LIFE) == {"filer": False}  # the clock was put back
    parts.mark_down(any_store, "filer", 10)
    assert states(any_store) == {"filer": False}
    parts.announce(any_store, "filer", 11, now())
    assert names(any_store) == {f"part:filer@{socket.gethostname()}:11"}
    parts.announce(any_store, "filer", 11, now())  # late, after the first sign
    parts.renew(any_store, "filer", 11, now())
    parts.announce(any_store, "filer", 11, now())
    assert states(any_store) == {"filer": True}
    parts.remove(any_store, ("filer", 11))
    assert states(any_store) == {}


def test_a_part_is_up_while_one_of_it_is_and_rows_of_the_gone_are_cleared_away(any_store: Store) -> None:
    elsewhere = {"name": "part:worker@other:7", "holder": "worker", "until": now() + LIFE}
    with any_store.write() as connection:
        connection.execute(insert(Lease), [elsewhere, elsewhere | {"name": "filed", "until": now() - LIFE}])
    parts.announce(any_store, "worker", 10, now())
    parts.announce(any_store, "portal", 12, now())
    assert states(any_store) == {"portal": False, "worker": True}
    parts.renew(any_store, "worker", 10, now() + LIFE + SECOND)
    assert states(any_store, LIFE) == {"portal": False, "worker": True}
    here = socket.gethostname()
    assert names(any_store) == {f"part:worker@{here}:10", f"part:portal@{here}:12", "filed"}


def test_rows_of_processes_this_host_no_longer_has_are_forgotten(store: Store) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for pid in (gone.pid, os.getpid()):
        parts.renew(store, "filer", pid, now())
    parts.forget_the_dead(store)
    assert names(store) == {f"part:filer@{socket.gethostname()}:{os.getpid()}"}


@pytest.mark.threat(96)
def test_a_pulse_beats_with_the_loop_and_stops_with_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "EVERY", 0.1)
    monkeypatch.setattr(parts, "LIFE", timedelta(seconds=1.5))
    with Pulse(store, "filer") as pulse:
        time.sleep(0.5)
        assert states(store) == {}  # it has not come up
        pulse.beat()
        _until(store, {"filer": True})
        _until(store, {"filer": False})  # no beat
        pulse.beat()
        _until(store, {"filer": True})
    assert states(store) == {}
    with pytest.raises(RuntimeError), Pulse(store, "filer") as pulse:
        pulse.beat()
        _until(store, {"filer": True})
        raise RuntimeError
    assert states(store) == {"filer": False}
    with pytest.raises(DiskFailed), Pulse(store, "filer") as pulse:
        pulse.beat()
        _until(store, {"filer": True})
        raise DiskFailed
    assert states(store) == {"filer": True}  # nothing is written any more; its supervisor will say so


def test_a_database_that_does_not_answer_does_not_hold_up_the_loop(store: Store) -> None:
    with store.write(), Pulse(store, "filer") as pulse:
        began = time.monotonic()
        for _ in range(100):
            pulse.beat()
        assert time.monotonic() - began < 1


def _until(store: Store, wanted: dict[str, bool]) -> None:
    deadline = time.monotonic() + 10
    while states(store) != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.02)
