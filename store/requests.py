"""What was asked about assets: a row for each, tied to its ticket, which ends with the last of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select, update

from store.config import Config
from store.rows import advance_ticket, find_ticket, insert_row, write_event
from store.schema import AssetRequest

RequestKind = Literal["activation", "reactivation", "deactivation", "renewal", "move"]
RequestEnd = Literal["done", "refused", "withdrawn"]


def add_request(
    connection: Connection, asset: int, kind: RequestKind, ticket: int, by: int, now: datetime, *, done: bool = False
) -> None:
    """Remembers what was asked; `done`: nobody has to do anything more for it."""
    values = {"asset_id": asset, "kind": kind, "ticket_id": ticket, "by_id": by, "at": now}
    insert_row(connection, AssetRequest, {**values, "state": "done" if done else "open"})


def end_requests(
    connection: Connection, config: Config, asset: int, kinds: tuple[RequestKind, ...], end: RequestEnd, actor: int | None,
    now: datetime,
) -> Any | None:  # fmt: skip
    """Ends the open requests of these kinds about an asset; the ticket of the last, None when there was none.

    A ticket on which nothing is left open is closed without a mail: whoever ends a request tells of it.
    """
    mine = (AssetRequest.c.asset_id == asset, AssetRequest.c.kind.in_(kinds), AssetRequest.c.state == "open")
    query = select(AssetRequest.c.id, AssetRequest.c.ticket_id).where(*mine).order_by(AssetRequest.c.id)
    rows = connection.execute(query).all()
    connection.execute(update(AssetRequest).where(AssetRequest.c.id.in_([row.id for row in rows])).values(state=end))
    tickets = dict.fromkeys(row.ticket_id for row in rows if row.ticket_id is not None)
    found = None
    for ticket_id in tickets:
        left = select(AssetRequest.c.id).where(AssetRequest.c.ticket_id == ticket_id, AssetRequest.c.state == "open")
        found, desk = find_ticket(connection, config, ticket_id)
        if connection.execute(left.limit(1)).first() is None and found.state != "closed":
            write_event(connection, found.id, "closed", actor, now)
            advance_ticket(connection, desk, found, ["close_by_support"], actor, now)
    return found
