"""The last care of a ticket is taken back: for ten minutes, from what its event kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, null, select, update

from store import people
from store.acts import care, merging, moving, sifting
from store.acts.assigning import tell_assignees
from store.acts.conversation import Applied
from store.commands import UndoLast
from store.config import Config
from store.errors import BadInput
from store.rows import find_ticket, write_event
from store.schema import Event

PATIENCE = timedelta(minutes=10)
_UNDO = {**care.UNDO, **moving.UNDO, **merging.UNDO, **sifting.UNDO}


def _undo(connection: Connection, config: Config, command: UndoLast, now: datetime) -> Applied:
    ticket, desk = find_ticket(connection, config, command.ticket)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    tag = f"{desk.key}#{ticket.number}"
    kept = select(*Event.c).where(Event.c.ticket_id == ticket.id, Event.c.before.is_not(None))
    event = connection.execute(kept.order_by(Event.c.id.desc()).limit(1)).first()
    if event is None:
        raise BadInput(f"there is nothing to take back: no care of {tag} is left that could be")
    if now - event.at > PATIENCE:
        minutes = PATIENCE.seconds // 60
        raise BadInput(f"there is nothing to take back: the last care of {tag} is more than {minutes} minutes old")
    if event.kind != "moved" or event.actor_id != actor:  # whoever sent it to another desk may fetch it back from there
        care.find_agent(connection, desk, command.by.email)
    _UNDO[event.kind](connection, config, ticket, event, actor, now)
    connection.execute(update(Event).where(Event.c.id == event.id).values(before=null()))
    undone = write_event(connection, ticket.id, "undone", actor, now, old=event.kind)
    after, _desk = find_ticket(connection, config, ticket.id)
    if event.kind == "assigned":
        tell_assignees(connection, config, ticket.id, undone, actor, ticket.assignee_id, after.assignee_id, now)
    return Applied(after.id, event=undone)


HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {UndoLast: _undo}
