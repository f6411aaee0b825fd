"""The devices desk with its fleet: on SQLite for most tests, on both databases for those whose statements differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.assets.house import FLEET
from tests.conftest import installation
from tests.harness import Gateway
from tests.stores import opened


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Gateway]:
    """On SQLite."""
    config = installation(tmp_path, ("devices", "hosting"))
    with opened(config) as store:
        made = Gateway(config, store)
        made.load(**FLEET)
        yield made


@pytest.fixture
def any_fleet(any_gateway: Gateway) -> Gateway:
    """On each of the two databases."""
    any_gateway.load(**FLEET)
    return any_gateway
