"""A ticket goes to another department, or to another desk: there it gets a number, and the old one leads to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from store import people
from store.acts import condition
from store.acts.conversation import Applied
from store.acts.joining import copy_cc, copy_consulted, give_messages, join_people, messages_of, retire, revive
from store.commands import MoveTicket
from store.config import Config
from store.errors import BadInput
from store.rows import find_ticket, insert_row, take_number, write_event
from store.rules.desk import Desk
from store.rules.fanout import Change
from store.schema import Staff, Ticket
from store.telling import Told, tell
from store.threads import Threads

_KEPT = ("subject", "requester_id", "priority", "origin", "last_reply_by", "flags", "fields", "closed_at", "created")


def _move(connection: Connection, config: Config, command: MoveTicket, now: datetime) -> Applied:
    ticket, desk = find_ticket(connection, config, command.ticket)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    if command.desk is not None and command.desk not in config.desks:
        raise BadInput(f"there is no desk {command.desk!r}; there are {', '.join(sorted(config.desks))}")
    there = config.desks[command.desk] if command.desk else desk
    if there.name != desk.name:
        return _move_to_desk(connection, config, ticket, desk, there, command.department, actor, now)
    department = _department(desk, command.department)
    if department == ticket.department:
        return Applied(ticket.id)
    values = {"department": department, "updated": now}
    connection.execute(update(Ticket).where(Ticket.c.id == ticket.id).values(**values))
    words = {"old": ticket.department, "new": department}
    before = {"department": ticket.department}
    event = write_event(connection, ticket.id, "department", actor, now, **words, before=before)
    tell(connection, config, ticket.id, Told(event, Change("moved", actor, True)), now)
    return Applied(ticket.id, event=event)


def _department(desk: Desk, wanted: str) -> str:
    """The desk's own way to write it. Raises BadInput, which lists all."""
    departments = list(dict.fromkeys(mailbox.department for mailbox in desk.mailboxes))
    found = next((name for name in departments if name.casefold() == wanted.strip().casefold()), None)
    if found is None:
        raise BadInput(f"there is no department {wanted!r} at {desk.name}; there are {', '.join(sorted(departments))}")
    return found


def _undo_department(
    connection: Connection, config: Config, ticket: Any, event: Any, actor: int, now: datetime
) -> None:
    if ticket.department != event.new:
        raise BadInput("there is nothing to take back: the ticket has been moved since")
    values = {"department": event.before["department"], "updated": now}
    connection.execute(update(Ticket).where(Ticket.c.id == ticket.id).values(**values))


def _move_to_desk(
    connection: Connection, config: Config, ticket: Any, desk: Desk, there: Desk, department: str, actor: int, now: datetime
) -> Applied:  # fmt: skip
    values = {name: getattr(ticket, name) for name in _KEPT} | {
        "desk": there.name,
        "number": take_number(connection, there.name),
        "organization_id": people.organization_of(connection, ticket.requester_id, there.name),
        "department": _department(there, department) if department else there.main.department,
        "assignee_id": _still_staff(connection, ticket.assignee_id, there.name),
        "state": "new" if ticket.state == "in_progress" else ticket.state,  # nobody there has taken it up
        "taken": False,
        "conversation": ticket.conversation or Threads(connection, config, ticket).head(ticket),
        "updated": now,
    }
    moved = insert_row(connection, Ticket, values)
    copy_cc(connection, ticket.id, moved)
    copy_consulted(connection, ticket.id, moved)
    give_messages(connection, messages_of(connection, ticket.id), ticket.id, moved)
    retire(connection, ticket.id, moved, now)
    old, new = f"{desk.key}#{ticket.number}", f"{there.key}#{values['number']}"
    write_event(connection, ticket.id, "moved", actor, now, old=old, new=new)
    before = {"ticket": ticket.id, "was": condition.keep(ticket), "became": condition.keep_now(connection, moved)}
    event = write_event(connection, moved, "moved", actor, now, old=old, new=new, before=before)
    tell(connection, config, moved, Told(event, Change("moved", actor, True)), now)
    return Applied(moved, event=event)


def _still_staff(connection: Connection, person: int | None, desk: str) -> int | None:
    works = select(Staff.c.person_id).where(Staff.c.person_id == person, Staff.c.desk == desk)
    return connection.execute(works).scalar() if person is not None else None


def _move_back(connection: Connection, config: Config, ticket: Any, event: Any, actor: int, now: datetime) -> None:
    """All that was written meanwhile goes back with the rest, and the number it had there leads to the old ticket."""
    home = event.before["ticket"]
    revive(connection, home, [], now)
    give_messages(connection, messages_of(connection, ticket.id), ticket.id, home)
    join_people(connection, ticket, home, actor, now)
    copy_consulted(connection, ticket.id, home)
    kept = condition.keep(ticket)
    condition.restore(connection, home, event.before["was"] if kept == event.before["became"] else kept, now)
    retire(connection, ticket.id, home, now)
    write_event(connection, home, "undone", actor, now, old=event.kind)


HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {MoveTicket: _move}
UNDO: dict[str, Callable[[Connection, Config, Any, Any, int, datetime], None]] = {
    "department": _undo_department,
    "moved": _move_back,
}
