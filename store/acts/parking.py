"""Keeps requests that wait for a person's word, does them when it comes, and tells why others cannot be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, get_args

from pydantic import TypeAdapter
from sqlalchemy import Connection, select, update

from store import people
from store.acts import handlers
from store.acts.conversation import Applied
from store.acts.joining import retire
from store.acts.opening import open_ticket
from store.commands import Act, DoParked, OpenTicket, ParkRequest, RefuseRequest
from store.config import Config
from store.errors import BadInput, NotFound
from store.rows import find_ticket, insert_row, write_event
from store.rules.fanout import Change
from store.schema import Message, Parked, Ticket
from store.telling import Told, tell

_ACTS: dict[str, type] = {act.__name__: act for act in get_args(Act)}


def _park(connection: Connection, config: Config, command: ParkRequest, now: datetime) -> Applied:
    named, asked = command.ticket, command.asked
    if isinstance(named, OpenTicket):
        opened = open_ticket(connection, config, named, now).ticket
        assert opened is not None
        named, asked = opened, tuple(replace(act, ticket=opened) for act in asked)
    ticket, desk = find_ticket(connection, config, named)
    person = people.ensure(connection, command.person.email, command.person.name, now)
    values = {
        "desk": desk.name, "ticket_id": ticket.id, "person_id": person, "journal_id": command.journal_id,
        "asked": [_written(act) for act in asked], "at": now,
    }  # fmt: skip
    parked = insert_row(connection, Parked, values)
    words = "; ".join(describe(act) for act in asked)
    event = write_event(connection, ticket.id, "parked", person, now, new=words)
    told = Told(event, Change("parked", None, addressee=person), about=words, confirms=parked)
    tell(connection, config, ticket.id, told, now)
    return Applied(ticket.id, event=event)


def _written(act: Act) -> dict[str, Any]:
    return {"act": type(act).__name__, "values": TypeAdapter(type(act)).dump_python(act, mode="json")}


def describe(act: Act) -> str:
    """An act in words, as its person is asked about it; nothing in it is of the mail that asked (threats 38)."""
    match type(act).__name__:
        case "SupportReply":
            return "send an answer to the customer"
        case "CustomerReply":
            return "write on it"
        case "AddNote":
            return "add a note"
        case "CloseTicket":
            return "close it"
        case "AssignTicket":
            return "assign it"
        case "SetPriority":
            return "change its priority"
        case "MoveTicket":
            return "move it to another department"
        case "AskForAssets":
            return "renew or end subscriptions"
        case "MergeTicket":
            return "merge it with another one"
        case _:
            return "change who gets copies"


def _do(connection: Connection, config: Config, command: DoParked, now: datetime) -> Applied:
    row = connection.execute(select(*Parked.c).where(Parked.c.id == command.parked).with_for_update()).first()
    if row is None:
        raise NotFound("there is no such request")
    actor = people.ensure(connection, command.by.email, command.by.name, now)
    if row.person_id != actor:
        raise BadInput("another person was asked")
    if row.done_at is not None:
        return Applied(row.ticket_id)
    connection.execute(update(Parked).where(Parked.c.id == row.id).values(done_at=now))
    people.confirm(connection, actor)
    write_event(connection, row.ticket_id, "confirmed", actor, now, new=str(row.id))
    for asked in row.asked:
        act: Act = TypeAdapter(_ACTS[asked["act"]]).validate_python(asked["values"])
        handlers.HANDLERS[type(act)](connection, config, act, now)
    _end_held_ticket(connection, config, row, now)
    return Applied(row.ticket_id)


def _end_held_ticket(connection: Connection, config: Config, row: Any, now: datetime) -> None:
    """The ticket on which the words waited has no more use of its own; mail to its number follows (T14)."""
    if row.journal_id is None:
        return
    into, desk = find_ticket(connection, config, row.ticket_id)
    held = (
        select(Ticket.c.id, Ticket.c.number, Ticket.c.flags)
        .join(Message, Message.c.ticket_id == Ticket.c.id)
        .where(Message.c.journal_id == row.journal_id, Ticket.c.id != into.id)
    )
    for ticket in connection.execute(held).all():
        if "held" in ticket.flags:  # else staff has put the words with others
            retire(connection, ticket.id, into.id, now)
            old, new = (f"{desk.key}#{number}" for number in (ticket.number, into.number))
            write_event(connection, ticket.id, "merged", row.person_id, now, old=old, new=new)


def _refuse(connection: Connection, config: Config, command: RefuseRequest, now: datetime) -> Applied:
    ticket, _desk = find_ticket(connection, config, command.ticket)
    person = people.ensure(connection, command.to.email, command.to.name, now)
    event = write_event(connection, ticket.id, "unable", person, now, new="; ".join(command.problems))
    told = Told(event, Change("unable", None, addressee=person), problems=command.problems, commands=command.can)
    tell(connection, config, ticket.id, told, now)
    return Applied(ticket.id, event=event)


HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {
    ParkRequest: _park,
    DoParked: _do,
    RefuseRequest: _refuse,
}
