"""An installation whose relay is the remembering fake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from structlog.testing import capture_logs

from tests.fakes import FakeRelay
from tests.workers.bench import Bench


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Log lines are kept, not written; writing a traceback prettily takes longer than most tests."""
    with capture_logs():
        yield


@pytest.fixture
def fake() -> Iterator[FakeRelay]:
    with FakeRelay() as relay:
        yield relay


@pytest.fixture
def bench(tmp_path: Path, fake: FakeRelay) -> Bench:
    return Bench(tmp_path / "site", fake.url())


class _LossyBroker(StubBroker):
    """Says yes to every hint and forgets it."""

    def enqueue(self, message: Any, *, delay: int | None = None) -> Any:
        return message


@pytest.fixture
def lossy_broker(monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a broker that loses everything; the worker of this test gets it for that URL."""
    monkeypatch.setattr("workers.worker.open_broker", lambda config: _LossyBroker(middleware=[]))
    return "redis://lossy"
