"""Assets and their groups as the rules see them, and every change of one, with its line in the history."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from store import people
from store.config import Config
from store.errors import NotFound
from store.questions import Question, among
from store.rows import insert_row
from store.rules.people import PersonFacts
from store.rules.scope import AssetFacts, GroupFacts, Tree, part_in
from store.rules.terms import Term
from store.schema import Asset, AssetEvent, Grant, Group, Membership, Organization

# What AssetFacts are made of.
FACTS = (
    Asset.c.id, Asset.c.key, Asset.c.name, Asset.c.organization_id, Asset.c.group_id, Asset.c.state, Asset.c.plan,
    Asset.c.renewal_date, Asset.c.contract_end, Asset.c.anchor_day, Asset.c.confirmed_for, Asset.c.missed, Asset.c.effective,
)  # fmt: skip
_GROUPS = Question(
    select(Group.c.id, Group.c.organization_id, Group.c.parent_id, Group.c.enabled, Group.c.name, Group.c.key).where(
        among(Group.c.organization_id, "organizations")
    )
)
_GRANTS = Question(
    select(Grant.c.group_id, Grant.c.person_id, Grant.c.right)
    .join(Group, Group.c.id == Grant.c.group_id)
    .where(among(Group.c.organization_id, "organizations"))
    .order_by(Grant.c.id)
)
_ADMINS = Question(
    select(Membership.c.organization_id, Membership.c.person_id)
    .where(among(Membership.c.organization_id, "organizations"), Membership.c.role == "admin")
    .order_by(Membership.c.id)
)


def facts(row: Any) -> AssetFacts:
    """The facts of an asset's row."""
    term = Term(row.plan, row.renewal_date, row.contract_end, row.anchor_day, row.confirmed_for, row.missed)
    return AssetFacts(row.id, row.key, row.name, row.organization_id, row.group_id, row.state, term, row.effective)


def by_key(connection: Connection, key: str) -> AssetFacts:
    """The asset with this key. Raises NotFound."""
    row = connection.execute(select(*Asset.c).where(Asset.c.key == key)).first()
    if row is None:
        raise NotFound(f"there is no asset {key!r}")
    return facts(row)


def locked(connection: Connection, ids: Sequence[int]) -> dict[int, AssetFacts]:
    """Assets by id, locked until the transaction ends, in an order in which no two of them wait for each other."""
    query = select(*Asset.c).where(Asset.c.id.in_(ids)).order_by(Asset.c.id).with_for_update()
    return {row.id: facts(row) for row in connection.execute(query)}


def one(connection: Connection, id_: int) -> AssetFacts:
    """One asset, locked. Raises NotFound."""
    found = locked(connection, [id_]).get(id_)
    if found is None:
        raise NotFound("there is no such asset")
    return found


def tree(connection: Connection, organizations: Collection[int]) -> Tree:
    """The groups of these organisations and the rights on them."""
    of_these = {"organizations": list(organizations)}
    groups = {
        row.id: GroupFacts(row.id, row.organization_id, row.parent_id, row.enabled, row.name or row.key)
        for row in _GROUPS.ask(connection, of_these)
    }
    grants: dict[int, list[tuple[int, Any]]] = {}
    for group, person, right in _GRANTS.ask(connection, of_these):
        grants.setdefault(group, []).append((person, right))
    return Tree(groups, grants)


def holders(connection: Connection, tree: Tree, organizations: Collection[int]) -> dict[int, list[PersonFacts]]:
    """Everybody with a part in the assets of each organisation: its admins, and whoever has a right on one of its groups."""
    of: dict[int, dict[int, None]] = {organization: {} for organization in organizations}
    for organization, person in _ADMINS.ask(connection, {"organizations": list(organizations)}):
        of[organization][person] = None
    for group, granted in tree.grants.items():
        of[tree.groups[group].organization].update(dict.fromkeys(person for person, _right in granted))
    known = {one.id: one for one in people.facts(connection, [id_ for ids in of.values() for id_ in ids])}
    return {organization: [known[id_] for id_ in ids] for organization, ids in of.items()}


def address_of(config: Config, key: str) -> str:
    """Where the page of an asset is."""
    return f"{config.base_url}/asset/{quote(key)}"


def called(names: Iterable[str]) -> ColumnElement[bool]:
    """Whether an asset goes by one of these names, which are in lower case: its key, external id or serial number."""
    wanted = list(names)
    return or_(*(func.lower(column).in_(wanted) for column in (Asset.c.key, Asset.c.external_id, Asset.c.serial)))


def named(connection: Connection, desk: str, person: PersonFacts, words: Iterable[str]) -> tuple[int, ...]:
    """The assets of a desk that somebody may see and that one of these words names: by key, external id or serial number."""
    wanted = {word.lower() for word in words if word}
    organizations = [organization for organization, _role in person.organizations]
    if not wanted or not organizations:
        return ()
    query = (
        select(*Asset.c)
        .join(Organization, Organization.c.id == Asset.c.organization_id)
        .where(Organization.c.desk == desk, Asset.c.organization_id.in_(organizations), called(wanted))
        .order_by(Asset.c.id)
    )
    found = [facts(row) for row in connection.execute(query)]
    if not found:
        return ()
    of = tree(connection, {asset.organization for asset in found})
    return tuple(asset.id for asset in found if part_in(person, asset, of) != "none")


def change(
    connection: Connection, asset: int, kind: str, actor: int | None, now: datetime, values: dict[str, Any], *,
    old: str | None = None, new: str | None = None,
) -> None:  # fmt: skip
    """Changes an asset and remembers it in its history."""
    connection.execute(update(Asset).where(Asset.c.id == asset).values(**values, updated=now))
    event = {"asset_id": asset, "kind": kind, "actor_id": actor, "at": now, "old": old, "new": new}
    insert_row(connection, AssetEvent, event)
