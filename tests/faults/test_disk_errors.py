"""What the database says of its disk, told apart: full, failing, or gone for a while (threats 87, 88)."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, text

from store.database import Store
from store.errors import DiskFailed, NoRoom, Temporary
from store.schema import Lease
from tests.fakes import FakeRelay
from tests.workers.bench import Bench, copies

SQLITE: dict[str, type[Temporary]] = {
    "SQLITE_BUSY": Temporary,
    "SQLITE_BUSY_SNAPSHOT": Temporary,
    "SQLITE_PROTOCOL": Temporary,
    "SQLITE_FULL": NoRoom,
    "SQLITE_IOERR_SHMSIZE": NoRoom,
    "SQLITE_IOERR_FSYNC": DiskFailed,
    "SQLITE_IOERR_DIR_FSYNC": DiskFailed,
    "SQLITE_IOERR_READ": Temporary,
    "SQLITE_IOERR_WRITE": Temporary,
    "SQLITE_CANTOPEN": Temporary,
    "SQLITE_READONLY": Temporary,
}
POSTGRESQL: dict[type[psycopg.Error], type[Temporary]] = {
    psycopg.errors.DiskFull: NoRoom,
    psycopg.errors.IoError: Temporary,
    psycopg.errors.TooManyConnections: Temporary,
    psycopg.errors.LockNotAvailable: Temporary,
    psycopg.errors.DeadlockDetected: Temporary,
    psycopg.errors.AdminShutdown: Temporary,
    psycopg.OperationalError: Temporary,
}
INSERT = text("INSERT INTO lease (name, holder, until) VALUES ('x', 'y', '2026-01-01 00:00:00')")


@pytest.mark.threat(87)
@pytest.mark.threat(88)
@pytest.mark.parametrize("rollback_fails", [False, True], ids=["", "rollback-fails"])
@pytest.mark.parametrize("name", SQLITE)
def test_an_error_of_sqlite_comes_out_sorted_and_the_next_transaction_works(
    name: str, rollback_fails: bool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = sqlite3.OperationalError("canary")
    error.sqlite_errorname = name
    check_sorted(store, error, SQLITE[name], rollback_fails, monkeypatch)


@pytest.mark.threat(87)
@pytest.mark.threat(88)
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("kind", POSTGRESQL, ids=lambda kind: kind.__name__)
def test_an_error_of_postgresql_comes_out_sorted_and_the_next_transaction_works(
    kind: type[psycopg.Error], any_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_sorted(any_store, kind("canary"), POSTGRESQL[kind], True, monkeypatch)


def check_sorted(
    store: Store, error: Exception, kind: type[Temporary], rollback_fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_dialect: Any, connection: Any) -> None:
        raise error

    def fail_rollback(_dialect: Any, connection: Any) -> None:
        raise type(error)("cannot rollback - no transaction is active")

    with store.read():
        pass  # a first connection, which is rolled back once
    with monkeypatch.context() as patch:
        patch.setattr(type(store.main.dialect), "do_commit", fail)
        if rollback_fails:
            patch.setattr(type(store.main.dialect), "do_rollback", fail_rollback)
        with pytest.raises(Temporary) as caught, store.write() as connection:
            connection.execute(INSERT)
    assert type(caught.value) is kind
    assert "canary" not in str(caught.value)
    with store.write() as connection:
        assert connection.execute(select(Lease.c.name)).all() == []
        connection.execute(INSERT)


@pytest.mark.threat(87)
def test_a_transaction_that_sqlite_has_undone_by_itself_is_never_taken_for_written(store: Store) -> None:
    with pytest.raises(Temporary, match="undone"), store.write() as connection:
        connection.execute(INSERT)
        connection.connection.rollback()  # as on a full disk, with the error swallowed on the way
    with store.read() as connection:
        assert connection.execute(select(Lease.c.name)).all() == []


@pytest.fixture
def fake() -> Any:
    with FakeRelay() as relay:
        yield relay


@pytest.mark.threat(88)
def test_a_worker_whose_disk_does_not_keep_what_it_is_given_ends_with_1_and_the_next_one_goes_on(
    tmp_path: Path, fake: FakeRelay
) -> None:
    if shutil.which("strace") is None:
        pytest.skip("NOT TESTED: no strace to make fsync fail; install it, `.ci/run` allows no skip")
    bench = Bench(tmp_path / "site", fake.url())
    bench.configure(fake.url(), connections=1)  # so that each of its three threads writes often enough
    bench.open_tickets(60)
    strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"]
    failing = ["-e", "inject=fsync,fdatasync:error=EIO:when=4+"]  # counted in each thread
    command = [sys.executable, "-m", "gateway", "worker", "--config", str(bench.file)]
    done = subprocess.run([*strace, *failing, *command], capture_output=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr.decode()
    assert done.stderr.decode().endswith("postern: the disk did not keep what was written (try again)\n")
    assert set(bench.states()) <= {"accepted", "claimed", "due"}
    assert bench.states().count("accepted") < 60
    with bench.worker():
        bench.settled()
    found = copies(fake)
    assert len(found) == 60
    assert all(len(contents) == 1 for contents in found.values())
    assert len(fake.mails) <= 63  # twice only what the threads had in hand
