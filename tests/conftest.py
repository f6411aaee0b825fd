"""What every test may use: an installation on either database, and the record of proven requirement rows."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing import forkserver
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Engine, create_engine, text

from store.config import Config
from store.database import Store
from store.journal_schema import JOURNAL
from store.migrate import HEADS, migrate
from store.schema import MAIN
from store.settings import PosternSection, Settings, StoreSection
from tests import proofs
from tests.harness import PEOPLE, Gateway
from tests.postgres import Cluster
from tests.stores import opened

hypothesis_settings.register_profile("untimed", deadline=None)  # a slow machine is no fault
hypothesis_settings.load_profile("untimed")

DESKS = ("equipment", "infrastructure", "devices", "moving", "hosting")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test is a failure (the full check)")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    report.user_properties.extend(
        (kind, mark.args[0])
        for kind in proofs.MARKS
        for mark in item.iter_markers(kind)
        if report.when == "call" or report.skipped
    )
    if report.skipped and item.config.getoption("--no-skips") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(proofs.Record(config), "postern-proofs")


@pytest.fixture(scope="session", autouse=True)
def _forkserver() -> None:
    """One server forks the children of all tests, with all in it that any of them needs: a child that imports takes a second."""
    multiprocessing.set_forkserver_preload(["gateway.portal.judging", "tests.filer.readers", "tests.workers.bench"])
    forkserver.ensure_running()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL to make databases in: $POSTERN_TEST_POSTGRES, else a cluster of our own."""
    if url := os.environ.get("POSTERN_TEST_POSTGRES"):
        yield url
        return
    with Cluster(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(scope="session")
def migrated(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL database as the migrations make it, to be copied by tests."""
    with _database(postgres) as url:
        made = installation(tmp_path_factory.mktemp("migrated"), ("hosting",), database=url)
        with opened(made) as store:
            migrate(made, store)
        yield url


@pytest.fixture(scope="session")
def shared(postgres: str, migrated: str) -> Iterator[str]:
    """A PostgreSQL database that tests take turns in: a new one for each costs a second."""
    with _database(postgres, migrated) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The `[store] database` of a fresh installation, on each of the two databases."""
    if request.param == "sqlite":
        yield "sqlite"
    else:
        url = request.getfixturevalue("shared")
        _empty(url)
        yield url


def _empty(url: str) -> None:
    """Ends whoever is still connected, and leaves the tables as the migrations make them."""
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    rows = (f'DELETE FROM "{table.name}"' for table in reversed([*JOURNAL, *MAIN]))
    heads = (f"UPDATE alembic_version_{ledger} SET version_num = '{head}'" for ledger, head in HEADS.items())
    sequences = "SELECT setval(seqrelid, 1, false) FROM pg_sequence"
    uncycled = ("UPDATE person SET same_as = NULL", "UPDATE ticket SET merged_into = NULL")
    with _cleaner(url).connect() as connection:
        connection.exec_driver_sql(others)
        connection.exec_driver_sql("; ".join(["BEGIN", *uncycled, *rows, *heads, sequences, "COMMIT"]))


@cache
def _cleaner(url: str) -> Engine:
    """Stays connected until the database is dropped: connecting anew for each test takes longer than cleaning."""
    return create_engine(url, isolation_level="AUTOCOMMIT")


@contextmanager
def _database(server: str, copy_of: str = "") -> Iterator[str]:
    base = server.rpartition("/")[0]
    name = f"postern_{os.getpid()}_{os.urandom(4).hex()}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        template = f" TEMPLATE {copy_of.rpartition('/')[2]}" if copy_of else ""
        connection.execute(text(f"CREATE DATABASE {name}{template}"))
    yield f"{base}/{name}"
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def installation(folder: Path, desks: tuple[str, ...], domain: str = "desk.test", database: str = "sqlite") -> Config:
    """A configuration in a folder with desks that ship; one desk has its mailboxes at the domain itself."""
    from gateway.cli.setup import write_configuration

    write_configuration(folder, desks, domain)
    settings = Settings(postern=PosternSection(data=Path("var")), store=StoreSection(database=database))
    return Config(settings, folder, folder / "postern.toml")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """An installation of the hosting desk at desk.test on SQLite."""
    return installation(tmp_path, ("hosting",))


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    """The store of `config`."""
    with opened(config) as made:
        yield made


@pytest.fixture
def any_config(tmp_path: Path, database: str) -> Config:
    """An installation of all five desks, on each of the two databases."""
    return installation(tmp_path, DESKS, database=database)


@pytest.fixture
def any_store(any_config: Config) -> Iterator[Store]:
    """The store of `any_config`."""
    with opened(any_config) as made:
        yield made


@pytest.fixture
def any_gateway(any_config: Config, any_store: Store) -> Gateway:
    """All five desks on each of the two databases, with a few people at the hosting desk."""
    made = Gateway(any_config, any_store)
    made.load(**PEOPLE)
    return made


@pytest.fixture
def gateway(config: Config, store: Store) -> Gateway:
    """A hosting desk on SQLite with a few people."""
    made = Gateway(config, store)
    made.load(**PEOPLE)
    return made
