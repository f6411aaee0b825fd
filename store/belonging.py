"""Whether somebody still has the place on a ticket for which a mail was promised them (DV-76, threats 85)."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from store.schema import Cc, Membership, Staff, Ticket

_BELONGS = {
    "cc": select(Cc.c.id).where(Cc.c.ticket_id == bindparam("ticket"), Cc.c.person_id == bindparam("person")),
    "staff": select(Staff.c.id).where(Staff.c.desk == bindparam("desk"), Staff.c.person_id == bindparam("person")),
    "admin": select(Membership.c.id)
    .join(Ticket, Ticket.c.organization_id == Membership.c.organization_id)
    .where(
        Ticket.c.id == bindparam("ticket"), Membership.c.person_id == bindparam("person"), Membership.c.role == "admin"
    ),
}


def belongs(connection: Connection, person: int, role: str, desk: str, ticket: int | None) -> bool:
    """True for a role that cannot be lost."""
    query = _BELONGS.get(role)
    about = {"person": person, "ticket": ticket, "desk": desk}
    return query is None or connection.execute(query, about).first() is not None
