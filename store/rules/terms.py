"""The days of a subscription: when its terms begin, when somebody is warned, when it ends (A-21, A-34).

All are days of the calendar in the time zone of the asset's organisation, else of its desk.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from store.rules.assets import Plan

RENEWING: tuple[Plan, ...] = ("quarterly", "yearly")  # monthly ones are invoiced instead (DV-25)
MONTHS: dict[Plan, int] = {"monthly": 1, "quarterly": 3, "yearly": 12}
WINDOW = 28  # days before a renewal in which it is due, and can be confirmed
STEPS = (28, 21, 14, 7)  # days before a renewal on which somebody is warned (DV-27)

Mark = Literal["", "due", "missed"]


@dataclass(frozen=True, slots=True)
class Term:
    """A subscription's days. `anchor`: the day of the month its terms begin on, where a month has it."""

    plan: Plan
    renewal: date | None
    contract_end: date | None = None
    anchor: int | None = None
    confirmed_for: date | None = None
    missed: date | None = None

    @property
    def renews(self) -> bool:
        """Whether there is a date to renew on."""
        return self.plan in RENEWING and self.renewal is not None

    @property
    def confirmed(self) -> bool:
        return self.renewal is not None and self.confirmed_for == self.renewal


def later(day: date, months: int, anchor: int) -> date:
    """The day so many months later that is the `anchor`-th of its month, or the last where the month is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(anchor, monthrange(year, month + 1)[1]))


def next_term(term: Term) -> tuple[date, date | None]:
    """The renewal date after the present one, and the end of the contract, which moves along when it was this term's."""
    assert term.renewal is not None
    following = later(term.renewal, MONTHS[term.plan], term.anchor or term.renewal.day)
    end = term.contract_end
    if end is not None and end <= term.renewal:
        end = following - (term.renewal - end)
    return following, end


def due(term: Term, today: date) -> bool:
    """Whether the renewal is within the window, from 28 days before until the day itself (DV-26)."""
    return term.renews and term.renewal is not None and 0 <= (term.renewal - today).days <= WINDOW


def mark(term: Term, today: date) -> Mark:
    """What stands before its date: orange while it is due and nobody has confirmed, red when one was missed (DV-26..29)."""
    if due(term, today) and not term.confirmed:
        return "due"
    return "missed" if term.missed is not None else ""


def last_day(term: Term, today: date) -> date:
    """The last active day of one that is to be deactivated (DV-19): the contract's, else the last of the month.

    A contract without an end ends with its term.
    """
    if term.plan in ("quarterly", "yearly"):
        ends = [day for day in (term.contract_end, term.renewal) if day is not None and day >= today]
        return ends[0] if ends else today
    return month_end(today)


def month_end(day: date) -> date:
    """The last day of the month."""
    return day.replace(day=1) + timedelta(days=monthrange(day.year, day.month)[1] - 1)


def next_invoice(term: Term, today: date) -> date | None:
    """The day of the next invoice of a monthly one: the first of a month (DV-25)."""
    return month_end(today) + timedelta(days=1) if term.plan == "monthly" else None
