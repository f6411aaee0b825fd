"""What a year has to bring, worked out by looking at everything every time. It shares nothing with what it judges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tests.renewals.year.world import Asset, Happening, Look, Person, World

Line = tuple[int, date, int]  # asset, due, step


@dataclass
class Outcome:
    """All that has to be there at the end; people and assets by their numbers."""

    alerts: dict[tuple[int, date], frozenset[Line]] = field(default_factory=dict)  # by person and day
    renewed: list[tuple[int, int, datetime]] = field(default_factory=list)  # mails: person, asset, moment
    ended: list[tuple[int, int, datetime]] = field(default_factory=list)
    history: list[tuple[int, str, str, str]] = field(default_factory=list)  # asset, kind, old, new
    invoices: set[tuple[int, str]] = field(default_factory=set)


class Model:
    """Lives the world through."""

    def __init__(self, world: World) -> None:
        self.world, self.outcome = world, Outcome()
        self.zones = [ZoneInfo(name) for name in world.zones]
        self.told: set[tuple[int, Line]] = set()
        self.done: dict[str, date] = {}  # by time zone
        self.looked: datetime | None = None
        self.months: dict[str, date] = {}
        self.known: dict[tuple[int, int | None], list[tuple[Person, bool]]] = {}  # since somebody did something

    def live(self) -> Outcome:
        for step in self.world.steps:
            if isinstance(step, Look):
                self._look(step.at)
            else:
                self._happen(step)
        return self.outcome

    # What people do

    def _happen(self, it: Happening) -> None:
        self.known.clear()
        person, asset = self.world.people[it.person], self.world.assets[it.asset]
        match it.kind:
            case "leave" | "come":
                person.active = it.kind == "come"
            case "end" | "resume":
                person.ended = it.kind == "end"
            case "plan":
                asset.plan, asset.renewal, asset.confirmed, asset.missed = it.plan, it.renewal, None, None
                asset.anchor = it.renewal.day if it.renewal else asset.anchor
            case "move":
                asset.group = it.group
            case "renew":
                due = asset.renewal and 0 <= (asset.renewal - self._day(asset, it.at)).days <= 28
                stands = asset.state == "deactivation_pending" or (
                    asset.state == "active" and asset.confirmed != asset.renewal
                )
                if self._right(person, asset) == 2 and asset.plan != "monthly" and due and stands:
                    asset.confirmed, asset.missed, asset.state, asset.effective = asset.renewal, None, "active", None
            case "cancel":
                if self._right(person, asset) == 2 and asset.state == "active":
                    asset.state, asset.confirmed = "deactivation_pending", None
                    asset.effective = self._last_day(asset, self._day(asset, it.at))

    def _last_day(self, asset: Asset, day: date) -> date:
        if asset.plan == "monthly":
            following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
            return following - timedelta(days=1)
        assert asset.renewal
        return max(asset.renewal, day)

    def _right(self, person: Person, asset: Asset) -> int:
        """0 none, 1 to see, 2 to act."""
        if not person.active:
            return 0
        if asset.organization in person.admin_of:
            return 2
        right, group = 0, asset.group
        while group is not None:
            if group in person.grants:
                right = max(right, 2 if person.grants[group] else 1)
            group = self.world.groups[group].parent
        return right

    def _warned(self, asset: Asset) -> list[tuple[Person, bool]]:
        place = (asset.organization, asset.group)
        if place not in self.known:
            self.known[place] = self._look_for(asset)
        return self.known[place]

    def _look_for(self, asset: Asset) -> list[tuple[Person, bool]]:
        rights = [(person, self._right(person, asset)) for person in self.world.people]
        everybody = [(person, right == 2) for person, right in rights if right]
        willing = [(person, acts) for person, acts in everybody if not person.ended]
        if not any(acts for _person, acts in willing):
            willing += [(person, acts) for person, acts in everybody if acts]
        return willing

    def _day(self, asset: Asset, now: datetime) -> date:
        return now.astimezone(self.zones[asset.organization]).date()

    # What the clock does

    def _look(self, now: datetime) -> None:
        days = [now.astimezone(zone).date() for zone in self.zones]
        self._invoice(now, days)
        for asset in self.world.assets:
            day = days[asset.organization]
            if asset.state == "deactivation_pending" and asset.effective and asset.effective < day:
                asset.state = "deactivated"
                self.outcome.history.append((asset.number, "deactivated", "deactivation_pending", "deactivated"))
                self.outcome.ended += [(who.number, asset.number, now) for who, acts in self._warned(asset) if acts]
        for asset in self.world.assets:
            self._renew(asset, now, days[asset.organization])
        self._alert(now, days)

    def _invoice(self, now: datetime, days: list[date]) -> None:
        for name in set(self.world.zones):
            first = now.astimezone(ZoneInfo(name)).date().replace(day=1)
            if self.months.get(name) == first:
                continue
            self.months[name] = first
            for asset in self.world.assets:
                if self.world.zones[asset.organization] != name or asset.plan != "monthly":
                    continue
                ends = asset.state == "deactivation_pending" and asset.effective and asset.effective >= first
                if asset.state == "active" or ends:
                    self.outcome.invoices.add((asset.number, f"{first:%Y-%m}"))

    def _renew(self, asset: Asset, now: datetime, day: date) -> None:
        before = asset.missed
        while asset.state == "active" and asset.plan != "monthly" and asset.renewal:
            confirmed = asset.confirmed == asset.renewal
            if asset.renewal + timedelta(days=0 if confirmed else 1) > day:
                break
            old, asset.renewal = asset.renewal, self._term_after(asset)
            kind = "renewed" if confirmed else "auto_renewed"
            self.outcome.history.append((asset.number, kind, f"{old}", f"{asset.renewal}"))
            if not confirmed:
                asset.missed = old
        if asset.missed and asset.missed != before:
            self.outcome.renewed += [(who.number, asset.number, now) for who, acts in self._warned(asset) if acts]

    def _term_after(self, asset: Asset) -> date:
        assert asset.renewal
        month = asset.renewal.replace(day=1)
        for _ in range(12 if asset.plan == "yearly" else 3):
            month = (month + timedelta(days=31)).replace(day=1)
        day = month + timedelta(days=asset.anchor - 1)
        while day.month != month.month:
            day -= timedelta(days=1)
        return day

    def _alert(self, now: datetime, days: list[date]) -> None:
        paused = self.looked is None or now - self.looked >= timedelta(hours=12)
        for name in sorted(set(self.world.zones)):
            local = now.astimezone(ZoneInfo(name))
            if self.done.get(name) != local.date() and (paused or local.time() >= time(8)):
                self.done[name] = local.date()
                self._round(name, local.date(), days)
        self.looked = now

    def _round(self, name: str, day: date, days: list[date]) -> None:
        lines: dict[int, set[Line]] = defaultdict(set)
        for asset, step in self._due(days):
            assert asset.renewal
            for person, _acts in self._warned(asset):
                line = (asset.number, asset.renewal, step)
                if self.world.zones[self._home(person, asset)] == name and (person.number, line) not in self.told:
                    lines[person.number].add(line)
        for person, told in lines.items():
            if (person, day) not in self.outcome.alerts:
                self.outcome.alerts[person, day] = frozenset(told)
                self.told |= {(person, line) for line in told}

    def _due(self, days: list[date]) -> Iterator[tuple[Asset, int]]:
        for asset in self.world.assets:
            if (
                asset.state != "active"
                or asset.plan == "monthly"
                or asset.confirmed == asset.renewal
                or not asset.renewal
            ):
                continue
            left = (asset.renewal - days[asset.organization]).days
            if 0 <= left <= 28:
                yield asset, 7 if left <= 7 else 14 if left <= 14 else 21 if left <= 21 else 28

    def _home(self, person: Person, asset: Asset) -> int:
        of = person.admin_of | {self.world.groups[group].organization for group in person.grants}
        return min(of) if len(of) > 1 else asset.organization
