"""`postern serve` as a process tree: what dies is noticed and started again, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import supervisor
from gateway.cli.setup import write_configuration
from gateway.cli.supervisor import parts_of, pause_after
from store import parts
from store.clock import now
from store.config import Config
from store.database import open_store
from store.migrate import ensure_version
from store.settings import LmtpSection, RelaySection, Settings
from tests.harness import PEOPLE, mail
from tests.running import POSTERN, Running

PARTS = ("smtp", "filer", "worker", "worker-2", "portal", "clock")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with Running(tmp_path, "hosting", POSTERN_CRASH="F5:1") as gateway:
        gateway.load(**PEOPLE)
        yield gateway


def down(gateway: Running) -> set[str]:
    try:
        told: dict[str, Any] = gateway.health()
    except OSError:
        return set()
    assert (told["status"] == "ok") == all(part["up"] for part in told["parts"].values()), told
    return {part for part, state in told["parts"].items() if not state["up"]}


@pytest.mark.slow
@pytest.mark.threat(96)
@pytest.mark.threat(34)
def test_a_filer_that_dies_is_told_by_health_started_again_once_armed_and_takes_its_readers_along(
    running: Running,
) -> None:
    """The crash armed for all parts meets the filer at its first mail, and no part at its second start."""
    assert {words.split()[1] for words in running.processes("postern").values()} == set(PARTS)
    (filer,) = running.processes("postern", "filer")
    readers = running.children(filer)
    assert readers
    running.send(mail(), "anna@cust.test", "support@desk.test")
    running.wait_until(lambda: down(running) == {"filer"})
    died = time.monotonic()
    running.wait_until(lambda: not set(readers) & set(running.processes()), 5)
    running.wait_until(lambda: not down(running))
    assert time.monotonic() - died < 25  # by its death, not because its row ran out
    running.send(mail("again"), "anna@cust.test", "support@desk.test")
    running.drain()
    assert [row["outcome"] for row in running.json("journal")] == ["new", "new"]
    assert len(running.json("tickets")) == 2
    assert running.log().count("filer ended with -9") == 1
    assert "again in 1 s" in running.log()


@pytest.mark.slow
def test_a_part_that_is_dead_when_all_is_stopped_is_not_down_for_ever(running: Running) -> None:
    for log_lines in (1, 2):  # after the second death it is left alone for two seconds
        running.wait_until(lambda: not down(running) and running.processes("postern", "worker-2"))
        for pid in running.processes("postern", "worker-2"):
            os.kill(pid, signal.SIGKILL)
        running.wait_until(lambda wanted=log_lines: running.log().count("worker-2 ended with -9") == wanted)  # type: ignore[misc]
    running.stop()
    running.wait_until_gone()
    with sqlite3.connect(running.folder / "var" / "postern.db") as database:
        assert database.execute("SELECT name FROM lease WHERE name LIKE 'part:%'").fetchall() == []


def test_a_part_whose_parent_died_before_it_looked_does_nothing() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    child = f"from gateway.cli.signals import as_child_of; as_child_of({gone.pid}); print('goes on')"
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_what_the_parts_import_starts_no_thread() -> None:
    """The fork of a process with threads may inherit a lock that nobody opens."""
    script = (
        "import importlib, threading; from gateway.cli.supervisor import _MODULES as modules;"
        "[importlib.import_module(module) for module in modules.values()]; print(threading.active_count(), *modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["1", "smtp", "lmtp", "imap", "filer", "worker", "worker-2", "portal", "clock"]


@pytest.mark.slow
def test_a_part_that_cannot_have_its_port_stops_everything_with_its_line(tmp_path: Path) -> None:
    gateway = Running(tmp_path, "hosting")
    write_configuration(tmp_path, ["hosting"], "desk.test")
    with socket.create_server(("127.0.0.1", gateway.smtp_port)):
        done = subprocess.run([*POSTERN, "serve"], env=gateway.environment, capture_output=True, check=False)
    assert done.returncode == 1
    assert f"smtp.listen: cannot listen on 127.0.0.1:{gateway.smtp_port}".encode() in done.stderr
    assert b"\npostern: smtp cannot start with these settings; see the line above\n" in done.stderr
    gateway.wait_until_gone()


@pytest.mark.slow
def test_a_wrong_setting_written_while_it_runs_keeps_down_no_part_but_one_that_dies_and_no_longer_than_it_is_there(
    tmp_path: Path,
) -> None:
    with Running(tmp_path, "hosting") as gateway:
        (filer,) = gateway.processes("postern", "filer")
        others = set(gateway.processes("postern")) - {filer}
        settings = tmp_path / "postern.toml"
        right = settings.read_text()
        settings.write_text(f"{right}\n[nonsense]\n")
        os.kill(filer, signal.SIGKILL)
        gateway.wait_until(lambda: "filer ended with 78" in gateway.log())
        assert down(gateway) == {"filer"}
        settings.write_text(right)
        gateway.wait_until(gateway.healthy)
        assert others < set(gateway.processes("postern"))


def test_the_pauses_grow_and_a_minute_of_life_forgets_them() -> None:
    pauses: list[float] = []
    for _ in range(7):
        pauses.append(pause_after(pauses[-1] if pauses else None, 5))
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert pause_after(30, 61) == 1


@pytest.mark.threat(94)
def test_a_database_that_takes_no_notes_is_asked_less_and_less_often_and_once_more_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (config := Config(Settings(), tmp_path)).prepare()
    with closing(open_store(config)) as store:
        ensure_version(config, store)
    notes, pauses = supervisor._Notes(config), []
    notes._open.append(("started", "filer", 10))
    with monkeypatch.context() as broken:
        broken.setattr(supervisor.parts, "announce", lambda *_: 1 // 0)
        for _ in range(4):
            notes._not_before = 0.0
            notes.look()
            assert notes._writer is not None
            notes._writer.join()
            notes.look()
            assert notes._writer is None
            pauses.append(notes._pause)
    assert pauses == [1, 2, 4, 8]
    assert "Traceback" not in capfd.readouterr().err
    notes.close(20)
    assert notes._open == []
    with closing(open_store(config)) as store, store.read() as connection:
        assert parts.up(connection, now()) == {"filer": set()}


def test_the_lmtp_door_runs_only_where_it_is_set(tmp_path: Path) -> None:
    assert parts_of(Config(Settings(), tmp_path)) == PARTS
    assert "lmtp" in parts_of(Config(Settings(lmtp=LmtpSection(listen="127.0.0.1:2424")), tmp_path))


def test_a_relay_that_takes_one_connection_has_one_worker(tmp_path: Path) -> None:
    parts = parts_of(Config(Settings(relay=RelaySection(connections=1)), tmp_path))
    assert [part for part in parts if part.startswith("worker")] == ["worker"]


@pytest.mark.slow
@pytest.mark.threat(96)
def test_parts_that_hang_are_told_by_health_within_half_a_minute_and_are_well_again(tmp_path: Path) -> None:
    """All but the one that tells. A door that hangs still has its connections accepted by the kernel."""
    hung = set(PARTS) - {"portal"}
    with Running(tmp_path, "hosting") as gateway:
        pids = [pid for part in hung for pid in gateway.processes("postern", part)]
        assert len(pids) == len(hung)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        stopped = time.monotonic()
        gateway.wait_until(lambda: down(gateway) == hung, 45)
        assert time.monotonic() - stopped > 5  # it is the missing sign that tells
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        gateway.wait_until(gateway.healthy, 20)


@pytest.mark.slow
@pytest.mark.threat(84)
@pytest.mark.threat(95)
def test_asked_to_stop_with_a_part_that_hangs_it_still_ends_within_half_a_minute(tmp_path: Path) -> None:
    with Running(tmp_path, "hosting") as gateway:
        (pid,) = gateway.processes("postern", "filer")
        os.kill(pid, signal.SIGSTOP)
        asked = time.monotonic()
        gateway.stop()
        assert time.monotonic() - asked < 31
        gateway.wait_until_gone()
