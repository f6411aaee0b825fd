"""A year of a desk, made up: who there is, what they subscribe to, what happens, and when the clock is looked at.

Nothing of the project is imported here, nor by `model`, which says what has to follow.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal

ZONES = (
    "Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Tokyo", "Australia/Lord_Howe", "Asia/Kolkata",
    "Pacific/Auckland", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/St_Johns", "Africa/Cairo", "UTC",
)  # fmt: skip
BEGIN = datetime(2027, 8, 20, tzinfo=UTC)  # the year holds 29 February 2028 and both changes of the clocks
OUTAGES = ((60, 10), (190, 3.3), (300, 9.1))  # days after the beginning, and how many


@dataclass
class Person:
    """`admin_of`: organisations by number; `grants`: groups by number, with whether the person may act there."""

    number: int
    admin_of: set[int] = field(default_factory=set)
    grants: dict[int, bool] = field(default_factory=dict)
    active: bool = True
    ended: bool = False  # the mails about renewals


@dataclass
class Group:
    number: int
    organization: int
    parent: int | None


@dataclass
class Asset:
    number: int
    organization: int
    group: int | None
    plan: str
    renewal: date | None
    anchor: int = 0
    state: str = "active"
    confirmed: date | None = None
    missed: date | None = None
    effective: date | None = None


@dataclass(frozen=True)
class Happening:
    """What somebody does at a moment; to `asset` or, of `leave`, `come`, `end` and `resume`, by `person` alone."""

    at: datetime
    kind: Literal["renew", "cancel", "leave", "come", "end", "resume", "plan", "move"]
    person: int = 0
    asset: int = 0
    plan: str = ""
    renewal: date | None = None
    group: int | None = None


@dataclass(frozen=True)
class Look:
    """The clock is looked at; `twice`: by two at once."""

    at: datetime
    twice: bool = False


@dataclass
class World:
    zones: list[str]  # of each organisation
    groups: list[Group]
    people: list[Person]
    assets: list[Asset]
    steps: list[Happening | Look]


def make_world(seed: int, assets: int, groups: int, organizations: int, days: tuple[int, int] = (0, 366)) -> World:
    """The world of a seed; always the same. `days`: from which to which of the year it is lived."""
    chance = random.Random(seed)
    zones = [ZONES[number % len(ZONES)] for number in range(organizations)]
    tree: list[Group] = []
    for number in range(groups):
        above = [one for one in tree if one.organization == number % organizations]
        parent = chance.choice(above).number if above and chance.random() < 0.5 else None
        tree.append(Group(number, number % organizations, parent))
    people = [Person(number, {number}) for number in range(organizations)]
    for number in range(0, organizations, 6):  # who looks after two, far from each other
        people[number].admin_of.add((number + 5) % organizations)
    for group in chance.sample(tree, len(tree) // 2):
        people.append(Person(len(people), set(), {group.number: chance.random() < 0.6}))
    fleet = [_asset(chance, number, organizations, tree) for number in range(assets)]
    return World(zones, tree, people, fleet, _steps(chance, days, fleet, people, tree))


def _asset(chance: random.Random, number: int, organizations: int, tree: list[Group]) -> Asset:
    organization = number % organizations
    own = [group.number for group in tree if group.organization == organization]
    plan = chance.choices(("yearly", "quarterly", "monthly"), (6, 1, 3))[0]
    days = 366 if plan == "yearly" else 92
    first = BEGIN.date() + timedelta(days=chance.randrange(2, days))
    if chance.random() < 0.1:  # more than their share at the ends of months
        first = chance.choice(
            [d for d in (date(2027, 8, 31), date(2027, 10, 31), date(2028, 1, 31), date(2028, 2, 29))]
        )
    group = chance.choice(own) if own and chance.random() < 0.95 else None
    return Asset(number, organization, group, plan, None if plan == "monthly" else first, first.day)


def _steps(
    chance: random.Random, days: tuple[int, int], fleet: list[Asset], people: list[Person], tree: list[Group]
) -> list[Happening | Look]:
    steps: list[Happening | Look] = []
    now, end = (BEGIN + timedelta(days=day) for day in days)
    for _ in range(600 * (days[1] - days[0]) // 366):
        at = now + timedelta(minutes=chance.randrange((days[1] - days[0]) * 24 * 60))
        steps.append(_happening(chance, at, fleet, people, tree))
    while now < end:
        passed = (now - BEGIN) / timedelta(days=1)
        if not any(start < passed < start + length for start, length in OUTAGES):
            steps.append(Look(now, chance.random() < 0.03))
        now += timedelta(minutes=chance.randrange(30, 500))
    return sorted(steps, key=lambda step: step.at)


def _happening(
    chance: random.Random, at: datetime, fleet: list[Asset], people: list[Person], tree: list[Group]
) -> Happening:
    kind = chance.choices(
        ("renew", "cancel", "leave", "come", "end", "resume", "plan", "move"), (20, 8, 2, 2, 1, 1, 3, 3)
    )[0]
    # Who answers, answers what is near: most of the others would only be refused.
    near = [one for one in fleet if one.renewal and abs(_this_year(one.renewal, at.date())) < 40] or fleet
    asset = chance.choice(near if kind in ("renew", "cancel") else fleet)
    mine = [one for one in people if asset.organization in one.admin_of]
    person = chance.choice(mine if chance.random() < 0.6 else people)
    own = [group.number for group in tree if group.organization == asset.organization]
    plan = chance.choice(("yearly", "quarterly", "monthly"))
    renewal = None if plan == "monthly" else at.date() + timedelta(days=chance.randrange(3, 90))
    return Happening(at, kind, person.number, asset.number, plan, renewal, chance.choice([None, *own]))  # type: ignore[arg-type]


def _this_year(renewal: date, day: date) -> int:
    return (renewal - day).days
