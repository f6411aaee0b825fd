"""Templates of a desk's own that broke, for the ticket of the mail and for whoever watches the gateway (BR-07)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, delete, select

from store.config import Config
from store.database import Store
from store.rows import write_event
from store.rules.desk import Desk
from store.schema import BrokenTemplate, Event, insert_into

_NEVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class State:
    """A template that is broken: where in the folder of its desk, and what; when a mail met it last."""

    desk: str
    fault: str
    met: datetime


def states(connection: Connection, config: Config) -> list[State]:
    """What is broken still: a change of the desk's folder is taken for a repair, until a mail says otherwise."""
    rows = connection.execute(select(*BrokenTemplate.c).order_by(BrokenTemplate.c.desk, BrokenTemplate.c.fault)).all()
    changed = {name: _changed(config.desks[name]) for name in {row.desk for row in rows} if name in config.desks}
    return [
        State(row.desk, row.fault, row.at)
        for row in rows
        if (since := changed.get(row.desk)) is not None and since < row.at
    ]


def note(store: Store, desk: Desk, ticket_id: int | None, fault: str, now: datetime) -> None:
    """Keeps that a mail was not made from the desk's own template, and why; the ticket shows it once. Raises Temporary."""
    same = (Event.c.ticket_id == ticket_id, Event.c.kind == "template_broken", Event.c.new == fault)
    place = fault.removeprefix(f"{desk.templates}/")
    with store.write() as connection:
        old = (BrokenTemplate.c.desk == desk.name, BrokenTemplate.c.at <= (_changed(desk) or now))
        connection.execute(delete(BrokenTemplate).where(*old))
        met = insert_into(BrokenTemplate, connection.dialect.name).values(desk=desk.name, fault=place, at=now)
        connection.execute(met.on_conflict_do_update(index_elements=["desk", "fault"], set_={"at": now}))
        if ticket_id is not None and connection.execute(select(Event.c.id).where(*same).limit(1)).first() is None:
            write_event(connection, ticket_id, "template_broken", None, now, new=fault)


def _changed(desk: Desk) -> datetime | None:
    """When somebody last changed anything in its folder, which a file taken out changes too; None without a folder."""
    if not desk.templates:
        return None
    folder, last = Path(desk.templates), 0.0
    try:
        for path in (folder, *folder.rglob("*")):
            last = max(last, path.stat().st_mtime)
    except OSError:  # a folder that is gone repairs nothing
        return _NEVER
    return datetime.fromtimestamp(last, UTC)
