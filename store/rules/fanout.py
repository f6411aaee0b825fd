"""Who is told what: a pure function from a change and the people concerned to the mails that follow (A-12, IN-20..22).

    change          requester      organisation admins   CC          department staff   note
    opened          confirmation   ticket_update         -           staff_notice       strangers get no text of theirs back
    customer_reply  ticket_update  ticket_update         cc_copy     staff_notice       the writer: attachment_refused, if any
    support_reply   staff_reply    staff_reply           cc_copy     -
    closed          ticket_closed  ticket_closed         ticket_closed  - (staff_notice when a customer closed)
    status          ticket_update  ticket_update         -           -
    note            -              -                     -           -
    unsent          -              -                     -           -                      its author: staff_notice

Nobody is told of their own act unless the desk says `echo_actor`; nobody twice; nobody inactive; nobody whom the
writer's own mail already addressed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from store.rules.desk import Desk
from store.rules.people import PersonFacts

ChangeKind = Literal["opened", "customer_reply", "support_reply", "closed", "status", "note", "unsent"]
Template = Literal[
    "confirmation", "staff_reply", "ticket_update", "cc_copy", "ticket_closed", "staff_notice", "attachment_refused"
]

# Automatic answers to a mail; only these count against the budgets of threats 38.
ANSWERS: frozenset[str] = frozenset({"confirmation", "attachment_refused"})

_ROWS: dict[ChangeKind, dict[str, Template]] = {
    "opened": {"requester": "confirmation", "admin": "ticket_update", "staff": "staff_notice"},
    "customer_reply": {
        "requester": "ticket_update", "admin": "ticket_update", "cc": "cc_copy", "staff": "staff_notice",
    },
    "support_reply": {"requester": "staff_reply", "admin": "staff_reply", "cc": "cc_copy"},
    "closed": {"requester": "ticket_closed", "admin": "ticket_closed", "cc": "ticket_closed"},
    "status": {"requester": "ticket_update", "admin": "ticket_update"},
    "note": {},
    "unsent": {},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a ticket. `already`: addresses the writer's own mail went to, which need no copy from us."""

    kind: ChangeKind
    actor: int | None
    by_support: bool = False
    already: frozenset[str] = frozenset()
    refused_files: bool = False
    acknowledge: bool = True  # False: automatic mail, flagged strangers, spent budget


@dataclass(frozen=True, slots=True)
class Concerned:
    """The people around a ticket, already limited to those who exist."""

    requester: PersonFacts
    admins: tuple[PersonFacts, ...] = ()
    cc: tuple[PersonFacts, ...] = ()
    staff: tuple[PersonFacts, ...] = ()
    actor: PersonFacts | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """One mail that must go out: to whom, as what, made from which template."""

    person: PersonFacts
    role: Literal["requester", "admin", "cc", "staff"]
    template: Template
    known: bool = True  # False: a stranger, who gets none of the text back by an automatic answer (threats 38)


def fan_out(change: Change, concerned: Concerned, desk: Desk) -> tuple[Notice, ...]:
    """The mails that follow from a change, each person at most once, in a stable order."""
    row = _ROWS[change.kind]
    notices: dict[int, Notice] = {}
    # What a stranger writes is told to staff and to a known requester alone. Else a stranger could have us mail a
    # victim, by forging the victim's address first and writing on that ticket, or by putting the victim on Cc.
    vouched = change.kind != "customer_reply" or bool(concerned.actor and concerned.actor.confirmed)

    def tell(
        person: PersonFacts, role: Literal["requester", "admin", "cc", "staff"], template: Template | None
    ) -> None:
        if template is None or not person.active or person.id in notices:
            return
        if not vouched and role != "staff" and (role == "cc" or not person.confirmed):
            return
        is_actor = person.id == change.actor
        if is_actor and template != "confirmation" and not desk.notify.echo_actor:
            return
        if not is_actor and role != "staff" and person.email in change.already:
            return
        if template == "confirmation" and not change.acknowledge:
            return
        known = person.confirmed or role != "requester" or change.by_support  # what a human of ours did may be told
        notices[person.id] = Notice(person, role, template, known)

    tell(concerned.requester, "requester", row.get("requester"))
    if desk.notify.organization_admins:
        for person in concerned.admins:
            tell(person, "admin", row.get("admin"))
    for person in concerned.cc:
        tell(person, "cc", row.get("cc"))
    if desk.notify.department_staff:
        by_customer = change.kind == "closed" and not change.by_support
        for person in concerned.staff:
            tell(person, "staff", "staff_notice" if by_customer else row.get("staff"))
    if change.kind == "unsent" and concerned.actor and concerned.actor.active:
        notices[concerned.actor.id] = Notice(concerned.actor, "staff", "staff_notice")
    told = _told_of_refusal(change, concerned, notices)
    if told:
        notices[told.person.id] = told
    return tuple(notices.values())


def _told_of_refusal(change: Change, concerned: Concerned, notices: dict[int, Notice]) -> Notice | None:
    """The writer of a reply hears of refused files in a mail of its own; an opener in the confirmation (T13)."""
    actor = concerned.actor
    if not (change.refused_files and change.kind == "customer_reply" and change.acknowledge and actor):
        return None
    if not (actor.active and actor.confirmed) or actor.id in notices:
        return None
    role: Literal["requester", "cc"] = "requester" if actor.id == concerned.requester.id else "cc"
    return Notice(actor, role, "attachment_refused")
