"""Who sees an asset or a group of them, and who may do something with it (requirements S1, DV-78..80, A-16..A-20).

    company admin (membership `admin`)           sees and acts everywhere in the organisation
    group admin (grant `admin` on a group)       sees and acts in the group and all below it
    supervisor (grant `supervisor` on a group)   sees the group and all below it
    anybody else, and whoever is inactive        sees nothing

The names `group_admin` and `supervisor` of a membership give no right by themselves. The desk's staff is not asked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from store.rules.assets import ACTIVE, AssetState
from store.rules.people import PersonFacts
from store.rules.terms import Term, due

Part = Literal["none", "read", "act"]
Right = Literal["admin", "supervisor"]
Recipients = Literal["access_list", "admins_only"]


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """A group as far as rules need to know; `enabled` is the switch of A-19."""

    id: int
    organization: int
    parent: int | None = None
    enabled: bool = True
    name: str = ""


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """An asset as far as rules need to know."""

    id: int
    key: str
    name: str
    organization: int
    group: int | None
    state: AssetState
    term: Term
    effective: date | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """The groups of organisations by id, and who has which right on each: (person, right)."""

    groups: Mapping[int, GroupFacts] = field(default_factory=dict)
    grants: Mapping[int, Sequence[tuple[int, Right]]] = field(default_factory=dict)

    def upwards(self, group: int | None) -> Iterator[int]:
        """The group and those above it; each once, whatever has been loaded."""
        seen: set[int] = set()
        while group is not None and group in self.groups and group not in seen:
            seen.add(group)
            yield group
            group = self.groups[group].parent

    def path(self, group: int | None) -> str:
        """The name of a group with those above it, from the top: `North / Dock`; empty of none."""
        return " / ".join(self.groups[one].name for one in reversed(list(self.upwards(group))))


@dataclass(frozen=True, slots=True)
class Counts:
    """What is in a group and all below it: active assets, and those of them that are due to renew (DV-46, DV-47)."""

    active: int = 0
    due: int = 0


def part(person: PersonFacts | None, organization: int, group: int | None, tree: Tree) -> Part:
    """What somebody may do with the assets of a group, None: with those in no group, which are the company admin's."""
    if person is None or not person.active:
        return "none"
    if (organization, "admin") in person.organizations:
        return "act"
    rights = {
        right for one in tree.upwards(group) for who, right in tree.grants.get(one, ()) if person.is_(who)
    }  # fmt: skip
    return "act" if "admin" in rights else "read" if rights else "none"


def part_in(person: PersonFacts | None, asset: AssetFacts, tree: Tree) -> Part:
    """What somebody may do with an asset."""
    return part(person, asset.organization, asset.group, tree)


def may_grant(person: PersonFacts | None, group: GroupFacts, tree: Tree, group_admins: bool) -> bool:
    """Whether somebody may give and take rights on a group; `group_admins`: its admins may as well (A-18)."""
    if person is not None and person.active and (group.organization, "admin") in person.organizations:
        return True
    return group_admins and part(person, group.organization, group.id, tree) == "act"


def recipients(
    people: Iterable[PersonFacts], organization: int, group: int | None, tree: Tree, mode: Recipients
) -> tuple[PersonFacts, ...]:
    """Who of these people is warned of renewals in a group (A-16, DV-56): active ones alone, with or without a right to act."""
    wanted: tuple[Part, ...] = ("read", "act") if mode == "access_list" else ("act",)
    return tuple(person for person in people if part(person, organization, group, tree) in wanted)


def count(tree: Tree, assets: Iterable[AssetFacts], today: date) -> dict[int, Counts]:
    """The counts of every group, assets of groups below it included (A-19)."""
    counts = dict.fromkeys(tree.groups, Counts())
    for asset in assets:
        if asset.state in ACTIVE:
            is_due = asset.state == "active" and due(asset.term, today)
            for group in tree.upwards(asset.group):
                counts[group] = Counts(counts[group].active + 1, counts[group].due + is_due)
    return counts


def is_active(group: GroupFacts, counts: Counts) -> bool:
    """Whether a group is an active one: switched on, and with an active asset in it or below it (DV-44, A-19)."""
    return group.enabled and counts.active > 0
