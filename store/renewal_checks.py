"""What of a mail about renewals still holds when it is about to leave."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from store import assets, people
from store.rules.scope import part_in
from store.schema import Asset

TEMPLATES = frozenset({"renewal_alert", "auto_renewed", "deactivated"})


def still(connection: Connection, row: Any) -> list[dict[str, Any]]:
    """The devices of a mail that its reader may still see, and of an alert those that still wait for a word (DV-27, DV-52).

    `row` is the outbox row; its reader is active.
    """
    devices = row.facts["devices"]
    query = select(*Asset.c).where(Asset.c.id.in_([device["asset"] for device in devices]))
    now = {one.id: assets.facts(one) for one in connection.execute(query)}
    tree = assets.tree(connection, {asset.organization for asset in now.values()})
    person = next(iter(people.facts(connection, [row.person_id])), None)
    kept = []
    for device in devices:
        asset = now.get(device["asset"])
        may = part_in(person, asset, tree) if asset else "none"
        if asset is None or may == "none" or (device["acts"] and may != "act"):
            continue
        open_ = asset.state == "active" and not asset.term.confirmed and f"{asset.term.renewal}" == device["day"]
        if open_ or row.template != "renewal_alert":
            kept.append(device)
    return kept
