"""When somebody is told: at once, with others in one mail, or not at all (docs/telling.md).

People choose by category. Staff are never stormed: what follows fast on one ticket, and a flood of new tickets, wait for one
mail. Nobody can choose against an answer to their own ticket, or against what is addressed to them alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from store.rules.desk import Notify
from store.rules.fanout import Notice, RowName

Category = Literal["new_tickets", "replies", "organization", "copies", "updates", "renewals", "colleagues"]
Choice = Literal["each", "hourly", "daily", "none"]

# What can be chosen about, in words. The order is that of bits in unsubscribe tokens: only ever add at the end.
CATEGORIES: dict[Category, str] = {
    "new_tickets": "new tickets of your departments",
    "replies": "what customers write on the tickets of your departments",
    "organization": "the tickets of your organisation",
    "copies": "tickets you are copied on",
    "updates": "what colleagues and support change on your own tickets",
    "renewals": "devices that are about to renew, and what became of them",
    "colleagues": "what colleagues answer and close on the tickets that are assigned to you",
}
CHOICES: dict[Choice, str] = {
    "each": "a mail at once for each",
    "hourly": "one mail each hour in which something happened",
    "daily": "one mail each day on which something happened, at 8 in the morning where the person is",
    "none": "nothing",
}
MORNING = 8  # o'clock
_STAFF: dict[RowName, Category] = {
    "opened": "new_tickets", "moved": "new_tickets",
    "customer_reply": "replies", "closed": "replies", "outsider": "replies",
    "support_reply": "colleagues", "closed_by_support": "colleagues",
}  # fmt: skip


def category(notice: Notice, row: RowName) -> Category | None:
    """What a person can choose about this notice; None when they are told in any case."""
    if notice.role == "staff":
        return _STAFF.get(row) if notice.template == "staff_notice" else None
    if not notice.known or notice.template not in ("staff_reply", "ticket_update", "ticket_closed", "cc_copy"):
        return None
    if notice.role == "requester":
        return "updates" if notice.template == "ticket_update" else None
    return "organization" if notice.role == "admin" else "copies"


@dataclass(frozen=True, slots=True)
class Recent:
    """What a person was promised lately: mails about this ticket, mails about new tickets, and until when one waits."""

    on_ticket: int = 0
    new: int = 0
    waits_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """`due`: when the digest with it goes out, None at once; `alone`: in a mail about its ticket only."""

    due: datetime | None = None
    alone: bool = False


def pace(
    about: Category, choice: Choice, urgent: bool, recent: Recent, notify: Notify, now: datetime, timezone: str
) -> Pace | None:
    """When a notice becomes a mail; None never. `now` is aware."""
    if choice == "none":
        return None
    staff = about in _STAFF.values()
    if staff and urgent:
        return Pace()
    if choice != "each":
        return Pace(_next_hour(now) if choice == "hourly" else _next_morning(now, timezone))
    if not staff:
        return Pace()
    if recent.waits_until is not None:
        return Pace(recent.waits_until, alone=True)
    if notify.burst and recent.on_ticket >= notify.burst:
        return Pace(now + timedelta(minutes=notify.burst_minutes), alone=True)
    if about == "new_tickets" and notify.new_per_hour and recent.new >= notify.new_per_hour:
        return Pace(_next_hour(now))
    return Pace()


def _next_hour(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _next_morning(now: datetime, timezone: str) -> datetime:
    local = now.astimezone(zone(timezone))
    morning = local.replace(hour=MORNING, minute=0, second=0, microsecond=0)
    if morning <= local:
        morning += timedelta(days=1)  # of the wall clock, so it is 8 o'clock across daylight saving as well
    return morning.astimezone(UTC)


@lru_cache(maxsize=1000)  # ZoneInfo itself keeps the last eight, and reads the file of any other anew
def zone(name: str) -> tzinfo:
    """The time zone of this name; UTC when there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # a name somebody loaded
        return UTC
