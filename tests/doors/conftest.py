"""A real installation in a folder: two desks, SQLite with durable settings, and doors on a free port."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from store.config import Config, load
from store.database import Store, open_store
from store.journal_schema import JOURNAL
from store.settings import LmtpSection, SmtpSection

HOSTING = """
name = "hosting"
key = "HO"
title = "Hosting"
files.max_size = 2000000
[[mailboxes]]
address = "support@desk.test"
[[mailboxes]]
address = "billing@desk.test"
department = "Billing"
"""
MOVING = """
name = "moving"
key = "MV"
title = "Moving"
files.max_size = 2000000
[[mailboxes]]
address = "support@moving.test"
"""

Configure = Callable[..., Config]


def write_config(folder: Path, **smtp: object) -> Config:
    """An installation whose `[smtp]` table has these values."""
    folder.joinpath("desks").mkdir(parents=True, exist_ok=True)
    folder.joinpath("desks/hosting.toml").write_text(HOSTING)
    folder.joinpath("desks/moving.toml").write_text(MOVING)
    values = {"listen": "127.0.0.1:0", "max_size": 3_000_000} | smtp
    lines = [f"{key} = {value!r}".replace("'", '"') for key, value in values.items()]
    folder.joinpath("postern.toml").write_text("\n".join(["[smtp]", *lines, ""]))
    return load(folder / "postern.toml")


def opened_as(config: Config, **sections: dict[str, object]) -> Config:
    """The same installation with other values in its `smtp` and `lmtp` tables; the SMTP door on a free port."""
    smtp = SmtpSection(**({"listen": "127.0.0.1:0"} | sections.get("smtp", {})))
    lmtp = LmtpSection(**sections.get("lmtp", {}))
    return Config(config.settings.model_copy(update={"smtp": smtp, "lmtp": lmtp}), config.folder, config.file)


def make_store(config: Config) -> Store:
    """The store with the journal's tables."""
    store = open_store(config)
    SQLModel.metadata.create_all(store.journal, tables=list(JOURNAL))
    return store


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Config, Store]]:
    """One installation for the tests that do not mind each other's mails."""
    config = write_config(tmp_path_factory.mktemp("house"))
    store = make_store(config)
    yield config, store
    store.close()


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Makes an installation of the test's own."""
    return lambda **smtp: write_config(tmp_path, **smtp)


@pytest.fixture
def store_of(request: pytest.FixtureRequest) -> Callable[[Config], Store]:
    """Opens a store and closes it after the test."""

    def opened(config: Config) -> Store:
        store = make_store(config)
        request.addfinalizer(store.close)
        return store

    return opened


@pytest.fixture
def unused_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
