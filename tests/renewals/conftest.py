"""The fleet of tests/assets, on each of the two databases or on SQLite alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.config import Config
from store.database import Store
from tests.assets.house import FLEET
from tests.conftest import installation
from tests.harness import Gateway
from tests.renewals.house import House
from tests.stores import opened


@pytest.fixture
def any_fleet(any_config: Config, any_store: Store) -> House:
    """On each of the two databases."""
    gateway = Gateway(any_config, any_store)
    gateway.load(**FLEET)
    return House(gateway)


@pytest.fixture
def fleet(tmp_path: Path):  # type: ignore[no-untyped-def]
    """On SQLite."""
    config = installation(tmp_path, ("devices",))
    with opened(config) as store:
        gateway = Gateway(config, store)
        gateway.load(**FLEET)
        yield House(gateway)
