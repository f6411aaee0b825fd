"""Who is warned of renewals, and of what step (A-16, A-21, DV-27, DV-56)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from store.rules.people import PersonFacts
from store.rules.scope import Recipients, Tree, part, recipients
from store.rules.terms import STEPS, Term, due


@dataclass(frozen=True, slots=True)
class Warned:
    """Somebody who hears of an asset's renewal; `acts`: they may also decide on it."""

    person: PersonFacts
    acts: bool


def step_of(term: Term, today: date) -> int | None:
    """The warning that holds on a day: the last one whose day has come; None when there is nothing to warn of.

    So a warning that was late is given once, as long as the renewal can be stopped, and never beside the next one.
    """
    if not due(term, today) or term.confirmed:
        return None
    assert term.renewal is not None
    left = (term.renewal - today).days
    return min(step for step in STEPS if step >= left)


def warned(
    people: Iterable[PersonFacts], organization: int, group: int | None, tree: Tree, mode: Recipients,
    unwilling: Collection[int],
) -> tuple[Warned, ...]:  # fmt: skip
    """Who of these people hears of the assets of a group, None: of those in no group. `unwilling`: those who have ended such mails.

    Somebody who may decide must hear of it: when all of them have ended the mails, they get them all the same.
    """
    all_ = tuple(
        Warned(person, part(person, organization, group, tree) == "act")
        for person in recipients(people, organization, group, tree, mode)
    )
    willing = tuple(one for one in all_ if one.person.id not in unwilling)
    if any(one.acts for one in willing):
        return willing
    return tuple(one for one in all_ if one.acts or one in willing)
