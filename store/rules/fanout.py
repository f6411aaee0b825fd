"""Who is told what: a pure function from a change and the people concerned to the mails that follow (A-12, IN-20..22).

    change          requester      organisation admins   CC          department staff   note
    opened          its `answer`   ticket_update         -           staff_notice       on-call people: safety_alert
    raised          -              -                     -           -                  on-call people: safety_alert
    released        confirmation   -                     -           -                  a held ticket is an ordinary one now
    customer_reply  ticket_update  ticket_update         cc_copy     staff_notice       the writer: attachment_refused, if any
    support_reply   staff_reply    staff_reply           cc_copy     -
    closed          ticket_closed  ticket_closed         ticket_closed  - (staff_notice when a customer closed)
    status          ticket_update  ticket_update         -           -
    moved           -              -                     -           staff_notice       those of the department it came to
    note            -              -                     -           -
    outsider        -              -                     -           staff_notice       somebody support had asked answers

To one person alone, whom the change names:

    unsent          staff_notice       what its author meant for the customer was not sent
    assigned        staff_notice       the ticket is theirs now
    parked          confirm_request    something was asked in their name without proof (threats 40)
    unable          request_refused    what they asked for cannot be done, and what can
    address_used    address_used       somebody else wrote to the address that was signed for them
    asking          outsider_question  support asks somebody outside
    undelivered     undelivered        a mail with their words did not arrive

Nobody is told of their own act unless the desk says `echo_actor`; nobody twice; nobody inactive; nobody whom the
writer's own mail already addressed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from store.rules.desk import Answer, Desk
from store.rules.people import PersonFacts

Role = Literal["requester", "admin", "cc", "staff", "outsider"]
ChangeKind = Literal[
    "opened", "raised", "released", "customer_reply", "support_reply", "closed", "status", "moved", "note", "outsider", "unsent",
    "assigned", "parked", "unable", "address_used", "asking", "undelivered",
]  # fmt: skip
Template = Literal[
    "confirmation", "safety_ack", "access_ack", "login_help", "missing_info", "portal_nudge", "held_ack", "follow_up",
    "staff_reply", "ticket_update", "cc_copy", "ticket_closed", "staff_notice", "safety_alert", "attachment_refused",
    "confirm_request", "request_refused", "address_used", "outsider_question",
    "undelivered",
]  # fmt: skip

# Automatic answers to a mail; only these count against the budgets of threats 38.
ANSWERS: frozenset[str] = frozenset(
    {
        "confirmation", "safety_ack", "access_ack", "login_help", "missing_info", "portal_nudge", "held_ack", "follow_up",
        "attachment_refused", "confirm_request", "request_refused", "address_used",
    }
)  # fmt: skip

_ROWS: dict[ChangeKind, dict[str, Template]] = {
    "opened": {"admin": "ticket_update", "staff": "staff_notice"},
    "released": {"requester": "confirmation"},
    "customer_reply": {
        "requester": "ticket_update", "admin": "ticket_update", "cc": "cc_copy", "staff": "staff_notice",
    },
    "support_reply": {"requester": "staff_reply", "admin": "staff_reply", "cc": "cc_copy"},
    "closed": {"requester": "ticket_closed", "admin": "ticket_closed", "cc": "ticket_closed"},
    "status": {"requester": "ticket_update", "admin": "ticket_update"},
    "moved": {"staff": "staff_notice"},
    "outsider": {"staff": "staff_notice"},
}  # fmt: skip
_TO_ONE: dict[ChangeKind, Template] = {
    "unsent": "staff_notice", "assigned": "staff_notice", "parked": "confirm_request", "unable": "request_refused",
    "address_used": "address_used", "asking": "outsider_question",
    "undelivered": "undelivered",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a ticket. `already`: addresses the writer's own mail went to, which need no copy from us."""

    kind: ChangeKind
    actor: int | None
    by_support: bool = False
    already: frozenset[str] = frozenset()
    refused_files: bool = False
    acknowledge: bool = True  # False: its author has had enough automatic answers
    answer: Answer | None = "confirmation"  # of "opened": what its sender is told
    missing: tuple[str, ...] = ()  # of "opened": fields to be asked for
    quiet: bool = False  # staff alone are told
    addressee: int | None = None  # the one person who is told


@dataclass(frozen=True, slots=True)
class Concerned:
    """The people around a ticket, already limited to those who exist."""

    requester: PersonFacts
    admins: tuple[PersonFacts, ...] = ()
    cc: tuple[PersonFacts, ...] = ()
    staff: tuple[PersonFacts, ...] = ()
    actor: PersonFacts | None = None
    addressee: PersonFacts | None = None
    alerts: tuple[PersonFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """One mail that must go out: to whom, as what, made from which template."""

    person: PersonFacts
    role: Role
    template: Template
    known: bool = True  # False: a stranger, who gets none of the text back by an automatic answer (threats 38)


def fan_out(change: Change, concerned: Concerned, desk: Desk) -> tuple[Notice, ...]:
    """The mails that follow from a change, each person at most once, in a stable order."""
    if change.kind in _TO_ONE:
        return _to_one(change, concerned, desk)
    row = _ROWS.get(change.kind, {})
    notices: dict[int, Notice] = {}
    # What a stranger writes is told to staff and to a known requester alone. Else a stranger could have us mail a
    # victim, by forging the victim's address first and writing on that ticket, or by putting the victim on Cc.
    vouched = change.kind != "customer_reply" or bool(concerned.actor and concerned.actor.confirmed)

    def tell(person: PersonFacts, role: Role, template: Template | None) -> None:
        if template is None or not person.active or person.id in notices or (change.quiet and role != "staff"):
            return
        if not vouched and role != "staff" and (role == "cc" or not person.confirmed):
            return
        is_actor = person.id == change.actor
        if is_actor and template not in ANSWERS and not desk.notify.echo_actor:
            return
        if not is_actor and role != "staff" and person.email in change.already:
            return
        known = person.confirmed or role != "requester" or change.by_support  # what a human of ours did may be told
        notices[person.id] = Notice(person, role, template, known)

    for person in concerned.alerts:
        tell(person, "staff", "safety_alert")
    tell(concerned.requester, "requester", change.answer if change.kind == "opened" else row.get("requester"))
    if desk.notify.organization_admins:
        for person in concerned.admins:
            tell(person, "admin", row.get("admin"))
    for person in concerned.cc:
        tell(person, "cc", row.get("cc"))
    if desk.notify.department_staff:
        by_customer = change.kind == "closed" and not change.by_support
        for person in concerned.staff:
            tell(person, "staff", "staff_notice" if by_customer else row.get("staff"))
    told = _told_of_refusal(change, concerned, notices)
    if told:
        notices[told.person.id] = told
    return tuple(notices.values())


def _to_one(change: Change, concerned: Concerned, desk: Desk) -> tuple[Notice, ...]:
    person = concerned.addressee
    if person is None or not person.active or (change.kind == "assigned" and person.id == change.actor):
        return ()
    role: Role = "cc"
    if change.kind == "asking":
        role = "outsider"
    elif desk.name in person.staff_of:
        role = "staff"
    elif person.id == concerned.requester.id:
        role = "requester"
    return (Notice(person, role, _TO_ONE[change.kind], person.confirmed or role == "staff" or change.by_support),)


def _told_of_refusal(change: Change, concerned: Concerned, notices: dict[int, Notice]) -> Notice | None:
    """The writer of a reply hears of refused files in a mail of its own; an opener in the confirmation (T13)."""
    actor = concerned.actor
    if not (change.refused_files and change.kind == "customer_reply" and change.acknowledge and actor):
        return None
    if not (actor.active and actor.confirmed) or actor.id in notices:
        return None
    role: Literal["requester", "cc"] = "requester" if actor.id == concerned.requester.id else "cc"
    return Notice(actor, role, "attachment_refused")
