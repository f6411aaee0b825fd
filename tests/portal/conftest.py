"""One house to look at, shared; and houses of one's own for tests that change something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store import passwords
from tests.portal.house import CHEAP, HASHER, House, build, copy


@pytest.fixture
def full_price() -> None:
    """Makes a test hash passwords as users' are hashed, a tenth of a second of CPU each."""


@pytest.fixture(autouse=True)
def _cheap_passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same kind of hash for next to nothing, in every test that does not ask for `full_price`."""
    if "full_price" not in request.fixturenames:
        monkeypatch.setattr(passwords, "_hasher", lambda: HASHER)
        monkeypatch.setattr(passwords, "_dummy", lambda: CHEAP)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that no test changes."""
    made = build(tmp_path_factory.mktemp("house"))
    yield made
    made.store.close()


@pytest.fixture
def own_house(house: House, tmp_path: Path) -> Iterator[House]:
    """A house to change."""
    made = copy(house, tmp_path)
    yield made
    made.store.close()
