"""Stores that are opened for a test in this process, by the product's own code, and cost it little."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, event

from store.config import Config
from store.database import Store, open_store
from store.migrate import migrate
from store.settings import PosternSection, Settings

_former: dict[str, Engine] = {}


@contextmanager
def opened(config: Config) -> Iterator[Store]:
    """The store of a configuration, see `open_lightly`."""
    store = open_lightly(config)
    yield store
    store.close()


def open_lightly(config: Config) -> Store:
    """What `open_store` and on SQLite `migrate` give, without what takes most of a small test's time.

    A commit does not wait for the disk: only who pulls the plug would notice, and `tests/doors/test_durable.py` looks
    at stores as users have them. SQL that was compiled for an earlier test is not compiled again.
    """
    if config.settings.store.database == "sqlite":
        put_tables(config)
    store = open_store(config)
    for engine in {store.main, store.journal}:
        name = engine.dialect.name
        event.listen(engine, "connect", _forgetful_sqlite if name == "sqlite" else _forgetful_postgresql)
        if name in _former:
            lend_statements(_former[name], engine)
        else:
            engine.connect().close()  # only now its dialect knows the server
            _former[name] = engine
    return store


def lend_statements(former: Engine, engine: Engine) -> None:
    """Lets an engine use what another one of the same kind has compiled."""
    engine.dialect, engine._compiled_cache = former.dialect, former._compiled_cache


def put_tables(config: Config) -> None:
    """The two SQLite files as the migrations make them, unless they are there."""
    config.prepare()
    for name, content in _migrated().items():
        file = config.data / name
        if not file.exists():
            file.touch(0o600)
            file.write_bytes(content)


@cache
def _migrated() -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        config = Config(Settings(postern=PosternSection(data=Path("var"))), Path(folder))
        store = open_store(config)
        migrate(config, store)
        store.close()
        return {file.name: file.read_bytes() for file in config.data.glob("*.db")}


def _forgetful_sqlite(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def _forgetful_postgresql(connection: Any, _record: Any) -> None:
    connection.execute("SET synchronous_commit = off")
    connection.commit()
