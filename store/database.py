"""Engines and transactions: SQLite as two files, PostgreSQL as one database, the same tables in both."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, RootTransaction, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from store.blobs import Blobs
from store.config import Config
from store.errors import ConfigError, DiskFailed, NoRoom, Temporary

BUSY = 10.0  # seconds a writer waits for another one before it gives up (threats 86)
_JOURNAL_LOCK = 0x706F7374  # advisory lock key; taken by every journal commit on PostgreSQL


class Store:
    """The databases and the blobs of one installation. Every process opens its own."""

    def __init__(self, main: Engine, journal: Engine, blobs: Blobs) -> None:
        self.main = main
        self.journal = journal
        self.blobs = blobs

    @property
    def sqlite(self) -> bool:
        return self.main.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction on the main file; commits on leaving.

        Raises Temporary when it is locked for longer than `BUSY` or the database is away, NoRoom when the disk is
        full, DiskFailed when the disk did not keep what was written (threats 86 to 88). Nothing is written then.
        """
        with _begin(self.main, write=True) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction on the main file: one consistent view."""
        with _begin(self.main, write=False) as connection:
            yield connection

    @contextmanager
    def write_journal(self) -> Iterator[Connection]:
        """A write transaction on the journal. Ids become visible in the order they were given (see `Journal`)."""
        with _begin(self.journal, write=True) as connection:
            if not self.sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _JOURNAL_LOCK})
            yield connection

    @contextmanager
    def read_journal(self) -> Iterator[Connection]:
        """A read transaction on the journal."""
        with _begin(self.journal, write=False) as connection:
            yield connection

    def close(self) -> None:
        self.main.dispose()
        self.journal.dispose()


def open_store(config: Config) -> Store:
    """The store of a configuration, without looking at its version (see `migrate`). Raises ConfigError."""
    config.prepare()
    blobs = _open_blobs(config)
    url = config.settings.store.database
    if url == "sqlite":
        return Store(_sqlite(config.data / "postern.db"), _sqlite(config.data / "journal.db"), blobs)
    if not url.startswith(("postgresql+psycopg://", "postgresql://")):
        raise ConfigError(f"{config.file}: store.database: expected `sqlite` or postgresql+psycopg://…, got {url!r}")
    url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = _postgresql(url)
    return Store(engine, engine, blobs)


def _open_blobs(config: Config) -> Blobs:
    url = config.settings.store.blobs
    if not url.startswith("file:"):
        raise ConfigError(f"{config.file}: store.blobs: expected `file:` or file:FOLDER, got {url!r}")
    folder = config.folder / url.removeprefix("file:") if url != "file:" else config.data / "blobs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Blobs(folder)


def _sqlite(path: Path) -> Engine:
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))  # SQLite gives -wal and -shm the mode of the file
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, always with the lock we need (threats 86)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=OFF")

    @event.listens_for(engine, "begin")
    def _begin_sqlite(connection: Connection) -> None:
        write = connection.get_execution_options().get("postern_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgresql(url: str) -> Engine:
    engine = create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.execute(f"SET lock_timeout = {BUSY * 1000:.0f}")  # milliseconds; by itself it waits for ever
        # Neither the URL nor the role may make a commit less than durable (threats 7).
        connection.execute(
            "SELECT set_config(name, 'on', false) FROM pg_settings WHERE name = 'synchronous_commit' AND setting = 'off'"
        )
        connection.commit()

    return engine


@contextmanager
def _begin(engine: Engine, write: bool) -> Iterator[Connection]:
    try:
        with engine.connect().execution_options(postern_write=write) as connection:
            transaction = connection.begin()
            try:
                yield connection
                if write:
                    _refuse_undone(connection)
                transaction.commit()
            except BaseException as error:
                _undo(connection, transaction, error)
                raise
    except DBAPIError as error:
        if temporary := _temporary(error):
            raise temporary from error
        raise
    except PoolTimeout as error:
        raise Temporary("all connections to the database are in use") from error


def _refuse_undone(connection: Connection) -> None:
    """SQLite undoes a transaction by itself on some errors; a COMMIT behind it would say yes to nothing (threats 87)."""
    if connection.dialect.name == "sqlite" and not connection.connection.in_transaction:
        raise Temporary("the database had undone the transaction")


def _undo(connection: Connection, transaction: RootTransaction, error: BaseException) -> None:
    """Rolls back. What made that necessary is what the caller must hear of, not a ROLLBACK that fails behind it."""
    try:
        transaction.rollback()
        sound = not isinstance(error, DBAPIError) or _temporary(error) is None
    except DBAPIError:
        sound = False
    if not sound and not connection.invalidated:
        connection.invalidate()  # the next one gets a new connection


_NOT_KEPT = ("SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC")
_NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")  # the latter: no room for the index of the write-ahead log


def _temporary(error: DBAPIError) -> Temporary | None:
    """What the caller is to hear of an error that a later try may not meet; None for one that will stay.

    An I/O error of SQLite other than that of a sync has lost nothing that was committed, and may be a quota (EDQUOT).
    A PostgreSQL whose disk fails stops by itself and starts from its log, so a new start of ours is no help.
    """
    cause: Any = error.orig
    name = getattr(cause, "sqlite_errorname", "") or ""
    state = getattr(cause, "sqlstate", None) or ""
    if name in _NOT_KEPT:
        return DiskFailed("the disk did not keep what was written")
    if name in _NO_ROOM or state == "53100":
        return NoRoom("the disk is full")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")) or state == "55P03":
        return Temporary("the database is locked by another process")
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY")) or state.startswith("58"):
        return Temporary("the disk is full or failing")
    if state.startswith("53"):
        return Temporary("the database server is out of room")
    # Connection, rollback by the server, shut down by an operator (PostgreSQL, appendix A).
    if state.startswith(("08", "40", "57P")) or error.connection_invalidated:
        return Temporary("the database went away or was busy")
    if not name and not state and isinstance(error, OperationalError):
        return Temporary("the database cannot be reached")  # a connection that never came about has no code
    return None
