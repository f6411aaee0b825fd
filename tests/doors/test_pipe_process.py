"""`postern ingest` as a mail server runs it: 0 only when stored, 75 for every trouble of our own, never 1 (threats 19)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.pipe import ingest
from store import journal
from store.config import Config
from store.database import Store
from store.errors import DiskFailed, NoRoom, Temporary
from store.journal import rows_after
from tests.doors.tracing import ROOT, needs_strace, traced
from tests.doors.writers import be_impatient, locked

TEXT = b"From: a@b.test\nTo: support@desk.test\nSubject: x\n\nhello\n"
Began = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def piped(config: Config, store: Store) -> Began:
    """Starts `postern ingest` with these options of Popen."""

    def begin(*words: str, **options: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "gateway", "ingest", *words, "--config", str(config.file)]
        options = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen(command, cwd=ROOT, **options)

    return begin


def raws(store: Store) -> list[bytes]:
    return [row.raw for row in rows_after(store, 0, 9)]


@pytest.mark.threat(19)
def test_two_at_once_are_both_stored(piped: Began, store: Store) -> None:
    both = [piped() for _ in range(2)]
    contents = [TEXT, TEXT.replace(b"hello", b"again")]
    for process, content in zip(both, contents, strict=True):
        assert process.stdin
        process.stdin.write(content)
        process.stdin.close()
    assert [process.wait(30) for process in both] == [0, 0]
    assert sorted(raws(store)) == sorted(contents)


@pytest.mark.threat(19)
def test_a_locked_database_is_75_and_one_whose_holder_is_killed_is_waited_for(
    piped: Began, config: Config, store: Store
) -> None:
    with locked(config) as holder:
        process = piped()
        assert process.stdin
        process.stdin.write(TEXT)
        process.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        holder.kill()
        assert process.wait(30) == 0
    be_impatient(store, 0.2)
    with locked(config):
        assert ingest(config, store, TEXT, [], None) == 75
    assert ingest(config, store, TEXT, [], None) == 0
    assert raws(store) == [TEXT, TEXT]


@pytest.mark.threat(19)
@pytest.mark.parametrize("way", ["no stdin", "no stderr", "stderr that nobody reads", "no configuration"])
def test_whatever_the_mail_server_does_to_our_files_is_75_and_not_1(way: str, piped: Began, config: Config) -> None:
    options: dict[str, Any] = {}
    if way == "no stdin":
        options = {"stdin": None, "preexec_fn": lambda: os.close(0)}
    else:  # our trouble is that there is no such desk any more
        (config.folder / "desks/hosting.toml").write_text("name = 1")
    if way == "no configuration":
        (config.folder / "postern.toml").unlink()
    if way == "no stderr":
        options = {"stderr": None, "preexec_fn": lambda: os.close(2)}
    if way == "stderr that nobody reads":
        reader, writer = os.pipe()
        os.close(reader)
        options = {"stderr": writer}
    process = piped(**options)
    _, said = process.communicate(TEXT) if way != "no stdin" else process.communicate()
    assert process.returncode == 75, said


@pytest.mark.threat(19)
def test_a_sigpipe_left_as_it_was_by_the_mail_server_does_no_harm(piped: Began, store: Store) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = piped(
        stderr=writer, restore_signals=True, preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    )
    process.communicate(TEXT)
    assert process.returncode == 0 and raws(store) == [TEXT]


@pytest.mark.threat(19)
def test_a_process_that_is_killed_does_not_say_it_is_stored(piped: Began, store: Store) -> None:
    process = piped(env=os.environ | {"POSTERN_CRASH": "D4:1"})
    process.communicate(TEXT)
    assert process.returncode == -signal.SIGKILL and raws(store) == []


@pytest.mark.threat(4)
@pytest.mark.threat(19)
@pytest.mark.threat(87)
@pytest.mark.threat(88)
@pytest.mark.parametrize(
    "fault",
    [
        Temporary("locked"), NoRoom("full"), DiskFailed("fsync"), OSError(28, "No space left"), OSError(5, "I/O error"),
        MemoryError(), RecursionError(), TimeoutError(), ConnectionError(), KeyError("x"),
    ],
    ids=lambda fault: f"{type(fault).__name__}-{getattr(fault, 'errno', '')}",
)  # fmt: skip
def test_every_fault_of_ours_is_75(
    fault: Exception, config: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        monkeypatch.undo()
        raise fault

    monkeypatch.setattr(journal.crash, "point", failing)  # between the blobs and the transaction
    assert ingest(config, store, TEXT, [], None) == 75
    assert raws(store) == []
    assert ingest(config, store, TEXT, [], None) == 0


@needs_strace
@pytest.mark.threat(19)
@pytest.mark.threat(88)
def test_a_sync_that_fails_is_75(config: Config, store: Store, tmp_path: Path) -> None:
    failing = ("-P", str(config.data / "journal.db-wal"), "-e", "inject=fdatasync:error=EIO:when=2+")
    with traced(["ingest"], config.file or Path(), tmp_path / "strace", *failing) as process:
        process.communicate(TEXT)
    assert process.returncode == 75


def test_a_start_loads_no_more_than_it_needs(config: Config, store: Store) -> None:
    """A mail server starts it for every mail: the other tables alone would cost half as much again."""
    code = f"""
import sys
from gateway.cli import app
sys.stdin = open(0, closefd=False)
app(["ingest", "--config", {str(config.file)!r}], standalone_mode=False)
loaded = {{"store.schema", "store.tables.tickets", "alembic", "gateway.parse", "gateway.smtp", "aiosmtpd", "jinja2"}}
print(*loaded & sys.modules.keys(), end="")
"""
    done = subprocess.run([sys.executable, "-c", code], input=TEXT, cwd=ROOT, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert raws(store) == [TEXT]
