"""The blob store: whole files or none, and the sweep of those that belong to nothing."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from store import journal
from store.blobs import Blobs
from store.clock import now
from store.database import Store
from store.errors import DiskFailed, NoRoom
from store.journal import BLOB_ABOVE, Incoming
from store.sweeping import AGE, sweep_blobs
from tests.harness import Gateway, mail

LONG_AGO = time.time() - AGE.total_seconds() - 60


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    (tmp_path / "blobs").mkdir()
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What kind of thing each fsync was for."""
    kinds: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        kinds.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    yield kinds


def files(blobs: Blobs) -> list[str]:
    return sorted(path.name for path in blobs.folder.rglob("*") if path.is_file() and path.name != ".lock")


def age(path: Path) -> None:
    os.utime(path, (LONG_AGO, LONG_AGO))


# --- put


def test_bytes_put_again_are_young_again_and_not_written_again(blobs: Blobs, synced: list[str]) -> None:
    digest = blobs.put(b"hello")
    assert synced == ["folder", "file", "folder"]
    inode = blobs.path(digest).stat().st_ino
    synced.clear()
    assert blobs.put(b"hello") == digest
    assert synced == ["folder"]  # the first writer may have died before it had
    age(blobs.path(digest))
    assert blobs.put(b"hello") == digest
    assert blobs.path(digest).stat().st_mtime > time.time() - 60
    assert blobs.path(digest).stat().st_ino == inode
    assert synced == ["folder"]


@pytest.mark.threat(54)
@pytest.mark.parametrize("left", [b"", b"hel", b"hello, and what was here before"])
def test_a_file_that_a_crash_cut_short_is_replaced(blobs: Blobs, left: bytes) -> None:
    digest = blobs.put(b"hello")
    blobs.path(digest).write_bytes(left)
    blobs.put(b"hello")
    assert blobs.get(digest) == b"hello"
    assert files(blobs) == [digest]


@pytest.mark.threat(87)
@pytest.mark.threat(88)
@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, NoRoom), (errno.EDQUOT, NoRoom), (errno.EIO, DiskFailed), (errno.EROFS, OSError)]
)  # fmt: skip
def test_a_put_that_fails_leaves_no_half_file_and_says_whose_fault_it_was(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[Exception]
) -> None:
    """The first, second ... call to the disk fails, until a put gets through."""
    real, content = os.fsync, b"hello" * 1000
    digest = sha256(content).hexdigest()
    for broken in range(1, 10):
        calls = 0

        def fsync(descriptor: int, broken: int = broken) -> None:
            nonlocal calls
            calls += 1
            if calls == broken:
                raise OSError(number, os.strerror(number))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        try:
            blobs.put(content)
        except expected:
            assert files(blobs) in ([], [digest])
            if files(blobs):
                assert blobs.get(digest) == content
            shutil.rmtree(blobs.path(digest).parent)
        else:
            break
    assert broken == 4  # the shelf's name, the file, the file's name
    monkeypatch.undo()
    blobs.put(content)
    assert blobs.get(digest) == content


# --- the sweep


def incoming(raw: bytes) -> Incoming:
    return Incoming("smtp", now(), "a@b.test", (("hosting", ("support@hosting.desk.test",)),), raw)


@pytest.mark.threat(54)
def test_what_belongs_to_nothing_goes_after_an_hour_and_all_else_stays(any_gateway: Gateway) -> None:
    store, blobs = any_gateway.store, any_gateway.store.blobs
    letter = mail("see below")
    letter.add_attachment(b"%PDF-1.4 attached %%EOF", maintype="application", subtype="pdf", filename="a.pdf")
    any_gateway.receive(letter, "support@hosting.desk.test")
    large = b"From: a@b.test\r\n\r\n" + b"x" * BLOB_ABOVE
    journal.append(store, [incoming(large)])
    kept = {sha256(b"%PDF-1.4 attached %%EOF").hexdigest(), sha256(large).hexdigest()}
    assert set(files(blobs)) == kept
    young, orphan = blobs.put(b"about to be referred to"), blobs.put(b"belongs to nothing")
    for digest in {*kept, orphan}:
        age(blobs.path(digest))
    shelf = blobs.path(orphan).parent
    for name in (".new-old", ".new-young", "something-else"):
        (shelf / name).write_bytes(b"half")
    age(shelf / ".new-old")
    age(shelf / "something-else")
    assert sum(sweep_blobs(store, now())) == 2
    assert set(files(blobs)) == {*kept, young, ".new-young", "something-else"}
    assert sum(sweep_blobs(store, now() + timedelta(hours=2))) == 2
    assert set(files(blobs)) == {*kept, "something-else"}


@pytest.mark.threat(54)
def test_bytes_put_between_the_look_and_the_removal_stay(blobs: Blobs) -> None:
    digest = blobs.put(b"hello")
    age(blobs.path(digest))
    before = time.time() - AGE.total_seconds()
    assert blobs.old(blobs.path(digest).parent, before) == ([digest], [])
    blobs.put(b"hello")
    assert not blobs.discard(digest, before)
    assert blobs.get(digest) == b"hello"


@pytest.mark.threat(54)
def test_a_put_and_a_removal_at_the_same_moment_leave_the_bytes(blobs: Blobs) -> None:
    """Whatever the sweep does at the same time, after a put the bytes are there."""
    digest, before, stop = blobs.put(b"hello"), time.time() - AGE.total_seconds(), threading.Event()
    removed = lost = 0

    def discard() -> None:
        nonlocal removed
        while not stop.is_set():
            removed += blobs.discard(digest, before)

    sweeper = threading.Thread(target=discard)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    sweeper.start()
    until = time.monotonic() + 1.5
    try:
        while time.monotonic() < until and not lost:
            if blobs.path(digest).exists():
                age(blobs.path(digest))
            blobs.put(b"hello")
            lost += not blobs.path(digest).exists()
    finally:
        stop.set()
        sweeper.join()
        sys.setswitchinterval(interval)
    assert removed, "the two never met"
    assert not lost


def test_two_sweeps_at_once_do_no_harm(store: Store) -> None:
    journal.append(store, [incoming(b"x")])
    for number in range(60):
        age(store.blobs.path(store.blobs.put(b"%d" % number)))
    removed: list[int] = []
    sweeps = [threading.Thread(target=lambda: removed.extend(sweep_blobs(store, now()))) for _ in range(2)]
    for sweep in sweeps:
        sweep.start()
    for sweep in sweeps:
        sweep.join()
    assert sum(removed) == 60
    assert files(store.blobs) == []


def test_beside_a_database_that_knows_nothing_at_all_nothing_is_removed(store: Store) -> None:
    """A restore brings back one before the other, and a setting may name the wrong database."""
    digest = store.blobs.put(b"somebody's")
    age(store.blobs.path(digest))
    assert list(sweep_blobs(store, now())) == []
    assert files(store.blobs) == [digest]
