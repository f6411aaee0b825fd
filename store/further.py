"""Further addresses of a person: whoever wrote from one before turns out to be that person, with all that is theirs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Table, delete, insert, select, update

from store import pending
from store.errors import BadInput
from store.schema import (
    Cc,
    Consulted,
    Event,
    Gathered,
    Grant,
    Membership,
    Message,
    Outbox,
    Parked,
    Person,
    Preference,
    Staff,
    Ticket,
)

# What names a person, and may name two who are one by now.
_NAMED: tuple[Column[Any], ...] = (
    Ticket.c.requester_id, Ticket.c.assignee_id, Message.c.author_id, Event.c.actor_id, Cc.c.added_by,
    Consulted.c.asked_by, Parked.c.person_id,
)  # fmt: skip
# What names a person once for each of another thing.
_ONCE: tuple[tuple[Table, str], ...] = (
    (Cc, "ticket_id"), (Consulted, "ticket_id"), (Membership, "organization_id"), (Grant, "group_id"),
    (Preference, "category"), (Gathered, "event_id"),
)  # fmt: skip


def main_address(connection: Connection, email: str) -> str | None:
    """The address of the person of whom this (normalised) one is a further address; None when it is none."""
    main = Person.alias("main")
    query = select(main.c.email).join(Person, Person.c.same_as == main.c.id).where(Person.c.email == email)
    return connection.execute(query).scalar()


def add_address(connection: Connection, person: int, email: str, now: datetime) -> None:
    """Makes a (normalised) address a further one of a person who has a main one; what came from it is theirs.

    Raises BadInput for the address of somebody who works here, has a password, or has further addresses themselves.
    """
    row = connection.execute(select(*Person.c).where(Person.c.email == email).with_for_update()).first()
    if row is None:
        values = {"email": email, "name": "", "status": "active", "confirmed": True, "same_as": person, "created": now}
        connection.execute(insert(Person).values(**values))
        return
    if row.same_as == person:
        return
    if row.id == person:
        raise BadInput(f"{email} is the main address of this person")
    if row.same_as is not None:
        raise BadInput(f"{email} is a further address of {main_address(connection, email)}")
    if connection.execute(select(Staff.c.id).where(Staff.c.person_id == row.id).limit(1)).first():
        raise BadInput(f"{email} belongs to somebody on the staff")
    if row.password is not None:
        raise BadInput(f"{email} belongs to somebody with a password of their own")
    if connection.execute(select(Person.c.id).where(Person.c.same_as == row.id).limit(1)).first():
        raise BadInput(f"{email} has further addresses of its own")
    connection.execute(update(Person).where(Person.c.id == row.id).values(same_as=person))
    _hand_over(connection, row.id, person)


def _hand_over(connection: Connection, former: int, person: int) -> None:
    for column in _NAMED:
        connection.execute(update(column.table).where(column == former).values({column.name: person}))
    for table, name in _ONCE:
        has = select(table.c[name]).where(table.c.person_id == person)
        connection.execute(delete(table).where(table.c.person_id == former, table.c[name].in_(has)))
        connection.execute(update(table).where(table.c.person_id == former).values(person_id=person))
    own = select(Ticket.c.id).where(Ticket.c.requester_id == person)
    connection.execute(delete(Cc).where(Cc.c.person_id == person, Cc.c.ticket_id.in_(own)))
    # What waits to go out is theirs as well, unless both are told of the same; what has gone keeps whom it went to.
    told = select(Outbox.c.event_id).where(Outbox.c.person_id == person)
    waiting = (Outbox.c.person_id == former, Outbox.c.state.in_(pending.WAITING), Outbox.c.event_id.not_in(told))
    connection.execute(update(Outbox).where(*waiting).values(person_id=person))
