"""Engines and transactions: SQLite as two files, PostgreSQL as one database, the same tables in both."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from store.blobs import Blobs
from store.config import Config
from store.errors import ConfigError, Temporary

BUSY = 10.0  # seconds a writer waits for another one before it gives up
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
        """A write transaction on the main file; commits on leaving. Raises Temporary when it is locked too long."""
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
    engine = create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
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


@contextmanager
def _begin(engine: Engine, write: bool) -> Iterator[Connection]:
    try:
        with engine.connect().execution_options(postern_write=write) as connection, connection.begin():
            yield connection
    except DBAPIError as error:
        if why := _temporary(error):
            raise Temporary(why) from error
        raise


def _temporary(error: DBAPIError) -> str | None:
    """Why a later try may succeed; None for an error that will stay."""
    cause: Any = error.orig
    name = getattr(cause, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "the database is locked by another process"
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY")):
        return "the disk is full or failing"
    state = getattr(cause, "sqlstate", None) or ""
    if state.startswith("53"):
        return "the database server is out of room"
    # Connection, rollback by the server, lock not available, shut down by an operator (PostgreSQL, appendix A).
    if state.startswith(("08", "40", "55P03", "57P")) or error.connection_invalidated:
        return "the database went away or was busy"
    if not name and not state and isinstance(error, OperationalError):
        return "the database cannot be reached"  # a connection that never came about has no code
    return None
