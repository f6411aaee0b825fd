"""One house to look at, shared; and houses of one's own for tests that change something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portal.house import House, build, copy


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
