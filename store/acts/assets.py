"""Applies what staff and administrators do with one asset. Raises BadInput for what its state or their part does not allow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select

from store import assets, people
from store.acts.conversation import Applied
from store.acts.wishing import shown, withdraw
from store.commands.assets import (
    AcknowledgeMissed,
    CompleteActivation,
    MoveAsset,
    RefuseActivation,
    WithdrawDeactivation,
)
from store.commands.values import Author
from store.config import Config
from store.errors import BadInput
from store.organizations import desk_of, today_of
from store.requests import RequestEnd, end_requests
from store.rows import write_event
from store.rules.assets import AssetState, Trigger, advance
from store.rules.fanout import Change
from store.rules.people import PersonFacts
from store.rules.scope import AssetFacts, Tree, part, part_in
from store.rules.terms import MONTHS, later
from store.rules.wishes import NO_RIGHT, NOT_YOURS
from store.schema import Group
from store.telling import Told, tell


def _complete(connection: Connection, config: Config, command: CompleteActivation, now: datetime) -> Applied:
    asset, person = _by_staff(connection, config, command.asset, command.by, now)
    state = _after(asset, "complete")
    renewal = command.renewal_date
    if renewal is None and command.plan in ("quarterly", "yearly"):
        today = today_of(connection, config, asset.organization, now)
        renewal = later(today, MONTHS[command.plan], today.day)
    values = {
        "state": state, "plan": command.plan, "renewal_date": renewal, "contract_end": command.contract_end,
        "anchor_day": renewal.day if renewal else None, "confirmed_for": None, "missed": None, "effective": None,
    }  # fmt: skip
    assets.change(connection, asset.id, "activated", person.id, now, values, old=asset.state, new=command.plan)
    told = {"name": shown(asset), "what": "activated", "day": str(renewal) if renewal else ""}
    return _settle(connection, config, asset, person, "done", "activated", told, now)


def _refuse(connection: Connection, config: Config, command: RefuseActivation, now: datetime) -> Applied:
    asset, person = _by_staff(connection, config, command.asset, command.by, now)
    values = {"state": _after(asset, "refuse")}
    assets.change(connection, asset.id, "not_activated", person.id, now, values, old=asset.state, new=command.reason)
    told = {"name": shown(asset), "what": "activate", "why": command.reason}
    return _settle(connection, config, asset, person, "refused", "not_activated", told, now)


def _settle(
    connection: Connection, config: Config, asset: AssetFacts, person: PersonFacts, end: RequestEnd,
    kind: Literal["activated", "not_activated"],
    told: dict[str, Any], now: datetime,
) -> Applied:  # fmt: skip
    """Whoever asked is told on their ticket; nobody, when nobody had asked."""
    ticket = end_requests(connection, config, asset.id, ("activation", "reactivation"), end, person.id, now)
    if ticket is None:
        return Applied(None)
    event = write_event(connection, ticket.id, kind, person.id, now, new=asset.key)
    change = Change(kind, person.id, by_support=True, answer="command_refused")
    tell(connection, config, ticket.id, Told(event, change, assets=(told,)), now)
    return Applied(ticket.id, event=event)


def _withdraw(connection: Connection, config: Config, command: WithdrawDeactivation, now: datetime) -> Applied:
    asset, person, _tree = _by_admin(connection, config, command.asset, command.by, now)
    _after(asset, "withdraw")
    ticket = withdraw(connection, config, asset, person.id, now)
    if ticket is None:
        return Applied(None)
    event = write_event(connection, ticket.id, "withdrawn", person.id, now, new=asset.key)
    told = Told(event, Change("closed", person.id, by_support=False))
    tell(connection, config, ticket.id, told, now)
    return Applied(ticket.id, event=event)


def _acknowledge(connection: Connection, config: Config, command: AcknowledgeMissed, now: datetime) -> Applied:
    asset, person, _tree = _by_admin(connection, config, command.asset, command.by, now)
    if asset.term.missed is None:
        raise BadInput(f"{asset.key} has missed no renewal")
    values = {"missed": None, "state": _after(asset, "acknowledge")}
    assets.change(connection, asset.id, "acknowledged", person.id, now, values, old=str(asset.term.missed))
    return Applied(None)


def _move(connection: Connection, config: Config, command: MoveAsset, now: datetime) -> Applied:
    asset, person, tree = _by_admin(connection, config, command.asset, command.by, now)
    group = None
    if command.group is not None:
        query = select(Group.c.id, Group.c.organization_id).where(Group.c.key == command.group)
        row = connection.execute(query).first()
        if row is None or row.organization_id != asset.organization:
            raise BadInput(f"there is no group {command.group!r} in the organization of {asset.key}")
        group = int(row.id)
    staff = person.works_at(desk_of(connection, asset.organization))
    if not staff and part(person, asset.organization, group, tree) != "act":
        raise BadInput(f"{person.email} may not move anything to {command.group or 'no group'}")
    values = {"group_id": group, "state": _after(asset, "move")}
    old, new = _name(connection, asset.group), command.group
    assets.change(connection, asset.id, "moved", person.id, now, values, old=old, new=new)
    return Applied(None)


def _name(connection: Connection, group: int | None) -> str | None:
    name: str | None = connection.execute(select(Group.c.key).where(Group.c.id == group)).scalar()
    return name


def _after(asset: AssetFacts, trigger: Trigger) -> AssetState:
    state = advance(asset.state, trigger)
    if state is None:
        raise BadInput(f"{asset.key} is {asset.state.replace('_', ' ')}: {trigger.replace('_', ' ')} is not possible")
    return state


def _by_staff(
    connection: Connection, config: Config, asset: int, by: Author, now: datetime
) -> tuple[AssetFacts, PersonFacts]:
    found = assets.one(connection, asset)
    person = people.find(connection, by.email)
    desk = desk_of(connection, found.organization)
    if person is None or not person.works_at(desk):
        raise BadInput(f"{by.email} is not on the staff of {desk}")
    return found, person


def _by_admin(
    connection: Connection, config: Config, asset: int, by: Author, now: datetime
) -> tuple[AssetFacts, PersonFacts, Tree]:
    """The asset, and its administrator or somebody of the desk's staff."""
    found = assets.one(connection, asset)
    person, tree = people.find(connection, by.email), assets.tree(connection, [found.organization])
    may = part_in(person, found, tree)
    if person is None or (may != "act" and not person.works_at(desk_of(connection, found.organization))):
        raise BadInput(NO_RIGHT if may == "read" else NOT_YOURS)
    return found, person, tree


HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {
    CompleteActivation: _complete,
    RefuseActivation: _refuse,
    WithdrawDeactivation: _withdraw,
    AcknowledgeMissed: _acknowledge,
    MoveAsset: _move,
}
