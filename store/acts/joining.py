"""What a merge, a split and a move to another desk have in common: messages change their ticket, people go along.

What is due to be mailed of the ticket that ends still goes out, so its CC list stays with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from store import people
from store.rows import write_event
from store.schema import Cc, Consulted, Message, Person, Ticket, insert_into


def messages_of(connection: Connection, ticket_id: int) -> list[int]:
    """The ids of a ticket's messages, notes and traces with them, oldest first."""
    query = select(Message.c.id).where(Message.c.ticket_id == ticket_id).order_by(Message.c.id)
    return list(connection.execute(query).scalars())


def give_messages(connection: Connection, messages: Sequence[int], from_id: int, to_id: int) -> None:
    """Messages go from one ticket to another, with their files; those that are elsewhere by now stay there."""
    for start in range(0, len(messages), 1000):  # databases take only so many values in one statement
        mine = (Message.c.id.in_(messages[start : start + 1000]), Message.c.ticket_id == from_id)
        connection.execute(update(Message).where(*mine).values(ticket_id=to_id))


def retire(connection: Connection, ticket_id: int, into: int, now: datetime) -> list[int]:
    """Closes a ticket that goes on as another; mail to its number, and to those that led to it, follows in one step.

    The ids of these. The caller holds the lock of both tickets.
    """
    led = select(Ticket.c.id).where(Ticket.c.merged_into == ticket_id).order_by(Ticket.c.id)
    pointing = list(connection.execute(led).scalars())
    connection.execute(update(Ticket).where(Ticket.c.merged_into == ticket_id).values(merged_into=into))
    closed = {"state": "closed", "closed_at": now, "updated": now, "merged_into": into}
    connection.execute(update(Ticket).where(Ticket.c.id == ticket_id).values(**closed))
    connection.execute(update(Ticket).where(Ticket.c.id == into).values(updated=now))
    return pointing


def revive(connection: Connection, ticket_id: int, pointing: Sequence[int], now: datetime) -> None:
    """The ticket is its own again, and these lead to it; its state is the caller's."""
    connection.execute(update(Ticket).where(Ticket.c.id.in_(pointing)).values(merged_into=ticket_id))
    connection.execute(update(Ticket).where(Ticket.c.id == ticket_id).values(merged_into=None, updated=now))


def join_people(connection: Connection, ticket: Any, into: int, actor: int, now: datetime) -> list[int]:
    """The people of a ticket join the CC list of another; the ids of those who were not there."""
    listed = select(Cc.c.person_id).where(Cc.c.ticket_id == ticket.id).order_by(Cc.c.id)
    wanted = [ticket.requester_id, *connection.execute(listed).scalars()]
    emails = select(Person.c.id, Person.c.email).where(Person.c.id.in_(wanted), Person.c.email != people.NOBODY)
    by_id = {row.id: row.email for row in connection.execute(emails)}
    joined = []
    for person in dict.fromkeys(wanted):
        if person in by_id and people.add_cc(connection, into, person, actor, "merge", now):
            write_event(connection, into, "cc_added", actor, now, new=by_id[person])
            joined.append(person)
    return joined


def copy_cc(connection: Connection, from_id: int, to_id: int) -> None:
    """A new ticket has the CC list of another, as it came about."""
    columns = (Cc.c.person_id, Cc.c.added_by, Cc.c.via, Cc.c.at)
    rows = connection.execute(select(*columns).where(Cc.c.ticket_id == from_id).order_by(Cc.c.id)).all()
    if rows:
        connection.execute(insert(Cc), [{**row._mapping, "ticket_id": to_id} for row in rows])


def copy_consulted(connection: Connection, from_id: int, to_id: int) -> list[int]:
    """Whoever was asked about a ticket may answer on the one it went into; the ids of those who were not asked there."""
    columns = (Consulted.c.person_id, Consulted.c.asked_by, Consulted.c.at)
    there = select(Consulted.c.person_id).where(Consulted.c.ticket_id == to_id)
    asked = select(*columns).where(Consulted.c.ticket_id == from_id, Consulted.c.person_id.not_in(there))
    rows = [{**row._mapping, "ticket_id": to_id} for row in connection.execute(asked)]
    if rows:
        connection.execute(insert_into(Consulted, connection.dialect.name).on_conflict_do_nothing(), rows)
    return [row["person_id"] for row in rows]


def part_people(connection: Connection, ticket_id: int, cc: Sequence[int], consulted: Sequence[int]) -> None:
    """Takes back what `join_people` and `copy_consulted` did."""
    connection.execute(delete(Cc).where(Cc.c.ticket_id == ticket_id, Cc.c.person_id.in_(cc)))
    gone = (Consulted.c.ticket_id == ticket_id, Consulted.c.person_id.in_(consulted))
    connection.execute(delete(Consulted).where(*gone))
