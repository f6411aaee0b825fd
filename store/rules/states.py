"""The laws of a ticket's state (requirements S3). Three facts are stored; each desk's words follow from them.

event                     new  in_progress  waiting_support  waiting_customer  closed        other facts
customer_reply            WS   WS           WS               WS                WS            last_reply_by = customer
support_reply             WC   WC           WC               WC                WC            last_reply_by = support, taken
support_reply_no_answer   IP   IP           IP               IP                closed        last_reply_by = support, taken
take                      IP   IP           IP               waiting_customer  closed        taken
close_by_customer         C    C            C                C                 C
close_by_support          C    C            C                C                 C             taken
note                      -    -            -                -                 -
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from store.rules.desk import Desk

State = Literal["new", "in_progress", "waiting_support", "waiting_customer", "closed"]
LastReplyBy = Literal["none", "customer", "support"]
Happening = Literal[
    "customer_reply",
    "support_reply",
    "support_reply_no_answer",
    "take",
    "close_by_customer",
    "close_by_support",
    "note",
]
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True, slots=True)
class Condition:
    """The three stored facts of a ticket."""

    state: State = "new"
    last_reply_by: LastReplyBy = "none"
    taken: bool = False


def advance(condition: Condition, happening: Happening) -> Condition:
    """The condition after something happened; every happening is allowed in every state (IN-26)."""
    match happening:
        case "customer_reply":
            return replace(condition, state="waiting_support", last_reply_by="customer")
        case "support_reply":
            return Condition("waiting_customer", "support", True)
        case "support_reply_no_answer":
            state: State = "closed" if condition.state == "closed" else "in_progress"
            return Condition(state, "support", True)
        case "take":
            kept = condition.state in ("waiting_customer", "closed")
            return replace(condition, state=condition.state if kept else "in_progress", taken=True)
        case "close_by_customer":
            return replace(condition, state="closed")
        case "close_by_support":
            return replace(condition, state="closed", taken=True)
        case "note":
            return condition


def label(condition: Condition, desk: Desk) -> str:
    """The desk's word for a condition; the first rule of requirements S3 that fits."""
    words = desk.labels
    if condition.state == "closed":
        return words.closed
    if condition.state == "waiting_customer":
        return words.waiting_customer
    if condition.last_reply_by == "support":
        return words.replied_by_support
    if condition.last_reply_by == "customer":
        return words.replied_by_customer_taken if condition.taken else words.replied_by_customer
    return words.taken if condition.taken else words.new


def help_text(condition: Condition, desk: Desk) -> str:
    """The sentence that tells a customer whose turn it is (MV-23, MV-24); may be empty."""
    if condition.state == "closed":
        return desk.help.closed
    return desk.help.waiting_customer if condition.state == "waiting_customer" else desk.help.open
