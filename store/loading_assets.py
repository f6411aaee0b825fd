"""How `postern load` writes an asset: what the file names is so from now on, the rest lives on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from store.config import Config
from store.load_form import AssetRow
from store.organizations import today_of
from store.rows import insert_row
from store.rules.terms import Term, last_day
from store.schema import Asset, AssetEvent

_PLAIN = ("kind", "name", "model", "serial", "external_id")


def put_asset(
    connection: Connection, config: Config, row: AssetRow, organization: int, group: int | None, now: datetime
) -> int:
    """Inserts or updates the asset with this key, and remembers in its history what changed; its id."""
    old = connection.execute(select(*Asset.c).where(Asset.c.key == row.key)).first()
    named = row.model_fields_set | ({"state", "plan", *_PLAIN} if old is None else set())
    values: dict[str, Any] = {name: getattr(row, name) for name in (*_PLAIN, "state", "plan") if name in named}
    values |= {name: getattr(row, name) for name in ("renewal_date", "contract_end") if name in named}
    values |= {"organization_id": organization, "updated": now} | ({"group_id": group} if "group" in named else {})
    if values.get("renewal_date") and (old is None or values["renewal_date"] != old.renewal_date):
        values |= {"anchor_day": values["renewal_date"].day, "confirmed_for": None, "missed": None}
    if "state" in values and (old is None or values["state"] != old.state):
        values["effective"] = _effective(connection, config, {**(old._mapping if old else {}), **values}, now)
    if old is None:
        asset = insert_row(connection, Asset, {"key": row.key, **values, "created": now})
    else:
        asset = int(old.id)
        connection.execute(update(Asset).where(Asset.c.id == asset).values(**values))
    was, is_ = (old.state if old else None), values.get("state", old.state if old else None)
    if was != is_:
        event = {"asset_id": asset, "kind": "loaded", "actor_id": None, "at": now, "old": was, "new": is_}
        insert_row(connection, AssetEvent, event)
    return asset


def _effective(connection: Connection, config: Config, asset: dict[str, Any], now: datetime) -> Any:
    """The last active day of one that is loaded as about to be deactivated."""
    if asset["state"] != "deactivation_pending":
        return None
    term = Term(asset["plan"], asset.get("renewal_date"), asset.get("contract_end"))
    return last_day(term, today_of(connection, config, asset["organization_id"], now))
