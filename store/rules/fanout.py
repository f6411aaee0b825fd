"""Who is told what: a pure function from a change and the people concerned to the mails that follow (A-12, IN-20..22).

`TABLE` says it, and docs/telling.md prints it. Nobody is told of their own act unless the desk says `echo_actor`;
nobody twice; nobody inactive; nobody whom the writer's own mail already addressed; nobody of a note.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from store.rules.desk import Answer, Desk
from store.rules.people import PersonFacts

# `writer`: somebody with none of the other places on the ticket, who wrote to us or to whom we wrote.
Role = Literal["requester", "admin", "cc", "staff", "outsider", "writer"]
ChangeKind = Literal[
    "opened", "raised", "released", "customer_reply", "support_reply", "closed", "status", "moved", "note", "outsider", "unsent",
    "assigned", "unassigned", "parked", "unable", "address_used", "asking", "undelivered", "redirected",
    "mailbox_silent", "mailbox_back", "mail_left", "access_ends", "probe_lost", "probe_back",
    "wished", "activated", "not_activated", "reminded",
]  # fmt: skip
RowName = ChangeKind | Literal["closed_by_support"]
Template = Literal[
    "confirmation", "safety_ack", "access_ack", "login_help", "missing_info", "portal_nudge", "portal_hold",
    "portal_redirect", "held_ack", "follow_up", "staff_reply", "ticket_update", "cc_copy", "ticket_closed", "staff_notice",
    "safety_alert", "attachment_refused", "confirm_request", "request_refused", "address_used", "outsider_question", "digest",
    "undelivered", "mailbox_notice",
    "undelivered", "activation_ack", "deactivation_ack", "renewal_confirmed", "command_refused", "activated",
    "reminder_awaiting", "renewal_alert", "auto_renewed", "deactivated",
]  # fmt: skip

# Automatic answers to a mail; only these count against the budgets of threats 38.
ANSWERS: frozenset[str] = frozenset(
    {
        "confirmation", "safety_ack", "access_ack", "login_help", "missing_info", "portal_nudge", "portal_hold",
        "portal_redirect", "held_ack", "follow_up", "attachment_refused", "confirm_request", "request_refused", "address_used",
        "activation_ack", "deactivation_ack", "renewal_confirmed", "command_refused",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One event: the template each role gets; "answer" is the answer the mailbox gives to new mail."""

    event: str  # in words
    requester: Template | Literal["answer"] | None = None
    admin: Template | None = None  # of the requester's organisation
    cc: Template | None = None
    staff: Template | None = None  # of the department
    assignee: Template | None = None
    on_call: Template | None = None  # `alerts` of the mailbox
    named: Template | None = None  # the one person the change names


_NOTICE: Template = "staff_notice"
TABLE: dict[RowName, Row] = {
    "opened": Row("a ticket is opened", "answer", "ticket_update", staff=_NOTICE, on_call="safety_alert"),
    "raised": Row("its priority is raised by a second mail", None, None, None, _NOTICE, _NOTICE, "safety_alert"),
    "released": Row("a held ticket is let in", "confirmation"),
    "customer_reply": Row(
        "the customer's side writes", "ticket_update", "ticket_update", "cc_copy", _NOTICE, _NOTICE, "safety_alert"
    ),
    "support_reply": Row("support answers", "staff_reply", "staff_reply", "cc_copy", assignee=_NOTICE),
    "closed": Row(
        "the customer's side closes it", "ticket_closed", "ticket_closed", "ticket_closed", _NOTICE, _NOTICE, "safety_alert"
    ),
    "closed_by_support": Row(
        "support closes it", "ticket_closed", "ticket_closed", "ticket_closed", assignee=_NOTICE
    ),
    "status": Row("the desk has another word for its state", "ticket_update", "ticket_update"),
    "reminded": Row("support has waited `remind_after` days for the customer (EQ-69)", "reminder_awaiting"),
    "moved": Row("it comes to a department", staff=_NOTICE),
    "outsider": Row("somebody outside answers support", staff=_NOTICE, assignee=_NOTICE),
    # Nobody, not even its assignee: an answer to a notice goes to the customer, and one to a note must not (threats 47).
    "note": Row("an internal note is written"),
    "unsent": Row("an answer was not sent", named=_NOTICE),
    "assigned": Row("it is assigned", named=_NOTICE),
    "unassigned": Row("it is taken from its assignee", named=_NOTICE),
    "parked": Row("something is asked without proof (threats 40)", named="confirm_request"),
    "unable": Row("what is asked cannot be done", named="request_refused"),
    "address_used": Row("somebody else wrote to a signed address", named="address_used"),
    "asking": Row("support asks somebody outside", named="outsider_question"),
    "redirected": Row("a mail makes no ticket (EQ-66)", named="portal_redirect"),
    "undelivered": Row("a mail with an agent's words did not arrive", named="undelivered"),
    "mailbox_silent": Row("a mailbox cannot be read any more (threats 96)", named="mailbox_notice"),
    "mailbox_back": Row("it can be read again", named="mailbox_notice"),
    "mail_left": Row("a mail in it cannot be fetched", named="mailbox_notice"),
    "access_ends": Row("the access to a mail server is about to end", named="mailbox_notice"),
    "probe_lost": Row("a probe to a mailbox stays away (threats 96)", named="mailbox_notice"),
    "probe_back": Row("probes to it come back", named="mailbox_notice"),
    "wished": Row("what was asked for devices is done, or cannot be", "answer"),
    "activated": Row("a device is set up (DV-18)", "activated"),
    "not_activated": Row("a device is not activated", "command_refused"),
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
    answer: Answer | None = "confirmation"  # of "opened" and "wished": what its sender is told
    missing: tuple[str, ...] = ()  # of "opened": fields to be asked for
    quiet: bool = False  # staff alone are told
    silent: bool = False  # nobody is: it happened long ago, and an archive tells of it
    settled: bool = False  # nobody has to do anything more: the answer goes out, and nothing else
    addressee: int | None = None  # the one person who is told

    @property
    def row(self) -> RowName:
        """Which row of the table it is."""
        return "closed_by_support" if self.kind == "closed" and self.by_support else self.kind


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
    assignee: PersonFacts | None = None
    agents: tuple[PersonFacts, ...] = ()  # of the staff, whom the change concerns instead of the whole department


@dataclass(frozen=True, slots=True)
class Notice:
    """One mail that must go out: to whom, as what, made from which template."""

    person: PersonFacts
    role: Role
    template: Template
    known: bool = True  # False: a stranger, who gets none of the text back by an automatic answer (threats 38)


def fan_out(change: Change, concerned: Concerned, desk: Desk) -> tuple[Notice, ...]:
    """The mails that follow from a change, each person at most once, in a stable order."""
    if change.silent:
        return ()
    row = TABLE[change.row]
    if row.named:
        return _to_one(row.named, change, concerned, desk)
    notices: dict[int, Notice] = {}
    # What a stranger writes is told to staff and to a known requester alone. Else a stranger could have us mail a
    # victim, by forging the victim's address first and writing on that ticket, or by putting the victim on Cc.
    vouched = change.kind != "customer_reply" or bool(concerned.actor and concerned.actor.confirmed)

    def tell(person: PersonFacts, role: Role, template: Template | None) -> None:
        if template is None or not person.active or person.id in notices or (change.quiet and role != "staff"):
            return
        if change.settled and role != "requester":
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
        tell(person, "staff", row.on_call)
    tell(concerned.requester, "requester", change.answer if row.requester == "answer" else row.requester)
    if desk.notify.organization_admins:
        for person in concerned.admins:
            tell(person, "admin", row.admin)
    for person in concerned.cc:
        tell(person, "cc", row.cc)
    by_somebody = change.actor is not None  # what the clock does concerns the customer alone
    if desk.notify.assignee and by_somebody and concerned.assignee and concerned.assignee.works_at(desk.name):
        tell(concerned.assignee, "staff", row.assignee)
    for person in concerned.agents or (concerned.staff if desk.notify.department_staff else ()):
        tell(person, "staff", row.staff)
    told = _told_of_refusal(change, concerned, desk, notices)
    if told:
        notices[told.person.id] = told
    return tuple(notices.values())


def _to_one(template: Template, change: Change, concerned: Concerned, desk: Desk) -> tuple[Notice, ...]:
    person = concerned.addressee
    if person is None or not person.active:
        return ()
    if change.kind in ("assigned", "unassigned") and not _hears_of_place(person, change, desk):
        return ()
    role: Role = "outsider" if change.kind == "asking" else _place(person, concerned, desk)
    return (Notice(person, role, template, person.confirmed or role == "staff" or change.by_support),)


def _hears_of_place(person: PersonFacts, change: Change, desk: Desk) -> bool:
    """Whether one of the staff is told of a ticket that became theirs, or is theirs no longer."""
    return person.works_at(desk.name) and (person.id != change.actor or desk.notify.echo_actor)


def _place(person: PersonFacts, concerned: Concerned, desk: Desk) -> Role:
    """What somebody is told as who is told for another reason than their place: a mail never claims one they have not."""
    if desk.name in person.staff_of:
        return "staff"
    if person.id == concerned.requester.id:
        return "requester"
    return "cc" if any(person.id == one.id for one in concerned.cc) else "writer"


def _told_of_refusal(change: Change, concerned: Concerned, desk: Desk, notices: dict[int, Notice]) -> Notice | None:
    """The writer of a reply hears of refused files in a mail of its own; an opener in the confirmation (T13)."""
    actor = concerned.actor
    if not (change.refused_files and change.kind == "customer_reply" and change.acknowledge and actor):
        return None
    if not (actor.active and actor.confirmed) or actor.id in notices:
        return None
    return Notice(actor, _place(actor, concerned, desk), "attachment_refused")
