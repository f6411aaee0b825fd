"""An administrator may end the mails about renewals; the last one who hears of a device may not, and is told so."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from gateway.portal.app import create_app
from store.asset_views import one_asset
from store.clock import now
from store.commands import Prefer
from store.digests import unsubscribe_link
from store.duties import left_alone
from tests.assets.house import BOSS, NORA, SUE
from tests.renewals.house import House


@pytest.mark.req("DV-56")
def test_who_ended_the_mails_gets_none_while_somebody_else_decides(fleet: House) -> None:
    fleet.gateway.apply(Prefer(fleet.gateway.person(BOSS), (("renewals", "none"),)))
    fleet.gateway.apply(Prefer(fleet.gateway.person(SUE), (("renewals", "none"),)))
    fleet.tick("2026-03-10")
    assert {who: keys for who, _day, keys in fleet.mails() if who in (BOSS, NORA, SUE)} == {
        BOSS: ("dev-3",),  # in a group without an administrator
        NORA: ("dev-2", "dev-1"),
    }
    with fleet.store.read() as connection:  # the list that people are shown is the list that is used
        shown = {key: one_asset(connection, fleet.config, key, now())["warned"] for key in ("dev-1", "dev-3")}
    assert shown == {"dev-1": [NORA], "dev-3": [BOSS]}
    fleet.gateway.apply(Prefer(fleet.gateway.person(NORA), (("renewals", "none"),)))
    fleet.tick("2026-03-17")
    assert [keys for who, _day, keys in fleet.mails() if who == NORA][1:] == [
        ("dev-1",)
    ]  # Dora decides on dev-2 as well


def test_the_page_says_that_contracts_renew_all_the_same_and_what_nobody_else_hears_of(fleet: House) -> None:
    client = TestClient(create_app(fleet.config, fleet.store))
    boss, nora = fleet.gateway.person(BOSS), fleet.gateway.person(NORA)
    with fleet.store.read() as connection:
        assert (left_alone(connection, fleet.config, boss), left_alone(connection, fleet.config, nora)) == (3, 0)
    page = client.get(_path(fleet, boss)).text
    assert "Contracts renew on their dates all the same" in page and "the only one who hears of 3 devices" in page
    page = client.get(_path(fleet, nora)).text
    assert "Contracts renew on their dates all the same" in page and "the only one" not in page
    done = client.post(_path(fleet, boss), data={"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200 and "until another administrator gets these mails" in done.text
    assert "the only one who hears of a device" in client.get(_path(fleet, nora)).text  # of dev-2 Dora does as well


def _path(fleet: House, person: int) -> str:
    return unsubscribe_link(fleet.config, person, ["renewals"]).removeprefix(fleet.config.base_url)
