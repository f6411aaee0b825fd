"""What people and programs read of assets and their groups: the JSON forms of `postern assets`, `asset` and `groups`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from store import assets
from store.config import Config
from store.errors import NotFound
from store.organizations import day_at
from store.renewal_mails import Audience
from store.rules.people import PersonFacts
from store.rules.scope import Counts, count, is_active, part_in
from store.rules.terms import due, mark, next_invoice
from store.schema import Asset, AssetEvent, AssetRequest, Group, Organization, Person, Ticket
from store.ticket_assets import tickets_about
from store.views import iso, tags

_COLUMNS = (
    select(
        *Asset.c, Organization.c.key.label("organization"), Organization.c.desk, Organization.c.timezone,
        Organization.c.name.label("organization_name"), Group.c.key.label("group"), Person.c.email.label("confirmed_by_email"),
    )
    .join(Organization, Organization.c.id == Asset.c.organization_id)
    .outerjoin(Group, Group.c.id == Asset.c.group_id)
    .outerjoin(Person, Person.c.id == Asset.c.confirmed_by)
)  # fmt: skip


def list_assets(
    connection: Connection, config: Config, now: datetime, *, desk: str | None = None, organization: str | None = None,
    only_due: bool = False, visible_to: PersonFacts | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Assets by key; `only_due`: active ones in the window before their renewal; `visible_to`: what that person may see."""
    query = _COLUMNS.where(Organization.c.desk.in_([desk] if desk else list(config.desks))).order_by(Asset.c.key)
    if organization is not None:
        query = query.where(Organization.c.key == organization)
    rows = connection.execute(query).all()
    if visible_to is not None:
        tree = assets.tree(connection, {row.organization_id for row in rows})
        rows = [row for row in rows if part_in(visible_to, assets.facts(row), tree) != "none"]
    if only_due:
        rows = [row for row in rows if row.state == "active" and due(assets.facts(row).term, day_at(config, row, now))]
    return [_asset(config, row, now) for row in rows]


def one_asset(
    connection: Connection, config: Config, key: str, now: datetime, *, visible_to: PersonFacts | None = None
) -> dict[str, Any]:
    """An asset with what was asked of it, its history, its tickets, and who is warned of its renewal.

    Raises NotFound; with `visible_to` also when that person has no part in it and is not on the staff of its desk.
    """
    row = connection.execute(_COLUMNS.where(Asset.c.key == key)).first()
    if row is None or row.desk not in config.desks:
        raise NotFound(f"there is no asset {key!r}")
    audience = Audience(connection, config.desks[row.desk], [row.organization_id])
    seen = visible_to is None or visible_to.works_at(row.desk)
    if not seen and part_in(visible_to, assets.facts(row), audience.tree) == "none":
        raise NotFound(f"there is no asset {key!r}")
    return _asset(config, row, now) | {
        "id": row.id,
        "organization_name": row.organization_name,
        "group_path": audience.tree.path(row.group_id),
        "requests": _requests(connection, config, row.id),
        "events": _events(connection, row.id),
        "tickets": _tickets(connection, config, row.id),
        "warned": [one.person.email for one in audience.at(row.organization_id, row.group_id)],
    }


def list_groups(
    connection: Connection, config: Config, now: datetime, *, desk: str | None = None
) -> list[dict[str, Any]]:
    """Groups by key, with their counts, who has which right on them and from where, and who is warned of renewals."""
    query = (
        select(*Group.c, Organization.c.key.label("organization"), Organization.c.desk, Organization.c.timezone)
        .join(Organization, Organization.c.id == Group.c.organization_id)
        .where(Organization.c.desk.in_([desk] if desk else list(config.desks)))
        .order_by(Group.c.key)
    )
    rows = connection.execute(query).all()
    told = []
    for organization in dict.fromkeys(row.organization_id for row in rows):
        mine = [row for row in rows if row.organization_id == organization]
        told += _groups(connection, config, mine, now)
    return sorted(told, key=lambda group: str(group["key"]))


def _groups(connection: Connection, config: Config, rows: Sequence[Any], now: datetime) -> list[dict[str, Any]]:
    """Those of one organisation."""
    first = rows[0]
    audience = Audience(connection, config.desks[first.desk], [first.organization_id])
    tree = audience.tree
    of = connection.execute(select(*Asset.c).where(Asset.c.organization_id == first.organization_id))
    counts = count(tree, map(assets.facts, of), day_at(config, first, now))
    keys = {row.id: row.key for row in rows}
    return [
        {
            "key": row.key, "name": row.name, "reference": row.reference, "organization": row.organization,
            "parent": keys.get(row.parent_id), "enabled": row.enabled, "active": is_active(tree.groups[row.id], counts[row.id]),
            **_counted(counts[row.id]), "grants": _grants(audience, row.id, keys),
            "warned": [one.person.email for one in audience.at(first.organization_id, row.id)],
        }
        for row in rows
    ]  # fmt: skip


def _counted(counts: Counts) -> dict[str, int]:
    return {"active_assets": counts.active, "due_assets": counts.due}


def _grants(audience: Audience, group: int, keys: dict[int, str]) -> list[dict[str, str]]:
    """The rights on a group, its own before those that come from the groups above it."""
    return [
        {"email": (who := audience.person(person)).email, "status": who.status, "right": right, "of": keys[one]}
        for one in audience.tree.upwards(group)
        for person, right in audience.tree.grants.get(one, ())
    ]  # fmt: skip


def _asset(config: Config, row: Any, now: datetime) -> dict[str, Any]:
    term, today = assets.facts(row).term, day_at(config, row, now)
    invoice = next_invoice(term, today) if row.state in ("active", "deactivation_pending") else None
    return {
        "key": row.key, "kind": row.kind, "name": row.name, "model": row.model, "serial": row.serial,
        "external_id": row.external_id, "desk": row.desk, "organization": row.organization, "group": row.group,
        "state": row.state, "plan": row.plan,
        "renewal_date": _day(row.renewal_date if term.renews else None),  # DV-25: none for a monthly one
        "contract_end": _day(row.contract_end), "mark": mark(term, today) if row.state == "active" else "",
        "confirmed": term.confirmed, "confirmed_by": row.confirmed_by_email if term.confirmed else None,
        "confirmed_at": iso(row.confirmed_at) if term.confirmed and row.confirmed_at else None,
        "missed": _day(row.missed), "effective": _day(row.effective), "next_invoice": _day(invoice),
    }  # fmt: skip


def _requests(connection: Connection, config: Config, asset: int) -> list[dict[str, Any]]:
    query = (
        select(*AssetRequest.c, Person.c.email)
        .outerjoin(Person, Person.c.id == AssetRequest.c.by_id)
        .where(AssetRequest.c.asset_id == asset)
        .order_by(AssetRequest.c.id)
    )
    rows = connection.execute(query).all()
    named = tags(connection, config, {row.ticket_id for row in rows if row.ticket_id is not None})
    return [
        {"kind": r.kind, "state": r.state, "by": r.email, "at": iso(r.at), "ticket": named.get(r.ticket_id)}
        for r in rows
    ]


def _events(connection: Connection, asset: int) -> list[dict[str, Any]]:
    query = (
        select(*AssetEvent.c, Person.c.email)
        .outerjoin(Person, Person.c.id == AssetEvent.c.actor_id)
        .where(AssetEvent.c.asset_id == asset)
        .order_by(AssetEvent.c.id)
    )
    return [
        {"kind": r.kind, "actor": r.email, "at": iso(r.at), "old": r.old, "new": r.new}
        for r in connection.execute(query)
    ]


def _tickets(connection: Connection, config: Config, asset: int) -> list[str]:
    ids = list(connection.execute(tickets_about(asset).order_by(Ticket.c.id)).scalars())
    named = tags(connection, config, set(ids))
    return [named[id_] for id_ in ids]


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
