"""What a rule answers: an outcome, a named reason, and what is to be done; the filer acts on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gateway.parse.commands import Requested
from gateway.parse.wishes import Verb
from store.rules.desk import Answer, Priority

Outcome = Literal["new", "reply", "auto", "bounce", "command", "duplicate", "held", "refused", "dead"]
Speaker = Literal["customer", "support", "staff_note", "outsider"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision about one mail at one desk. `rule` is filled in by `decide`.

    Of a new or held ticket: `linked_to` is the ticket it claims to belong to, or follows up; `answer` what its sender is
    told. Of a reply: `speaker` in whose name it is said.
    """

    outcome: Outcome
    reason: str
    ticket: int | None = None  # the ticket it goes to
    linked_to: int | None = None
    follows_up: bool = False
    answer: Answer | None = None
    missing: tuple[str, ...] = ()  # fields the answer asks for
    misused_by: int | None = None  # the owner of the signed address a stranger used
    spam: bool = False  # kept without a word to anybody
    speaker: Speaker = "customer"
    proved: bool = False  # the sender used a signed address given to them
    names_people: bool = True  # the people on its Cc join the ticket
    joins: bool = False  # the sender joins it
    quiet: bool = False  # staff alone are told
    acknowledge: bool = True  # an automatic answer to a reply may go out
    requested: Requested | None = None  # what it asks for, with the words that are left
    closes: bool = False
    parks: bool = False  # what it asks for waits for the word of the person in whose name it came
    confirms: int | None = None  # the parked request it gives that word to
    problems: tuple[str, ...] = ()  # why what it asks for is not done; its sender is told
    wishes: tuple[tuple[Verb, int], ...] = ()  # what it asks for which asset
    unknown_names: tuple[str, ...] = ()  # names it uses that are none of the alert's
    registers: tuple[str, ...] = ()  # devices it asks to be activated, that may be none yet
    settles: bool = False  # it asks for that and says nothing else
    assets: tuple[int, ...] = ()  # that a new ticket is about
    flags: tuple[str, ...] = ()
    raise_to: Priority | None = None
    rule: str = ""
