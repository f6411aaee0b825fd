"""What a rule answers: an outcome, a named reason, and what is to be done; the filer acts on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from store.rules.desk import Priority

Outcome = Literal["new", "reply", "auto", "bounce", "command", "duplicate", "held", "refused", "dead"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision about one mail at one desk. `rule` is filled in by `decide`."""

    outcome: Outcome
    reason: str
    ticket: int | None = None  # the ticket it goes to
    linked_to: int | None = None  # the ticket it claims to belong to, when it may not go there
    as_support: bool = False
    as_note: bool = False  # kept from the customer, though meant for them
    acknowledge: bool = True
    proved: bool = False  # the sender used a signed address given to them
    names_people: bool = True  # the people on its Cc join the ticket
    flags: tuple[str, ...] = ()
    raise_to: Priority | None = None
    rule: str = ""
