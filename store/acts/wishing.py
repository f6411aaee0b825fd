"""Applies what somebody asks for assets: what may be done is done, the rest is told them with its reason, on one ticket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from store import assets, people
from store.acts.conversation import Applied
from store.acts.opening import open_ticket
from store.commands.assets import AskForAssets, Wish
from store.config import Config
from store.organizations import today_of
from store.requests import RequestKind, add_request, end_requests
from store.rows import advance_ticket, drop_flags, find_ticket, write_event
from store.rules import wishes as rule
from store.rules.assets import UNREGISTERED, advance
from store.rules.desk import Answer, Desk
from store.rules.fanout import Change
from store.rules.people import PersonFacts
from store.rules.scope import AssetFacts, Tree, part, part_in
from store.rules.terms import last_day
from store.schema import Asset, Group, Organization, insert_into
from store.telling import Told, tell
from store.ticket_assets import link_assets

_ANSWERS: dict[str, Answer] = {
    "register": "activation_ack", "activate": "activation_ack", "renew": "renewal_confirmed", "deactivate": "deactivation_ack",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Line:
    """What became of one wish: as the mail tells it, and the request it leaves behind when it was done."""

    told: dict[str, Any]
    asset: int | None = None
    request: RequestKind | None = None

    @property
    def done(self) -> bool:
        return self.request is not None


def _ask(connection: Connection, config: Config, command: AskForAssets, now: datetime) -> Applied:
    author = command.opening.message.author
    person = people.facts(connection, [people.ensure(connection, author.email, author.name, now)])[0]
    desk = config.desks[command.opening.desk]
    found = assets.locked(connection, [wish.asset for wish in command.wishes if wish.asset is not None])
    tree = assets.tree(connection, {asset.organization for asset in found.values()} | set(dict(person.organizations)))
    asking = _Asking(connection, config, desk, person, tree, found, now)
    twice = {wish.asset for wish in command.wishes if wish.asset and _asked_of(command.wishes, wish.asset) > 1}
    lines = [asking.refused(w, rule.TWO_THINGS) if w.asset in twice else asking.do(w) for w in command.wishes]
    lines = list({(line.told["name"], line.told.get("why") or line.told["what"]): line for line in lines}.values())
    lines += [_Line({"name": name, "what": "renew", "why": rule.NOT_YOURS}) for name in command.unknown]
    return _answer(connection, config, command, person, lines, now)


def _asked_of(wishes: Sequence[Wish], asset: int) -> int:
    return len({wish.action for wish in wishes if wish.asset == asset})


def _answer(
    connection: Connection, config: Config, command: AskForAssets, person: PersonFacts, lines: Sequence[_Line], now: datetime
) -> Applied:  # fmt: skip
    done = [line for line in lines if line.done]
    answer: Answer | None = _ANSWERS[done[0].told["what"]] if done else "command_refused"
    answer = answer if command.answer else None
    waits = any(line.request != "renewal" for line in done)
    told = tuple(line.told for line in lines)
    about = tuple(dict.fromkeys(line.asset for line in lines if line.asset is not None))
    if command.ticket is None:
        settled = command.settles and not waits
        opening = replace(command.opening, answer=answer, assets=about, wished=told, settled=settled)
        applied = open_ticket(connection, config, opening, now)
    else:
        ticket, desk = find_ticket(connection, config, command.ticket)
        drop_flags(connection, ticket, {"held", "unproved-request"})
        link_assets(connection, ticket.id, about)
        event = write_event(connection, ticket.id, "wished", person.id, now)
        if command.settles and not waits:
            advance_ticket(connection, desk, ticket, ["close_by_customer"], person.id, now)
        message = command.opening.message
        change = Change("wished", person.id, answer=answer)
        tell(connection, config, ticket.id, Told(event, change, assets=told, answered=message.text), now)
        applied = Applied(ticket.id, event=event)
    assert applied.ticket is not None
    for line in done:
        assert line.asset is not None and line.request is not None
        add_request(
            connection, line.asset, line.request, applied.ticket, person.id, now, done=line.request == "renewal"
        )
    return replace(applied, undone=tuple(line.told["why"] for line in lines if not line.done))


@dataclass(frozen=True, slots=True)
class _Asking:
    """One person's wishes in one transaction."""

    connection: Connection
    config: Config
    desk: Desk
    person: PersonFacts
    tree: Tree
    found: dict[int, AssetFacts]
    now: datetime

    def do(self, wish: Wish) -> _Line:
        if wish.action == "register":
            return self._register(wish)
        asset = self.found.get(wish.asset) if wish.asset is not None else None
        if asset is None:
            return self.refused(wish, rule.NOT_YOURS)
        today = today_of(self.connection, self.config, asset.organization, self.now)
        if why := rule.refuse(wish.action, asset, part_in(self.person, asset, self.tree), today):
            return self.refused(wish, why)
        match wish.action:
            case "activate":
                self._change(asset, "activation_requested", None, state=advance(asset.state, "request_activation"))
                return _Line(self._told(asset, wish), asset.id, "reactivation")
            case "renew":
                return self._renew(wish, asset)
            case _:
                return self._end(wish, asset, last_day(asset.term, today))

    def refused(self, wish: Wish, why: str, link: str = "") -> _Line:
        asset = self.found.get(wish.asset) if wish.asset is not None else None
        seen = asset is not None and part_in(self.person, asset, self.tree) != "none"
        told = self._told(asset, wish) if asset and seen else {"name": wish.key or "?", "what": wish.action}
        return _Line(told | {"why": why, "link": link}, asset.id if asset and seen else None)

    def _renew(self, wish: Wish, asset: AssetFacts) -> _Line:
        if asset.state == "deactivation_pending":
            withdraw(self.connection, self.config, asset, self.person.id, self.now)
        confirmed = {"confirmed_for": asset.term.renewal, "confirmed_by": self.person.id, "confirmed_at": self.now}
        day = str(asset.term.renewal)
        self._change(asset, "renewal_confirmed", day, **confirmed, missed=None, state=advance("active", "confirm"))
        return _Line(self._told(asset, wish) | {"day": day}, asset.id, "renewal")

    def _end(self, wish: Wish, asset: AssetFacts, last: date) -> _Line:
        state = advance(asset.state, "request_deactivation")
        unconfirmed = {"confirmed_for": None, "confirmed_by": None, "confirmed_at": None}
        self._change(asset, "deactivation_requested", str(last), state=state, effective=last, **unconfirmed)
        return _Line(self._told(asset, wish) | {"day": str(last)}, asset.id, "deactivation")

    def _register(self, wish: Wish) -> _Line:
        """A device that is none yet (DV-14), unless it is one already (DV-15)."""
        at_desk = (Organization.c.id == Asset.c.organization_id, Organization.c.desk == self.desk.name)
        called = assets.called([wish.key.lower()])
        query = select(*Asset.c).join(Organization, at_desk[0]).where(called, or_(at_desk[1], Asset.c.key == wish.key))
        there = [assets.facts(row) for row in self.connection.execute(query.order_by(Asset.c.id))]
        if mine := next((one for one in there if part_in(self.person, one, self.tree) != "none"), None):
            again = mine.state in ("inactive", "deactivated")
            why = rule.REGISTERED_ONCE if again else rule.REGISTERED
            refused = self.refused(wish, why, assets.address_of(self.config, mine.key))
            return replace(refused, asset=mine.id)
        organization = people.organization_of(self.connection, self.person.id, self.desk.name)
        group, why = self._group(wish, organization)
        if why or organization is None:
            return self.refused(wish, why or rule.NO_RIGHT)
        if there:
            return self.refused(wish, rule.taken_elsewhere(self.desk.team))
        values = {
            "key": wish.key, "organization_id": organization, "group_id": group, "kind": wish.kind, "name": wish.name,
            "plan": wish.plan, "state": UNREGISTERED, "created": self.now, "updated": self.now,
        }  # fmt: skip
        made = insert_into(Asset, self.connection.dialect.name).values(**values)
        id_ = self.connection.execute(made.on_conflict_do_nothing().returning(Asset.c.id)).scalar()
        if id_ is None:  # somebody was quicker by less than a transaction, and is seen now
            return self._register(wish)
        asset = assets.one(self.connection, id_)
        self._change(asset, "activation_requested", None, state=advance(asset.state, "request_activation"))
        return _Line(self._told(asset, wish), asset.id, "activation")

    def _group(self, wish: Wish, organization: int | None) -> tuple[int | None, str]:
        """The group a new device goes to, and why it cannot: the one named, else none, else the first they look after."""
        mine = [
            id_ for id_, group in self.tree.groups.items()
            if group.organization == organization and part(self.person, group.organization, id_, self.tree) == "act"
        ]  # fmt: skip
        if wish.group is not None:
            named = self.connection.execute(select(Group.c.id).where(Group.c.key == wish.group)).scalar()
            return named, "" if named in mine else rule.NO_GROUP
        if organization is not None and part(self.person, organization, None, self.tree) == "act":
            return None, ""
        return (mine[0], "") if mine else (None, rule.NO_RIGHT)

    def _change(self, asset: AssetFacts, kind: str, new: str | None, **values: Any) -> None:
        assets.change(self.connection, asset.id, kind, self.person.id, self.now, values, old=asset.state, new=new)

    def _told(self, asset: AssetFacts, wish: Wish) -> dict[str, Any]:
        return {"name": shown(asset), "what": wish.action}


def shown(asset: AssetFacts) -> str:
    """An asset as its people know it: the key, and the name where it has another."""
    return f"{asset.key} ({asset.name})" if asset.name and asset.name != asset.key else asset.key


def withdraw(connection: Connection, config: Config, asset: AssetFacts, actor: int, now: datetime) -> Any | None:
    """The asset goes on; the ticket that asked for its end, closed when that was all it asked."""
    values = {"state": advance(asset.state, "withdraw"), "effective": None}
    assets.change(connection, asset.id, "deactivation_withdrawn", actor, now, values, old=str(asset.effective))
    return end_requests(connection, config, asset.id, ("deactivation",), "withdrawn", actor, now)


HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {AskForAssets: _ask}
