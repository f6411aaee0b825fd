"""Who works on a ticket, how urgent it is, who gets copies, which other one it has to do with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update

from store import people, views
from store.acts import condition
from store.acts.assigning import tell_assignees
from store.acts.conversation import Applied
from store.commands import AssignTicket, Author, ChangeCc, LinkTickets, SetPriority
from store.config import Config
from store.errors import BadInput
from store.rows import MOST_CC, advance_ticket, find_ticket, insert_row, write_event
from store.rules.addressing import check_address
from store.rules.desk import Desk
from store.rules.events import EventKind
from store.rules.fanout import Change
from store.rules.people import PersonFacts
from store.schema import Cc, Link, Person, Ticket, insert_into
from store.telling import Told, tell


def _assign(connection: Connection, config: Config, command: AssignTicket, now: datetime) -> Applied:
    ticket, desk = find_ticket(connection, config, command.ticket)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    agent = find_agent(connection, desk, command.to.email) if command.to else None
    assignee = agent.id if agent else None
    if assignee == ticket.assignee_id:
        return Applied(ticket.id)
    connection.execute(update(Ticket).where(Ticket.c.id == ticket.id).values(assignee_id=assignee, updated=now))
    changed = agent is not None and advance_ticket(connection, desk, ticket, ["take"], actor, now)
    before = {
        "assignee": ticket.assignee_id, "left": assignee, "was": condition.keep(ticket),
        "became": condition.keep_now(connection, ticket.id),
    }  # fmt: skip
    former = connection.execute(select(Person.c.email).where(Person.c.id == ticket.assignee_id)).scalar()
    new = agent.email if agent else None
    event = write_event(connection, ticket.id, "assigned", actor, now, old=former, new=new, before=before)
    if changed:  # told by an event of its own: the requester may be the assignee
        taken = write_event(connection, ticket.id, "taken", assignee, now)
        tell(connection, config, ticket.id, Told(taken, Change("status", actor, True), label_changed=True), now)
    tell_assignees(connection, config, ticket.id, event, actor, ticket.assignee_id, assignee, now)
    return Applied(ticket.id, event=event)


def find_agent(connection: Connection, desk: Desk, email: str) -> PersonFacts:
    """Somebody who works at the desk. Raises BadInput, which says who does."""
    person = people.find(connection, email)
    if person is None or not person.works_at(desk.name):
        there = ", ".join(sorted(one.email for one in people.agents(connection, desk.name))) or "nobody"
        raise BadInput(f"nobody with the address {email} is on the staff of {desk.name}; there is {there}")
    return person


def _unassign(connection: Connection, config: Config, ticket: Any, event: Any, actor: int, now: datetime) -> None:
    if ticket.assignee_id != event.before["left"]:
        raise BadInput("there is nothing to take back: somebody has taken the ticket up since")
    assignee = {"assignee_id": event.before["assignee"], "updated": now}
    connection.execute(update(Ticket).where(Ticket.c.id == ticket.id).values(**assignee))
    condition.restore_unless_changed(connection, ticket, event.before, now)


def _prioritise(connection: Connection, config: Config, command: SetPriority, now: datetime) -> Applied:
    ticket, _desk = find_ticket(connection, config, command.ticket)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    if command.priority == ticket.priority:
        return Applied(ticket.id)
    values = {"priority": command.priority, "updated": now}
    connection.execute(update(Ticket).where(Ticket.c.id == ticket.id).values(**values))
    words = {"old": ticket.priority, "new": command.priority}
    event = write_event(connection, ticket.id, "priority", actor, now, **words, before={"priority": ticket.priority})
    return Applied(ticket.id, event=event)


def _unprioritise(connection: Connection, config: Config, ticket: Any, event: Any, actor: int, now: datetime) -> None:
    if ticket.priority != event.new:
        raise BadInput("there is nothing to take back: the priority has changed since")
    values = {"priority": event.before["priority"], "updated": now}
    connection.execute(update(Ticket).where(Ticket.c.id == ticket.id).values(**values))


def _change_cc(connection: Connection, config: Config, command: ChangeCc, now: datetime) -> Applied:
    ticket, _desk = find_ticket(connection, config, command.ticket)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    if len(command.add) > MOST_CC:
        raise BadInput(f"no more than {MOST_CC} people can be added at a time")
    added: list[int] = []
    removed: list[dict[str, Any]] = []
    changes: list[tuple[EventKind, str | None, str | None]] = []
    for email in command.remove:
        if rows := _take_off(connection, ticket.id, _checked(email)):
            removed += rows
            changes.append(("cc_removed", _checked(email), None))
    for someone in command.add:
        person = _newcomer(connection, config, someone, now)
        if people.add_cc(connection, ticket.id, person, actor, "command", now):
            added.append(person)
            changes.append(("cc_added", None, _checked(someone.email)))
    if not changes:
        return Applied(ticket.id)
    connection.execute(update(Ticket).where(Ticket.c.id == ticket.id).values(updated=now))
    event = 0
    for place, (kind, old, new) in enumerate(changes, 1):  # the last one stands for all when they are taken back
        before = {"added": added, "removed": removed} if place == len(changes) else None
        event = write_event(connection, ticket.id, kind, actor, now, old=old, new=new, before=before)
    return Applied(ticket.id, event=event)


def _checked(email: str) -> str:
    try:
        return check_address(email)
    except ValueError as error:
        raise BadInput(f"{email}: {error}") from None


def _newcomer(connection: Connection, config: Config, someone: Author, now: datetime) -> int:
    email = _checked(someone.email)
    if config.addresses.is_own(email):
        raise BadInput(f"a mailbox of a desk, such as {email}, gets no copies")
    return people.ensure(connection, email, someone.name, now)


def _take_off(connection: Connection, ticket_id: int, email: str) -> list[dict[str, Any]]:
    """Off the list, and off those of tickets merged into it, of which mails may still be due (threats 85)."""
    person = people.find(connection, email)
    if person is None:
        return []
    tickets = select(Ticket.c.id).where(or_(Ticket.c.id == ticket_id, Ticket.c.merged_into == ticket_id))
    which = (Cc.c.ticket_id.in_(tickets), Cc.c.person_id == person.id)
    columns = (Cc.c.ticket_id, Cc.c.person_id, Cc.c.added_by, Cc.c.via, Cc.c.at)
    rows = connection.execute(select(*columns).where(*which)).all()
    connection.execute(delete(Cc).where(*which))
    return [{**row._mapping, "at": row.at.isoformat()} for row in rows]


def _unchange_cc(connection: Connection, config: Config, ticket: Any, event: Any, actor: int, now: datetime) -> None:
    gone = (Cc.c.ticket_id == ticket.id, Cc.c.person_id.in_(event.before["added"]))
    connection.execute(delete(Cc).where(*gone))
    rows = [{**row, "at": datetime.fromisoformat(row["at"])} for row in event.before["removed"]]
    if rows:
        connection.execute(insert_into(Cc, connection.dialect.name).on_conflict_do_nothing(), rows)


def _link(connection: Connection, config: Config, command: LinkTickets, now: datetime) -> Applied:
    ticket, desk = find_ticket(connection, config, command.ticket)
    named, _ = views.find_ticket(connection, config, command.other)
    other, its_desk = views.follow_merge(connection, config, named)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    if other.id == ticket.id:
        raise BadInput("a ticket cannot be linked with itself")
    there = select(Link.c.id).where(
        Link.c.kind == "related",
        or_(
            (Link.c.ticket_id == ticket.id) & (Link.c.other_id == other.id),
            (Link.c.ticket_id == other.id) & (Link.c.other_id == ticket.id),
        ),
    )
    if connection.execute(there).first() is not None:
        return Applied(ticket.id)
    link = insert_row(connection, Link, {"ticket_id": ticket.id, "other_id": other.id, "kind": "related"})
    write_event(connection, other.id, "linked", actor, now, new=f"{desk.key}#{ticket.number}")
    tag = f"{its_desk.key}#{other.number}"
    event = write_event(connection, ticket.id, "linked", actor, now, new=tag, before={"link": link})
    return Applied(ticket.id, event=event)


def _unlink(connection: Connection, config: Config, ticket: Any, event: Any, actor: int, now: datetime) -> None:
    connection.execute(delete(Link).where(Link.c.id == event.before["link"]))


HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {
    AssignTicket: _assign,
    SetPriority: _prioritise,
    ChangeCc: _change_cc,
    LinkTickets: _link,
}
UNDO: dict[str, Callable[[Connection, Config, Any, Any, int, datetime], None]] = {
    "assigned": _unassign,
    "priority": _unprioritise,
    "cc_added": _unchange_cc,
    "cc_removed": _unchange_cc,
    "linked": _unlink,
}
