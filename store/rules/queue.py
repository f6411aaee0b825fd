"""The order in which staff see what waits: priority, then where it came from, then age (A-10, EQ-27)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from store.rules.desk import PRIORITIES, Desk

PRIORITY_RANK: dict[str, int] = {priority: rank for rank, priority in enumerate(reversed(PRIORITIES))}
_USUAL = PRIORITY_RANK["medium"]  # what a mailbox gives that says nothing
_FORMS = ("portal", "api", "cli")  # somebody chose department and priority there; a general mail says neither
GENERAL = 2  # the rank of general mail, and of whatever has no other
LEAST = len(PRIORITIES)  # the rank of a priority that no rule knows


@dataclass(frozen=True, slots=True)
class Queued:
    """A ticket as far as its place in the queue depends on it."""

    id: int
    state: str
    priority: str
    origin: str
    created: datetime
    updated: datetime


def origin_ranks(desks: Iterable[Desk]) -> dict[str, int]:
    """The rank of each origin, such as `mail:safety@example.com`; what is not listed is `GENERAL`.

    An urgent mailbox is one whose mail is by itself of more than medium priority.
    """
    mailboxes = (mailbox for desk in desks for mailbox in desk.mailboxes)
    urgent = (mailbox.address for mailbox in mailboxes if PRIORITY_RANK[mailbox.priority] < _USUAL)
    return dict.fromkeys(_FORMS, 1) | {f"mail:{address}": 0 for address in urgent}


def queue_key(ticket: Queued, origins: dict[str, int]) -> tuple[int | float, ...]:
    """Sorts tickets as a queue: the open ones, then the closed ones with the latest change first."""
    if ticket.state == "closed":
        return (1, -ticket.updated.timestamp(), -ticket.id)
    priority = PRIORITY_RANK.get(ticket.priority, LEAST)
    return (0, priority, origins.get(ticket.origin, GENERAL), ticket.created.timestamp(), ticket.id)
