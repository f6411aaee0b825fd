"""Who a person is to a ticket, and what that lets them do (X-01, requirements S1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from store.rules.desk import Desk

# `consulted`: somebody outside whom support has asked about it.
Relation = Literal["requester", "cc", "member", "admin", "staff", "consulted", "none"]


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """A person as far as rules need to know. `confirmed`: somebody `vouched` for them, or they proved to read their mail."""

    id: int
    email: str
    name: str = ""
    status: str = "active"
    confirmed: bool = False
    staff_of: tuple[str, ...] = ()
    organizations: tuple[tuple[int, str], ...] = ()  # (organisation id, role)
    language: str = ""
    timezone: str = ""
    further: tuple[int, ...] = ()  # ids of the rows of their further addresses
    vouched: bool = False

    def is_(self, person: int | None) -> bool:
        """Whether an id means this person, be it that of a further address."""
        return person is not None and (person == self.id or person in self.further)

    def works_at(self, desk: str) -> bool:
        """Whether this is somebody of the desk's staff, and active."""
        return self.active and desk in self.staff_of

    @property
    def active(self) -> bool:
        return self.status == "active"


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """A ticket as far as rules need to know."""

    id: int
    desk: str
    number: int
    requester: int
    organization: int | None
    cc: frozenset[int]
    state: str = "new"
    closed_at: datetime | None = None


def relation(person: PersonFacts | None, ticket: TicketFacts, desk: Desk) -> Relation:
    """What a person is to a ticket; the strongest that holds. Inactive people are nobody (DV-75)."""
    if person is None or not person.active:
        return "none"
    if ticket.desk in person.staff_of:
        return "staff"
    if person.id == ticket.requester:
        return "requester"
    role = next((role for org, role in person.organizations if org == ticket.organization), None)
    if role == "admin":
        return "admin"
    if person.id in ticket.cc:
        return "cc"
    if role and desk.visibility == "organization":  # everybody of the organisation sees and answers
        return "member"
    return "none"
