"""Which assets a ticket is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, or_, select, update

from store.questions import portions
from store.schema import Asset, Ticket, TicketAsset, insert_into


def link_assets(connection: Connection, ticket_id: int, assets: Sequence[int]) -> None:
    """Ties a ticket to assets (DV-37): to one by its own row, to several by a row for each."""
    if len(assets) == 1:
        connection.execute(update(Ticket).where(Ticket.c.id == ticket_id).values(asset_id=assets[0]))
    elif assets:
        rows = [{"ticket_id": ticket_id, "asset_id": asset} for asset in assets]
        connection.execute(insert_into(TicketAsset, connection.dialect.name).on_conflict_do_nothing(), rows)


def tickets_about(asset: int) -> Select[Any]:
    """The ids of the tickets that are about an asset."""
    among = select(TicketAsset.c.ticket_id).where(TicketAsset.c.asset_id == asset)
    return select(Ticket.c.id).where(or_(Ticket.c.asset_id == asset, Ticket.c.id.in_(among)))


def assets_of(connection: Connection, tickets: Sequence[int]) -> dict[int, list[str]]:
    """The keys of the assets of those tickets that are about several."""
    query = select(TicketAsset.c.ticket_id, Asset.c.key).join(Asset, Asset.c.id == TicketAsset.c.asset_id)
    found: dict[int, list[str]] = {}
    for ids in portions(tickets):
        for ticket, key in connection.execute(query.where(TicketAsset.c.ticket_id.in_(ids)).order_by(Asset.c.key)):
            found.setdefault(ticket, []).append(key)
    return found
