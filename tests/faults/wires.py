"""Makes the n-th call of a kind fail, where the product meets the operating system, the database, the relay and the broker."""

from __future__ import annotations

import errno
import os
import smtplib
import sqlite3
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import psycopg
import pytest
from sqlalchemy import Engine

from workers.broker import Lane

LASTS = 0.15  # seconds from its first strike until a lasting fault is lifted


class Fault:
    """Strikes at the `number`-th call (from 1), and at all later ones for a while when it is `lasting`.

    Calls of the thread that made it, the test's own, are neither counted nor struck.
    """

    def __init__(self, kind: str, number: int, lasting: bool) -> None:
        self.kind, self.number, self.lasting = kind, number, lasting
        self.places: list[str] = []  # the functions above the first call struck
        self.hit: set[str] = set()  # those above any
        self._calls = 0
        self._first: float | None = None
        self._mine = threading.get_ident()
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return f"{self.kind} {self.number} {'lasting' if self.lasting else 'once'}, at {' > '.join(self.places[-9:])}"

    @property
    def met(self) -> bool:
        return self._first is not None

    @property
    def lifted(self) -> bool:
        """True when it strikes no more."""
        return self._first is not None and (not self.lasting or time.monotonic() - self._first > LASTS)

    def strikes(self) -> bool:
        """Counts a call; True when it must fail."""
        if threading.get_ident() == self._mine:
            return False
        with self._lock:
            if self._first is None:
                self._calls += 1
                if self._calls < self.number:
                    return False
                self._first = time.monotonic()
                self.places = _functions()
            elif self.lifted:
                return False
            self.hit.update(_functions())
            return True


def _functions() -> list[str]:
    return [frame.name for frame in traceback.extract_stack()]


class Wires:
    """All that can fail. One fault at a time."""

    def __init__(self, patch: pytest.MonkeyPatch, engine: Engine, blobs: str) -> None:
        self.fault: Fault | None = None
        self._blobs = blobs
        self._patch_files(patch)
        self._patch_database(patch, engine)
        self._patch_relay(patch)
        hint = Lane.hint

        def failing_hint(lane: Lane, outbox_id: int) -> None:
            if self._strikes("hint"):
                raise ConnectionError("broker gone")
            hint(lane, outbox_id)

        patch.setattr(Lane, "hint", failing_hint)

    @contextmanager
    def failing(self, kind: str, number: int, lasting: bool) -> Iterator[Fault]:
        self.fault = Fault(kind, number, lasting)
        try:
            yield self.fault
        finally:
            self.fault = None

    def _strikes(self, *kinds: str) -> str | None:
        """The kind of the fault, when it is one of these and strikes."""
        fault = self.fault
        return fault.kind if fault is not None and fault.kind in kinds and fault.strikes() else None

    def _patch_files(self, patch: pytest.MonkeyPatch) -> None:
        fsync, fdopen = os.fsync, os.fdopen

        def failing_fsync(descriptor: int) -> None:
            if self._strikes("fsync"):
                raise OSError(errno.EIO, "Input/output error")
            fsync(descriptor)

        def failing_fdopen(descriptor: int, *mode: Any, **options: Any) -> Any:
            file = fdopen(descriptor, *mode, **options)
            ours = os.readlink(f"/proc/self/fd/{descriptor}").startswith(self._blobs)
            return _Narrow(file, lambda: self._strikes("write") is not None) if ours else file

        patch.setattr(os, "fsync", failing_fsync)
        patch.setattr(os, "fdopen", failing_fdopen)

    def _patch_database(self, patch: pytest.MonkeyPatch, engine: Engine) -> None:
        dialect: Any = type(engine.dialect)
        errors = _Sqlite if dialect.name == "sqlite" else _Postgresql
        commit = dialect.do_commit

        def wrap(name: str) -> None:
            real = getattr(dialect, name)

            def failing(self_: Any, cursor: Any, *arguments: Any, **options: Any) -> Any:
                if kind := self._strikes("execute locked", "execute full", "execute away"):
                    errors.fail(kind, cursor.connection)
                return real(self_, cursor, *arguments, **options)

            patch.setattr(dialect, name, failing)

        def failing_commit(self_: Any, connection: Any) -> None:
            kind = self._strikes("commit full", "commit unsynced", "commit unknown")
            driver = getattr(connection, "driver_connection", connection)
            if kind == "commit unknown":
                commit(self_, connection)
            if kind:
                errors.fail(kind, driver)
            commit(self_, connection)

        for name in ("do_execute", "do_executemany", "do_execute_no_params"):
            wrap(name)
        patch.setattr(dialect, "do_commit", failing_commit)

    def _patch_relay(self, patch: pytest.MonkeyPatch) -> None:
        send = smtplib.SMTP.send

        def failing_send(session: smtplib.SMTP, what: Any) -> None:
            kind = self._strikes("send nothing", "send all")
            if kind != "send nothing":
                send(session, what)
            if kind:
                raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

        patch.setattr(smtplib.SMTP, "send", failing_send)


class _Narrow:
    """A file whose disk fills up in the middle of a write."""

    def __init__(self, file: IO[bytes], full: Callable[[], bool]) -> None:
        self._file, self._full = file, full

    def write(self, content: bytes) -> int:
        if self._full():
            self._file.write(content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(content)

    def __enter__(self) -> _Narrow:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _Sqlite:
    NAMES = {  # noqa: RUF012
        "execute locked": "SQLITE_BUSY",
        "execute full": "SQLITE_FULL",
        "execute away": "SQLITE_IOERR_READ",
        "commit full": "SQLITE_FULL",
        "commit unsynced": "SQLITE_IOERR_FSYNC",
        "commit unknown": "SQLITE_IOERR_WRITE",
    }

    @classmethod
    def fail(cls, kind: str, connection: sqlite3.Connection) -> None:
        """As SQLite fails: when the disk is full or fails it has undone the transaction by itself."""
        if kind != "execute locked" and connection.in_transaction:
            connection.rollback()
        error = sqlite3.OperationalError(f"canary {kind}")
        error.sqlite_errorname = cls.NAMES[kind]
        raise error


class _Postgresql:
    @classmethod
    def fail(cls, kind: str, connection: psycopg.Connection) -> None:
        """As the driver tells it; a server that is away takes the connection along."""
        if kind == "execute locked":
            raise psycopg.errors.LockNotAvailable("canary")
        if kind.endswith("full"):
            connection.rollback()
            raise psycopg.errors.DiskFull("canary")
        connection.close()
        raise psycopg.OperationalError("canary: server closed the connection unexpectedly")
