"""What the days of an organisation are."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from store.config import Config
from store.rules.calendar import today
from store.schema import Organization


def day_at(config: Config, organization: Any, now: datetime) -> date:
    """The day it is where an organisation is, else where its desk is (A-34): of a row that has its `timezone` and `desk`."""
    return today(now, organization.timezone or config.desks[organization.desk].timezone)


def today_of(connection: Connection, config: Config, organization: int, now: datetime) -> date:
    """As `day_at`, of an organisation by its id."""
    query = select(Organization.c.timezone, Organization.c.desk).where(Organization.c.id == organization)
    return day_at(config, connection.execute(query).one(), now)


def desk_of(connection: Connection, organization: int) -> str:
    """The desk that an organisation belongs to."""
    name: str = connection.execute(select(Organization.c.desk).where(Organization.c.id == organization)).scalar_one()
    return name
