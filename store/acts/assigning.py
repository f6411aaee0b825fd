"""Who works on a ticket is told that it became theirs, and who did that it is theirs no longer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from store import people
from store.config import Config
from store.rules.fanout import Change
from store.telling import Told, tell


def tell_assignees(
    connection: Connection, config: Config, ticket: int, event: int, actor: int, former: int | None, assignee: int | None,
    now: datetime,
) -> None:  # fmt: skip
    """Tells of a ticket that went from its former assignee to another, each of them an agent or nobody."""
    if former == assignee:
        return
    found = people.facts(connection, [assignee]) if assignee is not None else []
    name = found[0].name or found[0].email if found else ""
    tell(connection, config, ticket, Told(event, Change("assigned", actor, True, addressee=assignee)), now)
    tell(connection, config, ticket, Told(event, Change("unassigned", actor, True, addressee=former), about=name), now)
