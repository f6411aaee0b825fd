"""Five desks that are what their files say, with somebody on call, and the mails that really go out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.config import Config
from store.settings import AuthSection
from tests.conftest import DESKS, installation
from tests.harness import Gateway
from tests.routing.post import Post
from tests.stores import opened

MX = "mx.desk.test"  # whose Authentication-Results are believed
PEOPLE = {
    "organizations": [
        {"key": "bakery", "desk": "equipment", "name": "Bakery"},
        {"key": "acme", "desk": "infrastructure", "name": "Acme"},
        {"key": "shop", "desk": "hosting", "name": "Shop"},
    ],
    "people": [
        {"email": "tom@cust.test", "name": "Tom", "organization": "bakery"},
        {"email": "dan@acme.test", "name": "Dan", "organization": "acme"},
        {"email": "boss@acme.test", "name": "Boss", "organization": "acme", "role": "admin"},
        {"email": "anna@cust.test", "name": "Anna", "organization": "shop"},
        {"email": "ruth@cust.test", "name": "Ruth", "organization": "shop", "status": "inactive"},
    ],
    "agents": [
        {"email": "ines@crew.test", "name": "Ines", "desk": "equipment"},
        {"email": "noah@crew.test", "name": "Noah", "desk": "infrastructure"},
        {"email": "vera@crew.test", "name": "Vera", "desk": "hosting"},
        {"email": "luca@crew.test", "name": "Luca", "desk": "hosting", "departments": ["Billing"]},
    ],
}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """All five desks on SQLite; mail to safety@equipment.desk.test calls oncall@phone.test, who is no agent."""
    made = installation(tmp_path, DESKS)
    desk = tmp_path / "desks" / "equipment.toml"
    text = desk.read_text(encoding="utf-8")
    assert text.count("alerts = []") == 1
    desk.write_text(text.replace("alerts = []", 'alerts = ["oncall@phone.test"]'), encoding="utf-8")
    settings = made.settings.model_copy(update={"auth": AuthSection(trusted_host=MX)})
    config = Config(settings, tmp_path, tmp_path / "postern.toml")
    with opened(config) as store:
        house = Gateway(config, store)
        house.load(**PEOPLE)
        yield house


@pytest.fixture
def post(gateway: Gateway) -> Post:
    """What the gateway mails, composed as its worker composes it."""
    return Post(gateway)
