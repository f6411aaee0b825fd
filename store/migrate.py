"""Brings the databases to this version: one line of revisions for the journal, one for the rest."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Engine, inspect, text

from store.config import Config
from store.database import Store
from store.errors import ConfigError

Ledger = Literal["main", "journal"]
HEADS: dict[Ledger, str] = {"main": "m0012", "journal": "j0002"}
_FOLDER = Path(__file__).parent / "migrations"


def migrate(config: Config, store: Store) -> list[str]:
    """Runs what is missing; the revisions now in force. Two at once wait for each other. Raises ConfigError for a newer database."""
    with (config.data / "migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for ledger, engine in _engines(store):
            if version(engine, ledger) != HEADS[ledger]:
                _refuse_newer(engine, ledger)
                _upgrade(engine, ledger)
    return [f"{ledger} {HEADS[ledger]}" for ledger in HEADS]


def ensure_version(config: Config, store: Store) -> None:
    """Migrates SQLite by itself; on PostgreSQL raises ConfigError that asks for `postern migrate`."""
    if all(version(engine, ledger) == HEADS[ledger] for ledger, engine in _engines(store)):
        return
    if not store.sqlite:
        raise ConfigError(f"{config.file}: store.database: its tables are of another version; run `postern migrate`")
    migrate(config, store)


def version(engine: Engine, ledger: Ledger) -> str | None:
    """The revision a database is at, None when it is empty."""
    table = f"alembic_version_{ledger}"
    with engine.connect() as connection:
        if not inspect(connection).has_table(table):
            return None
        return connection.execute(text(f"SELECT version_num FROM {table}")).scalar()


def _engines(store: Store) -> tuple[tuple[Ledger, Engine], ...]:
    return (("main", store.main), ("journal", store.journal))


def _refuse_newer(engine: Engine, ledger: Ledger) -> None:
    found = version(engine, ledger)
    if found is not None and not list((_FOLDER / ledger).glob(f"{found}_*.py")):
        raise ConfigError(
            f"the {ledger} database is of a newer version ({found}) than this program; upgrade the program"
        )


def _upgrade(engine: Engine, ledger: Ledger) -> None:
    from alembic import command

    with engine.connect().execution_options(postern_write=True) as connection:
        config = alembic_config(ledger, connection)
        command.upgrade(config, "head")
        connection.commit()


def alembic_config(ledger: Ledger, connection: Any) -> Any:
    """Alembic's configuration of one ledger on a connection."""
    from alembic.config import Config as AlembicConfig

    config = AlembicConfig()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("version_locations", str(_FOLDER / ledger))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, ledger=ledger)
    return config
