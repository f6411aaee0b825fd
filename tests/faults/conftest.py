"""A gateway in this process, on each of the two databases, with one member of staff."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from store import loading
from store.clock import now
from store.config import Config
from store.load_form import Loaded
from store.settings import PosternSection, QueueSection, RelaySection, Settings, SmtpSection, StoreSection
from tests.conftest import installation
from tests.fakes import FakeRelay
from tests.faults.house import House, swift
from tests.harness import tell_at_once
from tests.stores import opened


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Log lines are kept, not written."""
    logging.getLogger("postern").setLevel(logging.CRITICAL)
    with capture_logs():
        yield
    logging.getLogger("postern").setLevel(logging.NOTSET)


def make_config(folder: Path, fake: FakeRelay, database: str) -> Config:
    """An installation of the hosting desk that mails by the fake relay."""
    plain = installation(folder, ("hosting",))
    tell_at_once(folder)
    settings = Settings(
        postern=PosternSection(data=Path("var")),
        store=StoreSection(database=database),
        relay=RelaySection(url=fake.url("?tls=off")),
        queue=QueueSection(broker="redis://inside"),
        smtp=SmtpSection(listen="127.0.0.1:0"),
    )
    config = Config(settings, plain.folder, plain.file)
    agents = [{"email": "gina@desk.test", "name": "Gina", "desk": "hosting"}]
    with opened(config) as store:
        loading.load(store, config, Loaded(agents=agents), folder / "people.json", now())
    return config


@pytest.fixture
def fake() -> Iterator[FakeRelay]:
    with FakeRelay() as relay:
        yield relay


@pytest.fixture
def house(tmp_path: Path, fake: FakeRelay, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    swift(monkeypatch)
    with House(make_config(tmp_path, fake, database), fake).running() as running:
        yield running
