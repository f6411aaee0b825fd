"""Applies who has which right on a group of assets. Raises BadInput; a right that is taken is gone at once (DV-52)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from store import assets, people
from store.acts.conversation import Applied
from store.commands.assets import GiveGrant, TakeGrant
from store.commands.values import Author
from store.config import Config
from store.errors import BadInput, NotFound
from store.organizations import desk_of
from store.rows import write_event
from store.rules.events import DeskEvent
from store.rules.people import PersonFacts
from store.rules.scope import GroupFacts, may_grant
from store.schema import Grant, Group


def _give(connection: Connection, config: Config, command: GiveGrant, now: datetime) -> Applied:
    group, by = _group_and_giver(connection, config, command.group, command.by)
    person = people.find(connection, command.to)
    if person is None or group.organization not in dict(person.organizations):
        raise BadInput(f"{command.to} is no member of the organization of {command.group}")
    before = _take_away(connection, group.id, person.id)
    connection.execute(insert(Grant).values(person_id=person.id, group_id=group.id, right=command.right))
    return _noted(connection, "granted", by, command.group, person.email, before, command.right, now)


def _take(connection: Connection, config: Config, command: TakeGrant, now: datetime) -> Applied:
    group, by = _group_and_giver(connection, config, command.group, command.by)
    person = people.find(connection, command.of)
    before = _take_away(connection, group.id, person.id) if person else None
    if person is None or before is None:
        raise NotFound(f"{command.of} has no right of their own on {command.group}")
    return _noted(connection, "revoked", by, command.group, person.email, before, None, now)


def _group_and_giver(
    connection: Connection, config: Config, key: str, by: Author
) -> tuple[GroupFacts, PersonFacts]:  # fmt: skip
    """The group, and who may give rights on it: an administrator, or somebody of the desk's staff (A-18)."""
    row = connection.execute(select(*Group.c).where(Group.c.key == key)).first()
    if row is None:
        raise NotFound(f"there is no group {key!r}")
    tree = assets.tree(connection, [row.organization_id])
    group, person = tree.groups[row.id], people.find(connection, by.email)
    desk = config.desks.get(desk_of(connection, group.organization))
    staff = desk is not None and person is not None and person.works_at(desk.name)
    wide = desk is not None and desk.group_admin_assign
    if person is None or not (staff or may_grant(person, group, tree, wide)):
        raise BadInput(f"{by.email} may not give or take rights on {key}")
    return group, person


def _take_away(connection: Connection, group: int, person: int) -> str | None:
    """The right they had; None when they had none."""
    mine = (Grant.c.group_id == group, Grant.c.person_id == person)
    before: str | None = connection.execute(select(Grant.c.right).where(*mine)).scalar()
    connection.execute(delete(Grant).where(*mine))
    return before


def _noted(
    connection: Connection, kind: DeskEvent, by: PersonFacts, group: str, email: str, old: str | None, new: str | None,
    now: datetime,
) -> Applied:  # fmt: skip
    old, new = (f"{group}: {email} {right}" if right else None for right in (old, new))
    return Applied(None, event=write_event(connection, None, kind, by.id, now, old=old, new=new))


HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {GiveGrant: _give, TakeGrant: _take}
