"""The folder of the demo: its settings, its people, and what it must not touch."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from gateway.cli.demo.first_act import FIRST_ACT
from gateway.cli.demo.house import PEOPLE, House, Trouble, set_key
from gateway.cli.demo.sample import StaffReply
from gateway.cli.demo.showing import _LOGINS
from gateway.cli.demo.story import ACTS

LOADED = json.loads(PEOPLE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[smtp]\n",
        '[smtp]\nlisten = "0.0.0.0:25"  # where\nmax_size = "1M"\n\n[portal]\nlisten = "keep"\n',
        '[smtp]\n# listen = "127.0.0.1:2525"\n[portal]\nlisten = "keep"\n',
        '[postern]\ndata = "var"',
    ],
)
def test_a_key_is_set_wherever_it_stands(text: str):
    before, after = tomllib.loads(text), tomllib.loads(set_key(text, "smtp", "listen", "127.0.0.1:1"))
    assert after.pop("smtp") == {**before.pop("smtp", {}), "listen": "127.0.0.1:1"}
    assert after == before


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path):
    precious = tmp_path / "work" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("three years")
    house = House(precious.parent)
    with pytest.raises(Trouble, match="no demo made"):
        house.build()
    house.stop()
    assert precious.read_text() == "three years"


def test_two_demos_do_not_share_a_folder(tmp_path: Path):
    first, second = House(tmp_path / "demo"), House(tmp_path / "demo")
    first._claim()
    with pytest.raises(Trouble, match="another demo"):
        second.build()
    first.stop()


def test_everybody_has_an_organization_that_is_there():
    keys = {organization["key"] for organization in LOADED["organizations"]}
    assert {person["organization"] for person in LOADED["people"] if "organization" in person} <= keys
    desks = {organization["desk"] for organization in LOADED["organizations"]}
    assert len(desks) == 5 and desks == {agent["desk"] for agent in LOADED["agents"]}
    inactive = [person["email"] for person in LOADED["people"] if person["status"] == "inactive"]
    assert inactive == ["ruth@kestrel-analytics.example"]


def test_the_logins_shown_are_people_with_the_password():
    loaded = {person["email"]: person["password"] for person in [*LOADED["people"], *LOADED["agents"]]}
    assert {loaded[email] for _, email, _, _ in _LOGINS} == {"demo"}


def test_staff_answer_only_at_their_own_desk():
    desks = {agent["email"]: agent["desk"] for agent in LOADED["agents"]}
    replies = [step for act in ACTS for step in act.steps if isinstance(step, StaffReply)]
    assert replies and all(desks[reply.agent] == reply.end.desk for reply in replies)


def test_the_samples_of_the_first_act_from_people_nobody_knows_are_these():
    known = {person["email"] for person in LOADED["people"]}
    strangers = {step.name for step in FIRST_ACT.steps if not isinstance(step, StaffReply) and step.sender not in known}
    assert strangers == {"yahoo", "unknown-sender", "mailing-list", "machine", "out-of-office", "own-address"}
