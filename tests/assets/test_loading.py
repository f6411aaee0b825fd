"""Assets by `postern load`: written once, changed by key, their history kept."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, select

from store.errors import BadInput
from store.schema import Asset, AssetEvent
from tests.assets.house import FLEET
from tests.harness import Gateway


def asset(connection: Connection, key: str) -> Any:
    return connection.execute(select(*Asset.c).where(Asset.c.key == key)).one()


def test_loading_twice_is_loading_once(any_gateway: Gateway) -> None:
    for _ in range(2):
        any_gateway.load(**FLEET)
    with any_gateway.store.read() as connection:
        assert len(connection.execute(select(Asset.c.id)).all()) == len(FLEET["assets"])
        assert len(connection.execute(select(AssetEvent.c.id)).all()) == len(FLEET["assets"])
        one = asset(connection, "dev-1")
    assert (one.plan, one.renewal_date, one.anchor_day, one.state) == ("yearly", date(2026, 3, 30), 30, "active")


def test_what_a_file_does_not_name_lives_on(any_gateway: Gateway) -> None:
    any_gateway.load(**FLEET)
    any_gateway.load(assets=[{"key": "dev-1", "organization": "fleet", "name": "Renamed"}])
    with any_gateway.store.read() as connection:
        one = asset(connection, "dev-1")
        assert (one.name, one.plan, one.renewal_date) == ("Renamed", "yearly", date(2026, 3, 30))
        assert one.group_id is not None
    any_gateway.load(assets=[{"key": "dev-1", "organization": "fleet", "state": "inactive"}])
    with any_gateway.store.read() as connection:
        events = connection.execute(select(AssetEvent.c.old, AssetEvent.c.new).order_by(AssetEvent.c.id)).all()
    assert events[-1] == ("active", "inactive")


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ({"key": "x", "organization": "nope"}, "assets[0].organization: there is no organization 'nope'"),
        (
            {"key": "x", "organization": "fleet", "group": "foreign"},
            "assets[0].group: the group 'foreign' is of another",
        ),
    ],
)
def test_a_bad_row_names_its_place(gateway: Gateway, row: dict[str, Any], place: str) -> None:
    fleet = {**FLEET, "agents": [], "organizations": [{**o, "desk": "hosting"} for o in FLEET["organizations"]]}
    gateway.load(**fleet)
    with pytest.raises(BadInput) as error:
        gateway.load(assets=[row])
    assert place in str(error.value)
