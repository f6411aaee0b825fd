"""Which rounds of the clock are done. A mark spares work; what must happen once is kept by the rows of that work themselves."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from store.config import Config
from store.questions import Question, among
from store.schema import ClockMark, Organization, insert_into

LOOK_OFTEN = timedelta(minutes=10)  # between the times at which a look that found nothing is written down

_MARKS = Question(select(*ClockMark.c))
_PLACES = Question(
    select(Organization.c.desk, Organization.c.timezone).distinct().where(among(Organization.c.desk, "desks"))
)


def marks(connection: Connection) -> dict[str, Any]:
    """All of them, by name: `day` and `at`."""
    return {row.name: row for row in _MARKS.ask(connection, {})}


def mark(connection: Connection, name: str, day: date, now: datetime) -> None:
    """Remembers that the round of a day is done."""
    made = insert_into(ClockMark, connection.dialect.name).values(name=name, day=day, at=now)
    connection.execute(made.on_conflict_do_update(index_elements=["name"], set_={"day": day, "at": now}))


def zone_names(config: Config, desk: str, zone: str) -> list[str]:
    """How organisations of a desk may name a time zone: those that name none live in the desk's."""
    return [zone, ""] if config.desks[desk].timezone == zone else [zone]


def places(connection: Connection, config: Config) -> list[tuple[str, str]]:
    """Each desk with each time zone that organisations of it live in (A-34)."""
    rows = _PLACES.ask(connection, {"desks": list(config.desks)})
    return sorted({(desk, timezone or config.desks[desk].timezone) for desk, timezone in rows})
