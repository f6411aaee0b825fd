"""The commands about assets and groups, as people and programs use them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.setup import write_configuration
from store.config import load
from store.database import Store
from store.load_form import Loaded
from store.loading import load as load_rows
from tests.assets.house import BOSS, DORA, EVE, FLEET, GINA, GONE, MIA, NORA, SUE
from tests.cli.test_cli import postern
from tests.stores import opened

NOW = datetime.now(UTC)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Path]:
    """A devices desk with the fleet, of which dev-1 is due in ten days."""
    write_configuration(tmp_path, ["devices"], "desk.test")
    config = load(tmp_path / "postern.toml")
    with opened(config) as store:
        _load(store, config, **FLEET)
        due, later = (str((NOW + timedelta(days=days)).date()) for days in (10, 300))
        soon = {"key": "dev-1", "organization": "fleet", "renewal_date": due, "contract_end": due}
        _load(store, config, assets=[soon, {"key": "dev-7", "organization": "fleet", "renewal_date": later}])
    yield tmp_path


def _load(store: Store, config: Any, **everything: Any) -> None:
    load_rows(store, config, Loaded(**everything), config.folder / "x.json", NOW)


def told(folder: Path, *words: str) -> Any:
    done = postern(folder, *words, "--json")
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def fails(folder: Path, *words: str) -> str:
    done = postern(folder, *words)
    assert done.returncode in (1, 2) and done.stdout == b""
    return " ".join(done.stderr.decode().split())


@pytest.mark.req("DV-25")
@pytest.mark.req("DV-26")
@pytest.mark.req("DV-28")
def test_assets_are_listed_with_their_dates_and_marks(desk: Path) -> None:
    rows = {row["key"]: row for row in told(desk, "assets", "--organization", "fleet")}
    assert set(rows) == {f"dev-{n}" for n in range(1, 8)}
    assert [rows[key]["mark"] for key in ("dev-1", "dev-4", "dev-7")] == ["due", "", ""]
    assert rows["dev-4"]["renewal_date"] is None and rows["dev-4"]["next_invoice"].endswith("-01")
    assert rows["dev-7"]["renewal_date"] > rows["dev-1"]["renewal_date"] and rows["dev-7"]["next_invoice"] is None
    due = {row["key"] for row in told(desk, "assets", "--desk", "devices", "--due")}
    assert "dev-1" in due and "dev-4" not in due and "dev-6" not in due
    assert b"dev-1" in postern(desk, "assets").stdout


@pytest.mark.req("DV-33")
@pytest.mark.req("DV-34")
def test_an_admin_renews_and_ends_from_the_command_line(desk: Path) -> None:
    one = told(desk, "asset", "dev-1", "renew", "--by", BOSS)
    assert (one["confirmed"], one["confirmed_by"], one["mark"]) == (True, BOSS, "")
    assert one["requests"][0]["kind"] == "renewal" and one["tickets"] == [one["requests"][0]["ticket"]]
    assert "confirmed already" in fails(desk, "asset", "dev-1", "renew", "--by", NORA)
    one = told(desk, "asset", "dev-1", "deactivate", "--by", NORA)
    assert (one["state"], one["effective"], one["confirmed"]) == ("deactivation_pending", one["contract_end"], False)
    one = told(desk, "asset", "dev-1", "withdraw", "--by", BOSS)
    assert (one["state"], one["effective"]) == ("active", None)
    kinds = ["loaded", "renewal_confirmed", "deactivation_requested", "deactivation_withdrawn"]
    assert [event["kind"] for event in one["events"]] == kinds
    assert b"deactivation_withdrawn" in postern(desk, "asset", "dev-1").stdout


@pytest.mark.req("DV-80")
def test_nobody_else_does(desk: Path) -> None:
    for who in (SUE, GONE, EVE, "nobody@x.test"):
        assert fails(desk, "asset", "dev-1", "renew", "--by", who)
    one = told(desk, "asset", "dev-1")
    assert (one["state"], one["confirmed"], one["requests"]) == ("active", False, [])


@pytest.mark.req("DV-14")
@pytest.mark.req("DV-18")
def test_a_device_is_registered_and_completed(desk: Path) -> None:
    one = told(
        desk, "asset", "LX-200", "activate", "--by", NORA, "--plan", "yearly", "--group", "dock", "--name", "Gate"
    )
    assert (one["state"], one["group"], one["plan"], one["name"]) == ("activation_pending", "dock", "yearly", "Gate")
    assert "not on the staff" in fails(desk, "asset", "LX-200", "complete", "--by", NORA)
    assert "--reason" in fails(desk, "asset", "LX-200", "refuse", "--by", GINA)
    one = told(desk, "asset", "LX-200", "complete", "--by", GINA, "--renewal-date", "2028-02-29")
    assert (one["state"], one["renewal_date"]) == ("active", "2028-02-29")
    assert "It is registered already" not in fails(desk, "asset", "LX-200", "activate", "--by", NORA)
    assert told(desk, "asset", "dev-5", "activate", "--by", BOSS)["state"] == "activation_pending"
    assert told(desk, "asset", "dev-5", "refuse", "--by", GINA, "--reason", "Too old.")["state"] == "inactive"
    assert "--by" in fails(desk, "asset", "dev-5", "activate")
    assert "no asset" in fails(desk, "asset", "dev-99", "renew", "--by", BOSS)


@pytest.mark.req("DV-44")
@pytest.mark.req("DV-46")
@pytest.mark.req("DV-47")
@pytest.mark.req("DV-56")
@pytest.mark.req("A-16")
def test_groups_say_what_is_in_them_and_who_is_warned(desk: Path) -> None:
    groups = {group["key"]: group for group in told(desk, "groups")}
    north, dock, south = groups["north"], groups["dock"], groups["south"]
    assert (north["active"], north["active_assets"], dock["active_assets"], south["active_assets"]) == (True, 2, 1, 2)
    assert north["due_assets"] >= 1 and dock["parent"] == "north"
    assert {(one["email"], one["right"], one["of"]) for one in dock["grants"]} == {
        (DORA, "admin", "dock"), (NORA, "admin", "north"), (SUE, "supervisor", "north"), (GONE, "admin", "north"),
    }  # fmt: skip
    assert north["warned"] == told(desk, "asset", "dev-1")["warned"] == [BOSS, NORA, SUE]
    for key in ("dev-3", "dev-4"):
        told(desk, "asset", key, "move", "--by", BOSS, "--group", "north")
    groups = {group["key"]: group for group in told(desk, "groups", "--desk", "devices")}
    assert (groups["south"]["active"], groups["north"]["active_assets"]) == (False, 4)


@pytest.mark.req("DV-52")
@pytest.mark.req("A-18")
def test_rights_are_given_and_taken_and_count_at_once(desk: Path) -> None:
    assert fails(desk, "grant", "south", MIA, "admin", "--by", NORA)
    assert fails(desk, "grant", "north", EVE, "admin", "--by", BOSS)
    assert postern(desk, "grant", "north", MIA, "admin", "--by", NORA).returncode == 0
    assert told(desk, "asset", "dev-1", "renew", "--by", MIA)["confirmed"]
    assert postern(desk, "revoke", "north", NORA, "--by", GINA).returncode == 0
    assert "There is no device of this name" in fails(desk, "asset", "dev-1", "deactivate", "--by", NORA)
    assert NORA not in told(desk, "asset", "dev-1")["warned"]
    assert "no right of their own" in fails(desk, "revoke", "north", NORA, "--by", BOSS)
    desks = desk / "desks" / "devices.toml"
    desks.write_text(
        desks.read_text().replace(
            'renewal_recipients = "access_list"', "group_admin_assign = false\nrenewal_recipients = 'admins_only'"
        )
    )
    assert fails(desk, "grant", "north", NORA, "admin", "--by", MIA)
    assert told(desk, "asset", "dev-1")["warned"] == [BOSS, MIA]
