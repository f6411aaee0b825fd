"""Evidence, sender and desk rule: every combination that differs, the rule that decides it, and what the evidence was for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.decide import Evidence, Facts, decide
from gateway.decide.facts import KINDS, KNOWN_BUDGET, STRANGER_BUDGET, EvidenceKind
from gateway.parse import Address, Parsed
from gateway.parse.authentication import Proof
from gateway.parse.fields import Fields
from store.rules.desk import Desk, Mailbox
from store.rules.people import PersonFacts, TicketFacts

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
BOX = Mailbox(address="support@desk.test")
SAFETY = Mailbox(address="safety@desk.test", priority="urgent", answer="safety_ack", everybody=True)
# Mail to none of these is ever sent to a portal.
TOPICS = (
    SAFETY,
    Mailbox(address="access@desk.test", priority="high", answer="access_ack"),
    Mailbox(address="login@desk.test", answer="login_help"),
    Mailbox(address="urgent@desk.test", priority="urgent"),
    Mailbox(address="all@desk.test", everybody=True),
    Mailbox(address="alarm@desk.test", alerts=("oncall@phone.test",)),
)
DESKS = {
    "accept": Desk(name="hosting", key="HO", title="Hosting", mailboxes=(BOX, SAFETY)),
    "hold": Desk(name="hosting", key="HO", title="Hosting", mailboxes=(BOX, SAFETY), unknown_sender="hold"),
    "topics": Desk(name="hosting", key="HO", title="Hosting", mailboxes=(BOX, SAFETY), unknown_sender="topics"),
    "follow up": Desk(name="hosting", key="HO", title="Hosting", mailboxes=(BOX, SAFETY), follow_up_after=30),
    "no close": Desk(name="hosting", key="HO", title="Hosting", mailboxes=(BOX, SAFETY), customer_close=False),
    "strict": Desk(name="hosting", key="HO", title="Hosting", mailboxes=(BOX, SAFETY), required_fields=("model",)),
    "nudge": Desk(name="hosting", key="HO", title="Hosting", mailboxes=(BOX, SAFETY), general_mail="nudge"),
    "complete": Desk(name="hosting", key="HO", title="Hosting", mailboxes=(BOX, SAFETY), general_mail="hold"),
    "redirect": Desk(name="hosting", key="HO", title="Hosting", mailboxes=(BOX, SAFETY), general_mail="redirect"),
    "hold, join": Desk(
        name="hosting", key="HO", title="Hosting", mailboxes=(BOX, SAFETY), unknown_sender="hold", domain_join=True
    ),
    "redirect known": Desk(
        name="hosting",
        key="HO",
        title="Hosting",
        mailboxes=(BOX, SAFETY),
        general_mail="redirect",
        unknown_sender="hold",
    ),
}
ANNA = PersonFacts(1, "anna@cust.test", confirmed=True)
SENDERS: dict[str, PersonFacts | None] = {
    "known": ANNA,
    "guest": replace(ANNA, confirmed=False),
    "unknown": None,
    "inactive": replace(ANNA, status="inactive"),
    "staff": replace(ANNA, staff_of=("hosting",)),
}
TICKET = TicketFacts(7, "hosting", 1001, 1, None, frozenset())
CLOSED = replace(TICKET, state="closed", closed_at=NOW - timedelta(days=31))
MAIL = Parsed(message_id="a@cust.test", sender=Address("anna@cust.test"), subject="x", text="hi", reply="hi")
SIGNED: tuple[EvidenceKind, ...] = ("reply_address", "own_message_id")
CLOSE = {"text": "#close", "reply": "#close"}
CLOSE_WORDS = {"text": "#close\nthanks", "reply": "#close\nthanks"}


def evidence(kind: EvidenceKind, relation: str, owner: str, **more: object) -> tuple[Evidence, ...]:
    """`owner`: to whom a signed pointer was given: mine, theirs, or - for kinds that are not signed."""
    given = {"mine": 1, "theirs": 9, "-": None}[owner]
    return (Evidence(kind, TICKET, relation, given, **more),)  # type: ignore[arg-type]


# kinds of evidence, sender, relation, owner of a signed one, DMARC, desk, mail -> rule, outcome, what tells it from others
ALL, UNSIGNED = KINDS[:4], KINDS[2:4]
ROWS: list[tuple[tuple[EvidenceKind, ...], str, str, str, str | None, str, dict[str, object], tuple[str, str, dict[str, object]]]] = [
    # people with a part in the ticket, by any evidence
    (SIGNED, "known", "requester", "mine", None, "accept", {}, ("reply", "reply", {"proved": True, "names_people": True})),
    (SIGNED, "known", "requester", "mine", "pass", "accept", {}, ("reply", "reply", {"proved": True})),
    (SIGNED, "guest", "requester", "mine", None, "hold", {}, ("reply", "reply", {"proved": True})),
    (SIGNED, "known", "cc", "mine", None, "accept", {}, ("reply", "reply", {"proved": True})),
    (SIGNED, "known", "admin", "mine", None, "accept", {}, ("reply", "reply", {"proved": True})),
    (SIGNED, "known", "member", "theirs", None, "accept", {}, ("reply", "reply", {"proved": False})),
    (SIGNED, "known", "requester", "theirs", None, "accept", {}, ("reply", "reply", {"proved": False})),
    (("message_id",), "known", "requester", "-", None, "accept", {}, ("reply", "reply", {"proved": False, "names_people": True})),
    (("subject_tag",), "known", "requester", "-", None, "accept", {}, ("reply", "reply", {"names_people": False})),
    (("root",), "known", "requester", "-", None, "accept", {}, ("reply", "reply", {"names_people": False, "quiet": False})),
    (UNSIGNED, "guest", "cc", "-", "pass", "topics", {}, ("reply", "reply", {"quiet": False})),
    # a domain that disowns the mail
    (SIGNED, "known", "requester", "mine", "fail", "accept", {}, ("reply", "reply", {"names_people": False})),
    (SIGNED, "known", "requester", "theirs", "fail", "accept", {}, ("stranger", "new", {"linked_to": 7, "answer": None})),
    (UNSIGNED, "known", "requester", "-", "fail", "accept", {}, ("stranger", "new", {"linked_to": 7, "answer": None})),
    (("root",), "known", "requester", "-", "fail", "accept", {}, ("opening", "new", {"linked_to": None, "answer": None})),
    # strangers
    (UNSIGNED, "unknown", "none", "-", None, "accept", {}, ("stranger", "new", {"linked_to": 7, "answer": None})),
    (UNSIGNED, "known", "none", "-", "pass", "accept", {}, ("stranger", "new", {"linked_to": 7, "answer": None})),
    (UNSIGNED, "unknown", "none", "-", None, "hold", {}, ("stranger", "new", {"linked_to": 7, "answer": None})),
    (SIGNED, "unknown", "none", "theirs", None, "accept", {}, ("stranger", "held", {"linked_to": 7, "misused_by": 9})),
    (SIGNED, "known", "none", "theirs", "pass", "accept", {}, ("stranger", "held", {"linked_to": 7, "misused_by": 9})),
    (SIGNED, "known", "none", "mine", None, "accept", {}, ("stranger", "new", {"linked_to": 7, "misused_by": None})),
    (ALL, "inactive", "none", "-", None, "accept", {}, ("stranger", "new", {"linked_to": 7, "answer": None})),
    (("root",), "unknown", "none", "-", None, "accept", {}, ("reply", "reply", {"quiet": True, "joins": False})),
    (("root",), "known", "none", "-", None, "accept", {"to": (Address("req@cust.test"),)}, ("reply", "reply", {"quiet": False, "joins": True})),
    (("root",), "unknown", "none", "-", None, "hold", {}, ("opening", "held", {"answer": "held_ack"})),
    (("root",), "inactive", "none", "-", None, "accept", {}, ("opening", "new", {"answer": None})),
    # whoever cannot be told
    (ALL, "unknown", "none", "-", None, "accept", {"sender": None}, ("stranger", "new", {"linked_to": 7, "answer": None})),
    # people support has asked
    (ALL, "known", "consulted", "-", None, "accept", {}, ("reply", "reply", {"speaker": "outsider"})),
    (UNSIGNED, "known", "consulted", "-", "fail", "accept", {}, ("stranger", "new", {"linked_to": 7})),
    # support, who speaks only with proof
    (SIGNED, "staff", "staff", "mine", None, "accept", {}, ("support", "reply", {"speaker": "support", "parks": False})),
    (SIGNED, "staff", "staff", "mine", "fail", "accept", {}, ("support", "held", {"parks": True, "answer": None})),
    (SIGNED, "staff", "staff", "theirs", None, "accept", {}, ("support", "held", {"parks": True, "misused_by": 9})),
    (UNSIGNED, "staff", "staff", "-", "pass", "accept", {}, ("support", "held", {"parks": True})),
    (("root",), "staff", "staff", "-", None, "accept", {}, ("support", "held", {"parks": True})),
    (SIGNED, "staff", "staff", "mine", None, "accept", CLOSE, ("support", "command", {"speaker": "support"})),
    (SIGNED, "staff", "staff", "mine", None, "accept", {"text": "#note\nx", "reply": "#note\nx"}, ("support", "reply", {"speaker": "staff_note"})),
    (SIGNED, "staff", "staff", "mine", None, "accept", {"text": "#asign x\nhi", "reply": "#asign x\nhi"}, ("support", "reply", {"speaker": "staff_note"})),
    # what a customer asks for
    (SIGNED, "known", "requester", "mine", None, "accept", CLOSE, ("reply", "command", {"closes": True, "parks": False})),
    (SIGNED, "known", "requester", "mine", None, "accept", CLOSE_WORDS, ("reply", "reply", {"closes": True})),
    (SIGNED, "known", "requester", "mine", "fail", "accept", CLOSE, ("reply", "command", {"closes": False, "parks": True})),
    (SIGNED, "known", "requester", "theirs", None, "accept", CLOSE, ("reply", "command", {"closes": False, "parks": True})),
    (UNSIGNED, "known", "requester", "-", "pass", "accept", CLOSE, ("reply", "command", {"closes": False, "parks": True})),
    (SIGNED, "known", "cc", "mine", None, "accept", CLOSE, ("reply", "command", {"closes": False, "parks": False})),
    (SIGNED, "known", "admin", "mine", None, "accept", CLOSE, ("reply", "command", {"closes": True})),
    (SIGNED, "known", "requester", "mine", None, "no close", CLOSE, ("reply", "command", {"closes": False, "parks": False})),
    # closed long ago
    (ALL, "known", "requester", "-", None, "follow up", {}, ("follow_up", "new", {"linked_to": 7, "follows_up": True})),
    (ALL, "known", "requester", "-", "fail", "follow up", {}, ("stranger", "new", {"linked_to": 7, "follows_up": False})),
    (ALL, "unknown", "none", "-", None, "follow up", {}, ("stranger", "new", {"follows_up": False})),
]  # fmt: skip


def facts(kind: EvidenceKind | None, sender: str, relation: str, owner: str, dmarc: str | None, desk: str, mail: dict[str, object]) -> Facts:  # fmt: skip
    found = evidence(kind, relation, owner, requester="req@cust.test") if kind else ()
    if desk == "follow up":
        found = tuple(replace(one, ticket=CLOSED) for one in found)
    named = None if mail.get("sender", 1) is None else SENDERS[sender]
    return Facts(
        desk=DESKS[desk],
        mailboxes=(BOX,),
        now=NOW,
        sender=named,
        proof=Proof("trusted-host", dmarc=dmarc),
        evidence=found,
    )


CASES = [(kind, *row[1:]) for row in ROWS for kind in row[0]]


@pytest.mark.threat(39)
@pytest.mark.threat(40)
@pytest.mark.parametrize(
    ("kind", "sender", "relation", "owner", "dmarc", "desk", "mail", "expected"), CASES,
    ids=[" ".join(filter(None, [c[0], c[1], c[2], c[3], f"dmarc-{c[4]}" if c[4] else "", c[5], str(c[6].get("reply", ""))[:6]])) for c in CASES],
)  # fmt: skip
def test_the_rule_that_decides(kind: EvidenceKind, sender: str, relation: str, owner: str, dmarc: str | None, desk: str, mail: dict[str, object], expected: tuple[str, str, dict[str, object]]) -> None:  # fmt: skip
    parsed = replace(MAIL, **mail)  # type: ignore[arg-type]
    verdict = decide(parsed, facts(kind, sender, relation, owner, dmarc, desk, mail))
    assert (verdict.rule, verdict.outcome) == expected[:2]
    assert {name: getattr(verdict, name) for name in expected[2]} == expected[2]
    assert verdict.rule in ("opening",) or verdict.ticket == 7 or verdict.linked_to == 7

    without = decide(parsed, facts(None, sender, relation, owner, dmarc, desk, mail))
    assert without.rule == "opening"
    assert (without.ticket, without.linked_to) == (None, None)
    if verdict.rule != "opening":
        assert without != verdict


# sender, DMARC, desk, mailbox, budget spent -> outcome, answer, the flag that says why
OPENINGS = [
    ("known", None, "accept", BOX, False, "new", "confirmation", None),
    ("guest", None, "accept", BOX, False, "new", "confirmation", None),
    ("unknown", "pass", "accept", BOX, False, "new", "confirmation", None),
    ("unknown", None, "accept", SAFETY, False, "new", "safety_ack", None),
    ("inactive", None, "accept", BOX, False, "new", None, "inactive-sender"),
    ("known", "fail", "accept", BOX, False, "new", None, "dmarc-failed"),
    ("known", None, "accept", BOX, True, "new", None, "not-answered"),
    ("unknown", None, "accept", BOX, True, "new", None, "not-answered"),
    ("known", None, "hold", BOX, False, "new", "confirmation", None),
    ("guest", None, "hold", BOX, False, "held", "held_ack", "held"),
    ("unknown", None, "hold", BOX, True, "held", None, "held"),
    ("unknown", None, "hold", SAFETY, False, "new", "safety_ack", None),
    ("staff", None, "hold", BOX, False, "new", "confirmation", None),
    ("unknown", None, "topics", BOX, False, "held", "held_ack", "held"),
    ("unknown", None, "topics", SAFETY, False, "new", "safety_ack", None),
    ("known", None, "strict", BOX, False, "new", "missing_info", None),
    ("known", None, "strict", SAFETY, False, "new", "safety_ack", None),
    ("known", None, "nudge", BOX, False, "new", "portal_nudge", None),
    ("known", None, "nudge", SAFETY, False, "new", "safety_ack", None),
    ("known", None, "complete", BOX, False, "held", "portal_hold", "portal-first"),
    ("known", None, "complete", BOX, True, "held", None, "portal-first"),
    ("unknown", None, "complete", BOX, False, "held", "portal_hold", "portal-first"),
    ("staff", None, "complete", BOX, False, "new", "confirmation", None),
    ("inactive", None, "complete", BOX, False, "new", None, "inactive-sender"),
    ("known", "fail", "complete", BOX, False, "new", None, "dmarc-failed"),
    *((who, None, "complete", box, False, "new", box.answer, None) for who in ("known", "unknown") for box in TOPICS),
    ("known", None, "redirect", BOX, False, "refused", "portal_redirect", None),
    ("unknown", None, "redirect", BOX, False, "refused", "portal_redirect", None),
    ("known", None, "redirect", BOX, True, "new", None, "not-answered"),  # nobody would hear of it
    ("staff", None, "redirect", BOX, False, "new", "confirmation", None),
    ("inactive", None, "redirect", BOX, False, "new", None, "inactive-sender"),
    ("known", "fail", "redirect", BOX, False, "new", None, "dmarc-failed"),
    ("unknown", None, "redirect known", BOX, False, "held", "held_ack", "unknown-sender"),  # they cannot sign in
    ("known", None, "redirect known", BOX, False, "refused", "portal_redirect", None),
    *((who, None, "redirect", box, False, "new", box.answer, None) for who in ("known", "unknown") for box in TOPICS),
]


@pytest.mark.threat(38)
@pytest.mark.req("A-24")
@pytest.mark.parametrize(("sender", "dmarc", "desk", "box", "spent", "outcome", "answer", "flag"), OPENINGS)
def test_a_mail_that_names_no_ticket(sender: str, dmarc: str | None, desk: str, box: Mailbox, spent: bool, outcome: str, answer: str | None, flag: str | None) -> None:  # fmt: skip
    known = replace(facts(None, sender, "none", "-", dmarc, desk, {}), mailboxes=(box,))
    if spent:
        known = replace(known, answers_today=STRANGER_BUDGET, answers_this_hour=KNOWN_BUDGET)
    verdict = decide(MAIL, known)
    rule = "portal" if answer in ("portal_hold", "portal_redirect") or flag == "portal-first" else "opening"
    assert (verdict.rule, verdict.outcome, verdict.answer) == (rule, outcome, answer)
    assert flag is None or flag in verdict.flags


@pytest.mark.req("EQ-66")
@pytest.mark.parametrize("desk", ["complete", "redirect"])
@pytest.mark.parametrize("box", TOPICS, ids=lambda box: box.address)
def test_a_topic_among_the_mailboxes_keeps_a_mail_off_the_portal(desk: str, box: Mailbox) -> None:
    known = replace(facts(None, "known", "none", "-", None, desk, {}), mailboxes=(BOX, box))
    assert decide(MAIL, known).outcome == "new"
    again = replace(known, duplicate_of=5, duplicate_refused=True)
    assert decide(MAIL, again).outcome == "new"  # what was shown the way before is a ticket now
    assert decide(MAIL, replace(again, mailboxes=(BOX,))).outcome == "duplicate"


@pytest.mark.req("EQ-66")
@pytest.mark.parametrize("desk", ["complete", "redirect"])
def test_a_reply_is_taken_whatever_the_desk_wants_of_new_mail(desk: str) -> None:
    named = facts("subject_tag", "known", "requester", "-", None, desk, {})
    assert (decide(MAIL, named).rule, decide(MAIL, named).outcome) == ("reply", "reply")


@pytest.mark.req("A-24")
@pytest.mark.req("A-25")
@pytest.mark.parametrize(
    ("desk", "of_organization", "dmarc", "let_in"),
    [
        ("hold, join", True, "pass", True),
        ("hold, join", True, None, False),
        ("hold, join", True, "none", False),
        ("hold, join", True, "temperror", False),
        ("hold, join", False, "pass", False),
        ("hold", True, "pass", False),
    ],
)
@pytest.mark.parametrize("sender", ["unknown", "guest"])
def test_a_proved_address_of_an_organisation_is_let_in_where_the_desk_lets_it_join(
    sender: str, desk: str, of_organization: bool, dmarc: str | None, let_in: bool
) -> None:
    known = replace(facts(None, sender, "none", "-", dmarc, desk, {}), of_organization=of_organization)
    assert decide(MAIL, known).outcome == ("new" if let_in else "held")
    root = replace(known, evidence=evidence("root", "none", "-"))
    assert decide(MAIL, root).rule == ("reply" if let_in else "opening")


def test_what_a_mail_must_name_is_asked_for_and_no_more() -> None:
    strict = facts(None, "known", "none", "-", None, "strict", {})
    assert decide(MAIL, strict).missing == ("model",)
    named = replace(MAIL, fields=Fields(model="X200"))
    assert (decide(named, strict).missing, decide(named, strict).answer) == ((), "confirmation")


@pytest.mark.threat(38)
def test_the_budgets_of_answers() -> None:
    stranger = facts(None, "unknown", "none", "-", None, "accept", {})
    assert stranger.may_answer
    assert not replace(stranger, answers_today=STRANGER_BUDGET).may_answer
    assert not replace(stranger, strangers_this_hour=stranger.desk.strangers_per_hour).may_answer
    known = facts(None, "known", "none", "-", None, "accept", {})
    assert replace(known, answers_today=STRANGER_BUDGET, strangers_this_hour=10_000).may_answer
    assert not replace(known, answers_this_hour=KNOWN_BUDGET).may_answer
    echo = replace(known, holds_our_words=True, answers_today=STRANGER_BUDGET)
    assert not echo.may_answer
    again = replace(known, repeats=1, answers_today=STRANGER_BUDGET)
    assert not again.may_answer
    assert replace(again, sender=replace(ANNA, vouched=True)).may_answer
