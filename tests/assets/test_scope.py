"""Who sees what and who may act, over every person, group and right there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product

import pytest

from store.rules.people import PersonFacts
from store.rules.scope import (
    AssetFacts,
    Counts,
    GroupFacts,
    Tree,
    count,
    is_active,
    may_grant,
    part,
    recipients,
)
from store.rules.terms import Term

FLEET, OTHER = 1, 2
NORTH, DOCK, PIER, SOUTH, FOREIGN = range(10, 15)
BOSS, NORA, DORA, SUE, MIA, GONE, EVE = range(20, 27)

TREE = Tree(
    {
        NORTH: GroupFacts(NORTH, FLEET), DOCK: GroupFacts(DOCK, FLEET, NORTH), PIER: GroupFacts(PIER, FLEET, DOCK),
        SOUTH: GroupFacts(SOUTH, FLEET), FOREIGN: GroupFacts(FOREIGN, OTHER),
    },
    {NORTH: [(NORA, "admin"), (SUE, "supervisor"), (GONE, "admin")], DOCK: [(DORA, "admin")]},
)  # fmt: skip
PEOPLE = {
    BOSS: PersonFacts(BOSS, "boss", organizations=((FLEET, "admin"),)),
    NORA: PersonFacts(NORA, "nora", organizations=((FLEET, "group_admin"),)),
    DORA: PersonFacts(DORA, "dora", organizations=((FLEET, "group_admin"),)),
    SUE: PersonFacts(SUE, "sue", organizations=((FLEET, "supervisor"),)),
    MIA: PersonFacts(MIA, "mia", organizations=((FLEET, "member"),)),
    GONE: PersonFacts(GONE, "gone", status="inactive", organizations=((FLEET, "admin"),)),
    EVE: PersonFacts(EVE, "eve", organizations=((OTHER, "admin"),)),
}
# Of each person what they may do in: no group, north, dock, pier, south, foreign. a act, r read, - nothing.
SAID = {BOSS: "aaaaa-", NORA: "-aaa--", DORA: "--aa--", SUE: "-rrr--", MIA: "------", GONE: "------", EVE: "-----a"}


@pytest.mark.req("DV-75")
@pytest.mark.req("DV-78")
@pytest.mark.req("DV-79")
@pytest.mark.req("DV-80")
@pytest.mark.parametrize("who", SAID)
def test_everybody_has_the_part_that_their_role_and_grants_give(who: int) -> None:
    places = [(FLEET, None), (FLEET, NORTH), (FLEET, DOCK), (FLEET, PIER), (FLEET, SOUTH), (OTHER, FOREIGN)]
    told = "".join({"act": "a", "read": "r", "none": "-"}[part(PEOPLE[who], *place, TREE)] for place in places)
    assert told == SAID[who]
    gone = replace(PEOPLE[who], status="inactive")
    assert {part(gone, *place, TREE) for place in places} == {"none"}


def test_nobody_has_no_part_and_a_further_address_has_its_persons() -> None:
    assert part(None, FLEET, NORTH, TREE) == "none"
    moved = replace(PEOPLE[MIA], further=(NORA,))
    assert part(moved, FLEET, NORTH, TREE) == "act"


@pytest.mark.req("DV-52")
def test_a_right_that_is_taken_is_gone_at_once() -> None:
    without = Tree(TREE.groups, {DOCK: TREE.grants[DOCK]})
    assert [part(PEOPLE[who], FLEET, DOCK, without) for who in (NORA, SUE, DORA)] == ["none", "none", "act"]


def test_of_two_rights_the_greater_counts_wherever_it_was_given() -> None:
    both = Tree(TREE.groups, {NORTH: [(SUE, "admin")], DOCK: [(SUE, "supervisor")]})
    assert part(PEOPLE[SUE], FLEET, DOCK, both) == "act"


def test_groups_that_are_each_others_parents_end() -> None:
    loop = Tree({1: GroupFacts(1, FLEET, 2), 2: GroupFacts(2, FLEET, 1)}, {1: [(NORA, "admin")]})
    assert [part(PEOPLE[NORA], FLEET, group, loop) for group in (1, 2)] == ["act", "act"]


@pytest.mark.req("A-18")
def test_a_group_admin_gives_rights_in_their_groups_where_the_desk_lets_them() -> None:
    told = {
        who: "".join("+" if may_grant(PEOPLE[who], TREE.groups[group], TREE, wide) else "-"
        for wide, group in product((True, False), (NORTH, DOCK, SOUTH, FOREIGN)))
        for who in PEOPLE
    }  # fmt: skip
    assert told == {
        BOSS: "+++-+++-", NORA: "++------", DORA: "-+------", SUE: "--------", MIA: "--------", GONE: "--------",
        EVE: "---+---+",
    }  # fmt: skip


@pytest.mark.req("A-16")
@pytest.mark.req("DV-56")
@pytest.mark.req("DV-76")
def test_those_are_warned_who_are_on_the_groups_list_and_active() -> None:
    def warned(group: int | None, mode: str) -> set[int]:
        return {person.id for person in recipients(PEOPLE.values(), FLEET, group, TREE, mode)}  # type: ignore[arg-type]

    assert warned(NORTH, "access_list") == {BOSS, NORA, SUE}
    assert warned(NORTH, "admins_only") == {BOSS, NORA}
    assert warned(PIER, "access_list") == {BOSS, NORA, DORA, SUE}
    assert warned(SOUTH, "access_list") == warned(None, "admins_only") == {BOSS}


@pytest.mark.req("DV-44")
@pytest.mark.req("DV-46")
@pytest.mark.req("DV-47")
@pytest.mark.req("A-19")
@pytest.mark.req("A-20")
def test_groups_count_what_is_active_in_them_and_below() -> None:
    today = date(2026, 3, 10)
    soon, far = Term("yearly", date(2026, 3, 30)), Term("yearly", date(2026, 6, 1))
    states = [
        ("active", soon, PIER), ("active", far, DOCK), ("deactivation_pending", soon, DOCK), ("activation_pending", soon, NORTH),
        ("inactive", soon, SOUTH), ("deactivated", soon, SOUTH), ("active", Term("monthly", None), None),
    ]  # fmt: skip
    assets = [
        AssetFacts(number, f"d{number}", "", FLEET, group, state, term)  # type: ignore[arg-type]
        for number, (state, term, group) in enumerate(states)
    ]
    counts = count(TREE, assets, today)
    assert counts[PIER] == Counts(1, 1) and counts[DOCK] == counts[NORTH] == Counts(3, 1) and counts[SOUTH] == Counts()
    assert [is_active(TREE.groups[group], counts[group]) for group in (NORTH, SOUTH)] == [True, False]
    assert not is_active(replace(TREE.groups[NORTH], enabled=False), counts[NORTH])
