"""Who is warned of what, and when: renewals 28, 21, 14 and 7 days before, one mail a day to a person (A-16, A-21, DV-27)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from store.rules.terms import STEPS, Term, due


def step_of(term: Term, today: date) -> int | None:
    """The warning that holds on a day: the last one whose day has come; None when there is nothing to warn of.

    So a warning that was late is given once, as long as the renewal can be stopped, and never beside the next one.
    """
    if not due(term, today) or term.confirmed:
        return None
    assert term.renewal is not None
    left = (term.renewal - today).days
    return min(step for step in STEPS if step >= left)
