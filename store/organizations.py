"""What the days of an organisation are."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection, select

from store.config import Config
from store.rules.pacing import zone
from store.schema import Organization


def today_of(connection: Connection, config: Config, organization: int, now: datetime) -> date:
    """The day it is where the organisation is, else where its desk is (A-34)."""
    query = select(Organization.c.timezone, Organization.c.desk).where(Organization.c.id == organization)
    row = connection.execute(query).one()
    return now.astimezone(zone(row.timezone or config.desks[row.desk].timezone)).date()


def desk_of(connection: Connection, organization: int) -> str:
    """The desk that an organisation belongs to."""
    name: str = connection.execute(select(Organization.c.desk).where(Organization.c.id == organization)).scalar_one()
    return name
