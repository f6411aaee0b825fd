"""Every rule in its place: each row of the table decides something that no other rule would decide so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.decide import RULES, Evidence, Facts, ReportedMail, decide
from gateway.decide.facts import KNOWN_BUDGET, STRANGER_BUDGET, AlertAnswered
from gateway.parse import Address, Bounce, Parsed
from gateway.parse.authentication import Proof
from gateway.parse.fields import Fields
from store.rules.desk import Desk, Mailbox
from store.rules.old_mail import Terms
from store.rules.people import PersonFacts, TicketFacts
from store.rules.tokens import Token
from templates.words import NOTICE_MARKS

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
FAILED = Proof("trusted-host", dmarc="fail")
SUPPORT = Mailbox(address="support@desk.test")
SAFETY = Mailbox(address="safety@desk.test", department="Safety", priority="urgent")
DESK = Desk(name="hosting", key="HO", title="Hosting", mailboxes=(SUPPORT, SAFETY))
ANNA = PersonFacts(1, "anna@cust.test", confirmed=True)
GINA = PersonFacts(2, "gina@desk.test", confirmed=True, staff_of=("hosting",))
TICKET = TicketFacts(7, "hosting", 1001, 1, None, frozenset())
OTHER = TicketFacts(8, "hosting", 1002, 1, None, frozenset())

PLAIN = Parsed(message_id="a@cust.test", sender=Address("anna@cust.test"), subject="x", text="hi", reply="hi")
FACTS = Facts(desk=DESK, mailboxes=(SUPPORT,), now=NOW, sender=ANNA)
TAG = Evidence("subject_tag", TICKET, "requester")
STRANGE_TAG = Evidence("subject_tag", TICKET, "none")
OLD = replace(TICKET, state="closed", closed_at=NOW - timedelta(days=31))
PATIENT = DESK.model_copy(update={"follow_up_after": 30})
ROOT = Evidence("root", TICKET, "none")
SIGNED = Evidence("reply_address", TICKET, "staff", owner=2)
REPORT = ReportedMail(3, 1, 7, "anna@cust.test", True)

WARNED = AlertAnswered(5, 1, "reply", ((3, frozenset({"lx-200"})), (4, frozenset({"lx-118"}))))
MEMBER = replace(ANNA, organizations=((5, "member"),))
DEVICES = Mailbox(address="activations@desk.test", department="Activations", answer="activation_ack")

# What differs from an ordinary new mail, and the rule, outcome, ticket and flags it must lead to.
CASES = [
    ("new", {}, {}, ("opening", "new", None, ())),
    ("tag of a requester", {}, {"evidence": (TAG,)}, ("reply", "reply", 7, ())),
    ("tag of a stranger", {}, {"evidence": (STRANGE_TAG,)}, ("stranger", "new", None, ("stranger",))),
    ("evidence disagrees", {}, {"evidence": (TAG, replace(TAG, ticket=OTHER))}, ("reply", "reply", 7, ("evidence-disagrees",))),
    ("staff, signed", {}, {"sender": GINA, "evidence": (SIGNED,)}, ("support", "reply", 7, ())),
    ("staff, by tag", {}, {"sender": GINA, "evidence": (replace(TAG, relation="staff"),)}, ("support", "held", 7, ("held", "unproved-staff"))),
    ("staff, another's address", {}, {"sender": GINA, "evidence": (replace(SIGNED, owner=9),)}, ("support", "held", 7, ("held", "unproved-staff"))),
    ("staff, DMARC failed", {}, {"sender": GINA, "evidence": (SIGNED,), "proof": FAILED}, ("support", "held", 7, ("held", "unproved-staff"))),
    ("forwarded token", {}, {"evidence": (replace(SIGNED, relation="none", owner=9),)}, ("stranger", "held", None, ("held", "stranger"))),
    ("no identity, tag", {"sender": None}, {"sender": None, "evidence": (STRANGE_TAG,)}, ("stranger", "new", None, ("unverified-sender", "stranger"))),
    ("no identity", {"sender": None}, {"sender": None}, ("opening", "new", None, ("unverified-sender",))),
    ("duplicate of a reply", {}, {"duplicate_of": 5, "duplicate_ticket": 7, "evidence": (TAG,)}, ("duplicate", "duplicate", 7, ())),
    ("own Message-ID", {}, {"own_message": True, "evidence": (TAG,)}, ("own_mail", "auto", None, ())),
    ("probe", {}, {"probe": Token("probe", 1, 1), "sender": None}, ("probe", "auto", None, ())),
    ("from a desk", {}, {"sender_is_desk": True}, ("own_mail", "auto", None, ())),
    ("bounce, ours", {"auto": "bounce", "marked": True, "bounce": Bounce()}, {"reported": REPORT, "evidence": (TAG,)}, ("bounce", "bounce", 7, ())),
    ("bounce, not ours", {"auto": "bounce", "marked": True, "bounce": Bounce()}, {}, ("bounce", "bounce", None, ())),
    ("silent return to VERP", {}, {"reported": REPORT, "null_sender": True}, ("bounce", "bounce", 7, ())),
    ("vacation on a ticket", {"auto": "auto-reply", "marked": True}, {"evidence": (TAG,)}, ("automatic", "auto", 7, ())),
    ("vacation of a stranger", {"auto": "auto-reply", "marked": True}, {"evidence": (STRANGE_TAG,)}, ("automatic", "auto", None, ())),
    ("a person's words like a bounce", {"auto": "bounce"}, {}, ("automatic", "new", None, ("automatic",))),
    ("a person's words like an absence", {"auto": "auto-reply"}, {}, ("automatic", "new", None, ("automatic",))),
    ("vacation to VERP", {"auto": "auto-reply", "marked": True}, {"reported": REPORT, "null_sender": True, "evidence": (TAG,)}, ("automatic", "auto", 7, ())),
    ("tag, DMARC failed", {}, {"evidence": (TAG,), "proof": FAILED}, ("stranger", "new", None, ("dmarc-failed", "stranger"))),
    ("staff, only the notice", {"reply": NOTICE_MARKS["en"], "text": NOTICE_MARKS["en"]}, {"sender": GINA, "evidence": (SIGNED,)}, ("support", "reply", 7, ("unsent-answer",))),
    ("staff, without a word", {"reply": ""}, {"sender": GINA, "evidence": (SIGNED,)}, ("support", "reply", 7, ("unsent-answer",))),
    ("alarm", {"auto": "auto-generated", "marked": True}, {}, ("automatic", "new", None, ("automatic",))),
    ("list", {"auto": "list", "marked": True}, {}, ("automatic", "new", None, ("automatic",))),
    ("null sender", {}, {"null_sender": True}, ("automatic", "new", None, ("automatic",))),
    ("inactive", {}, {"sender": replace(ANNA, status="inactive")}, ("opening", "new", None, ("inactive-sender",))),
    ("DMARC failed", {}, {"proof": FAILED}, ("opening", "new", None, ("dmarc-failed",))),
    ("stranger over budget", {}, {"sender": None, "answers_today": STRANGER_BUDGET}, ("opening", "new", None, ("not-answered",))),
    ("known over budget", {}, {"answers_this_hour": KNOWN_BUDGET}, ("opening", "new", None, ("not-answered",))),
    ("blocked", {}, {"blocked": True, "evidence": (TAG,)}, ("blocked", "held", None, ("spam",))),
    ("renew", {"reply": "renew LX-200"}, {"alert": WARNED}, ("alert", "command", None, ())),
    ("cancel, with words", {"reply": "cancel\nWe moved."}, {"alert": WARNED}, ("alert", "new", None, ())),
    ("renew by its address", {}, {"alert": replace(WARNED, action="renew")}, ("alert", "new", None, ())),
    ("renew, DMARC failed", {"reply": "renew"}, {"alert": WARNED, "proof": FAILED}, ("alert", "held", None, ("held", "unproved-request", "dmarc-failed"))),
    ("another's alert", {"reply": "renew"}, {"alert": replace(WARNED, person=9)}, ("alert", "held", None, ("held", "stranger"))),
    ("renew, inactive", {"reply": "renew"}, {"alert": WARNED, "sender": replace(ANNA, status="inactive")}, ("opening", "new", None, ("inactive-sender",))),
    ("renew by a machine", {"reply": "renew", "auto": "auto-reply", "marked": True}, {"alert": WARNED}, ("automatic", "auto", None, ())),
    ("question about an alert", {"reply": "What does it cost?"}, {"alert": WARNED}, ("alert", "new", None, ())),
    ("a device, over budget", {"fields": Fields(device="LX-1")}, {"sender": MEMBER, "mailboxes": (DEVICES,), "answers_this_hour": KNOWN_BUDGET}, ("activation", "new", None, ())),
    ("word given", {}, {"evidence": (replace(SIGNED, relation="requester", owner=1, action="confirm", request=4),)}, ("confirmation", "command", 7, ())),
    ("word of another", {}, {"evidence": (replace(SIGNED, relation="requester", owner=9, action="confirm", request=4),)}, ("reply", "reply", 7, ())),
    ("closed long ago", {}, {"desk": PATIENT, "evidence": (replace(TAG, ticket=OLD),)}, ("follow_up", "new", None, ())),
    ("old, asks to be closed", {"reply": "#close"}, {"old": Terms(NOW), "evidence": (replace(SIGNED, relation="requester", owner=1, action="close"),)}, ("old_mail", "reply", 7, ())),
    ("old, of staff", {}, {"old": Terms(NOW), "sender": GINA, "evidence": (SIGNED,)}, ("old_mail", "reply", 7, ("unproved-staff",))),
    ("old number of a requester", {}, {"evidence": (replace(TAG, kind="old_number"),)}, ("reply", "reply", 7, ())),
    ("shared thread", {}, {"evidence": (ROOT,)}, ("reply", "reply", 7, ("shared-thread",))),
    ("asked by support", {}, {"evidence": (replace(TAG, relation="consulted"),)}, ("reply", "reply", 7, ())),
    ("for the portal", {}, {"desk": DESK.model_copy(update={"general_mail": "hold"})}, ("portal", "held", None, ("held", "portal-first"))),
    ("encrypted", {"defects": ("encrypted",)}, {}, ("opening", "new", None, ("encrypted",))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "mail", "known", "expected"), CASES, ids=[case[0] for case in CASES])
def test_what_a_mail_leads_to(name: str, mail: dict, known: dict, expected: tuple) -> None:
    verdict = decide(replace(PLAIN, **mail), replace(FACTS, **known))
    assert (verdict.rule, verdict.outcome, verdict.ticket, verdict.flags) == expected


QUIET = {"staff, by tag", "forwarded token", "tag of a stranger", "alarm", "null sender", "inactive", "DMARC failed"}


@pytest.mark.parametrize(("name", "mail", "known", "expected"), CASES, ids=[case[0] for case in CASES])
def test_only_ordinary_new_mail_is_acknowledged(name: str, mail: dict, known: dict, expected: tuple) -> None:
    verdict = decide(replace(PLAIN, **mail), replace(FACTS, **known))
    if verdict.outcome == "new":
        assert bool(verdict.answer) == (name in ("new", "encrypted", "closed long ago", "question about an alert"))
    assert name not in QUIET or not verdict.answer


def test_no_rule_can_be_left_out() -> None:
    """Without its rule at least one of the cases above ends differently."""
    for left_out, _judge, _reason in RULES[:-1]:
        rest = [judge for name, judge, _ in RULES if name != left_out]
        differs = 0
        for _, mail, known, expected in CASES:
            verdict = next(v for judge in rest if (v := judge(replace(PLAIN, **mail), replace(FACTS, **known))))
            differs += (verdict.outcome, verdict.ticket, verdict.flags) != expected[1:]
        assert differs, left_out


def test_the_most_urgent_mailbox_counts() -> None:
    assert replace(FACTS, mailboxes=(SUPPORT, SAFETY)).mailbox == SAFETY
    raised = decide(PLAIN, replace(FACTS, mailboxes=(SAFETY,), duplicate_of=1, duplicate_ticket=7))
    assert raised.raise_to == "urgent"
