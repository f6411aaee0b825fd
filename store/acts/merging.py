"""Two tickets become one (T14), or one becomes two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from store import people, views
from store.acts import condition
from store.acts.conversation import Applied
from store.acts.joining import (
    copy_cc,
    copy_consulted,
    give_messages,
    join_people,
    messages_of,
    part_people,
    retire,
    revive,
)
from store.commands import MergeTicket, SplitTicket
from store.config import Config
from store.errors import BadInput, NotFound
from store.rows import find_ticket, insert_row, take_number, write_event
from store.rules.desk import Desk
from store.schema import Link, Message, Ticket


def _merge(connection: Connection, config: Config, command: MergeTicket, now: datetime) -> Applied:
    ticket, into = _lock_both(connection, config, command.ticket, command.into)
    desk = config.desks[into.desk]
    old, new = f"{config.desks[ticket.desk].key}#{ticket.number}", f"{desk.key}#{into.number}"
    _refuse_merge(connection, ticket, into, old, new, command.strangers_too)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    moved = messages_of(connection, ticket.id)
    give_messages(connection, moved, ticket.id, into.id)
    cc = join_people(connection, ticket, into.id, actor, now)
    consulted = copy_consulted(connection, ticket.id, into.id)
    pointing = retire(connection, ticket.id, into.id, now)
    before = {
        "ticket": ticket.id, "messages": moved, "cc": cc, "consulted": consulted, "pointing": pointing,
        "was": condition.keep(ticket),
    }  # fmt: skip
    write_event(connection, ticket.id, "merged", actor, now, old=old, new=new)
    event = write_event(connection, into.id, "merged", actor, now, old=old, new=new, before=before)
    return Applied(into.id, event=event)


def _lock_both(connection: Connection, config: Config, ticket_id: int, tag: str) -> tuple[Any, Any]:
    """The two tickets, locked in the order of their ids, so that two merges at once neither wait for each other nor make a
    circle. A merge that came first is followed.
    """  # fmt: skip
    while True:
        named, _desk = views.find_ticket(connection, config, tag)
        into = named.id if named.merged_into is None else named.merged_into
        row = views.ticket_row(connection, ticket_id)
        from_ = row.id if row.merged_into is None else row.merged_into
        both = select(*Ticket.c).where(Ticket.c.id.in_([from_, into])).order_by(Ticket.c.id).with_for_update()
        locked = {one.id: one for one in connection.execute(both)}
        if any(one.desk not in config.desks for one in locked.values()):
            raise NotFound("there is no such ticket")
        if all(one.merged_into is None for one in locked.values()):
            return locked[from_], locked[into]


def _refuse_merge(connection: Connection, ticket: Any, into: Any, old: str, new: str, strangers_too: bool) -> None:
    if ticket.id == into.id:
        raise BadInput(f"{old} cannot be merged with itself")
    if ticket.desk != into.desk:
        raise BadInput(f"{old} and {new} are of different desks; move one of them first")
    if "spam" in ticket.flags or "spam" in into.flags:
        raise BadInput(f"one of {old} and {new} is marked as spam; unmark it first")
    if not strangers_too and not _same_customer(connection, ticket, into):
        raise BadInput(
            f"the customers of {old} and {new} have nothing to do with each other, and would read each other's words from then on"
        )


def _same_customer(connection: Connection, ticket: Any, other: Any) -> bool:
    if ticket.requester_id == other.requester_id:
        return True
    if ticket.organization_id is not None and ticket.organization_id == other.organization_id:
        return True
    both = people.facts(connection, [ticket.requester_id, other.requester_id])
    first, second = ({organization for organization, _role in person.organizations} for person in both)
    return bool(first & second)


def _part(connection: Connection, config: Config, ticket: Any, event: Any, actor: int, now: datetime) -> None:
    """What came by the merge goes back; what was written since was written to what the ticket is now, and stays."""
    before = event.before
    revive(connection, before["ticket"], before["pointing"], now)
    condition.restore(connection, before["ticket"], before["was"], now)
    give_messages(connection, before["messages"], ticket.id, before["ticket"])
    part_people(connection, ticket.id, before["cc"], before["consulted"])
    write_event(connection, before["ticket"], "undone", actor, now, old=event.kind)


def _split(connection: Connection, config: Config, command: SplitTicket, now: datetime) -> Applied:
    ticket, desk = find_ticket(connection, config, command.ticket)
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    chosen = _chosen(connection, ticket, desk, command.messages)
    authors = {(message.author_id, message.side) for message in chosen}
    alone = next(iter(authors)) if len(authors) == 1 else (None, "")
    requester = alone[0] if alone[1] == "customer" and alone[0] is not None else ticket.requester_id
    values = {
        "desk": desk.name, "number": take_number(connection, desk.name), "subject": command.subject,
        "requester_id": requester, "organization_id": people.organization_of(connection, requester, desk.name),
        "department": ticket.department, "priority": ticket.priority, "origin": ticket.origin, "flags": [], "fields": {},
        "created": now, "updated": now, **_state_of(chosen, now),
    }  # fmt: skip
    new = insert_row(connection, Ticket, values)
    if requester == ticket.requester_id:
        copy_cc(connection, ticket.id, new)
    give_messages(connection, [message.id for message in chosen], ticket.id, new)
    link = insert_row(connection, Link, {"ticket_id": new, "other_id": ticket.id, "kind": "split"})
    old_tag, new_tag = f"{desk.key}#{ticket.number}", f"{desk.key}#{values['number']}"
    write_event(connection, new, "split", actor, now, old=old_tag, new=new_tag)
    before = {"ticket": new, "link": link}
    event = write_event(connection, ticket.id, "split", actor, now, old=old_tag, new=new_tag, before=before)
    return Applied(new, event=event)


def _chosen(connection: Connection, ticket: Any, desk: Desk, messages: Sequence[int]) -> list[Any]:
    """The messages to be split away. Raises BadInput when they are none, all, or of another ticket."""
    columns = (Message.c.id, Message.c.side, Message.c.note, Message.c.author_id)
    query = select(*columns).where(Message.c.ticket_id == ticket.id).order_by(Message.c.id)
    rows = {row.id: row for row in connection.execute(query)}
    tag = f"{desk.key}#{ticket.number}"
    if missing := [id_ for id_ in messages if id_ not in rows]:
        raise BadInput(f"{tag} has no message {missing[0]}; there are {', '.join(map(str, rows))}")
    if not messages:
        raise BadInput("at least one message has to be named")
    if len(set(messages)) == len(rows):
        raise BadInput(f"these are all messages of {tag}; at least one has to stay")
    return [rows[id_] for id_ in sorted(set(messages))]


def _state_of(messages: Sequence[Any], now: datetime) -> dict[str, Any]:
    """Whose turn it is, from who has spoken in these messages."""
    sides = [message.side for message in messages if message.side != "system" and not message.note]
    if "support" not in sides:
        return {"state": "new", "last_reply_by": "none", "taken": False}
    state = "waiting_customer" if sides[-1] == "support" else "waiting_support"
    since = now if state == "waiting_customer" else None
    return {"state": state, "last_reply_by": sides[-1], "taken": True, "waiting_since": since}


def _rejoin(connection: Connection, config: Config, ticket: Any, event: Any, actor: int, now: datetime) -> None:
    """The ticket that was split off goes on as part of the old one, with all that was written on it."""
    new, _desk = find_ticket(connection, config, event.before["ticket"])
    if new.id != event.before["ticket"]:
        raise BadInput("there is nothing to take back: what was split off has been merged or moved since")
    give_messages(connection, messages_of(connection, new.id), new.id, ticket.id)
    connection.execute(delete(Link).where(Link.c.id == event.before["link"]))
    retire(connection, new.id, ticket.id, now)
    write_event(connection, new.id, "undone", actor, now, old=event.kind)


HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {
    MergeTicket: _merge,
    SplitTicket: _split,
}
UNDO: dict[str, Callable[[Connection, Config, Any, Any, int, datetime], None]] = {"merged": _part, "split": _rejoin}
