"""What mails about renewals are made from, frozen in their outbox rows, and to whom they go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from store import assets, outbox
from store.config import Config
from store.digests import unsubscribe_link
from store.preferences import chosen
from store.rows import write_event
from store.rules.alerts import Warned, warned
from store.rules.desk import Desk
from store.rules.events import DeskEvent
from store.rules.people import PersonFacts
from store.rules.scope import AssetFacts, Tree
from store.rules.terms import next_term
from store.telling import addressed, no_ticket


@dataclass(frozen=True, slots=True)
class Line:
    """A device in a mail: `day` its renewal or last day, `before` the renewal date that passed.

    `step` is the warning that holds, `left` the days until then.
    """

    asset: AssetFacts
    day: date
    step: int = 0
    left: int = 0
    before: date | None = None


class Audience:
    """Who hears of the assets of organisations, looked up once for all of them."""

    def __init__(
        self, connection: Connection, desk: Desk, organizations: Collection[int], unwilling: Collection[int] = ()
    ) -> None:
        """`unwilling`: people who are thought to have ended such mails, besides those who have."""
        self._desk = desk
        self.tree = assets.tree(connection, organizations)
        self._holders = assets.holders(connection, self.tree, organizations)
        self._people = {person.id: person for everybody in self._holders.values() for person in everybody}
        wishes = chosen(connection, list(self._people))
        ended = {person for (person, about), choice in wishes.items() if about == "renewals" and choice == "none"}
        self._unwilling = ended.union(unwilling)
        self._known: dict[tuple[int, int | None], tuple[Warned, ...]] = {}

    def of(self, asset: AssetFacts) -> tuple[Warned, ...]:
        """Who hears of it."""
        return self.at(asset.organization, asset.group)

    def at(self, organization: int, group: int | None) -> tuple[Warned, ...]:
        """Who hears of the assets of a group; the very people that its page names (DV-56)."""
        place = (organization, group)
        if place not in self._known:
            everybody, mode = self._holders[organization], self._desk.renewal_recipients
            self._known[place] = warned(everybody, *place, self.tree, mode, self._unwilling)
        return self._known[place]

    def person(self, id_: int) -> PersonFacts:
        """One of the people with a part in these assets."""
        return self._people[id_]

    def acts(self, person: int, asset: AssetFacts) -> bool:
        """Whether somebody who hears of an asset may decide on it as well."""
        return any(one.acts for one in self.of(asset) if one.person.id == person)


def tell_outcome(
    connection: Connection, config: Config, desk: Desk, template: DeskEvent, lines: Sequence[Line], now: datetime
) -> None:
    """Tells whoever may decide on these devices, of one organisation, what became of them: a mail each."""
    if not lines:
        return
    audience = Audience(connection, desk, {line.asset.organization for line in lines})
    of_person: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        for one in audience.of(line.asset):
            if one.acts:
                of_person[one.person.id].append(line)
    if not of_person:
        return
    event = write_event(connection, None, template, None, now, new=" ".join(line.asset.key for line in lines))
    rows = []
    for id_, own in of_person.items():
        person = audience.person(id_)
        facts = make_facts(config, desk, audience.tree, person, own, {line.asset.id for line in own}, now)
        rows.append(write_row(config, event, person, template, facts, now))
    outbox.put(connection, rows)


def write_row(
    config: Config, event: int, person: PersonFacts, template: Any, facts: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """The outbox row of a mail about renewals."""
    return addressed(config, event, person, template, facts | {"change": template}, None, now)


def make_facts(
    config: Config, desk: Desk, tree: Tree, person: PersonFacts, lines: Sequence[Line],
    acts: Collection[int], now: datetime, alert: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What the mail is made from; `acts`: the devices, by id, that the person may decide on."""
    return no_ticket(desk, person, now) | {
        "role": "admin", "department": desk.main.department, "link": f"{config.base_url}/?desk={desk.name}",
        "alert": alert, "devices": [_line(config, line, tree, line.asset.id in acts) for line in lines],
        "unsubscribe": unsubscribe_link(config, person.id, ["renewals"]),
    }  # fmt: skip


def _line(config: Config, line: Line, tree: Tree, acts: bool) -> dict[str, Any]:
    asset = line.asset
    after = next_term(asset.term)[0] if asset.term.renews else None
    return {
        "asset": asset.id, "key": asset.key, "name": asset.name, "group": tree.path(asset.group),
        "plan": asset.term.plan, "day": line.day.isoformat(), "step": line.step, "left": line.left, "acts": acts,
        "before": line.before.isoformat() if line.before else None, "after": after.isoformat() if after else None,
        "link": assets.address_of(config, asset.key),
    }  # fmt: skip
