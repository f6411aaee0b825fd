"""Mail that names a ticket: appended when its sender has a part in it (design 3, X-01)."""

from gateway.decide.facts import GUESSED, Evidence, Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed
from gateway.parse.commands import read_commands

_MAY_CLOSE = ("requester", "admin")  # people on CC may not


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """The strongest evidence wins; what a customer asks for is done only with an address signed for them (X-02)."""
    if parsed.sender is None or not facts.evidence:
        return None
    best = facts.evidence[0]
    if best.relation == "staff":
        return None  # the staff rule
    if facts.dmarc_failed and not _is_owner(best, facts):
        return None  # the stranger's rule: the domain itself says that this is not its mail
    if best.relation == "consulted":
        return Verdict("reply", _reason(best), ticket=best.ticket.id, speaker="outsider")
    if best.relation == "none":
        return _thread(parsed, facts, best)
    return _with_wish(parsed, facts, best)


def _with_wish(parsed: Parsed, facts: Facts, best: Evidence) -> Verdict:
    requested = read_commands(parsed.reply)
    wishes = best.action == "close" or requested.asks("close")
    allowed = best.relation in _MAY_CLOSE and facts.desk.customer_close
    proved = facts.signed is not None and facts.signed.ticket.id == best.ticket.id
    parks = wishes and allowed and not proved and facts.may_answer
    words = bool(requested.text.strip() or parsed.files) if wishes else True
    problems: tuple[str, ...] = ()
    if wishes and not allowed and facts.may_answer:
        who = "whoever opened it" if facts.desk.customer_close else f"the {facts.desk.team}"
        problems = (f"Only {who} may close a {facts.desk.noun}.",)
    return Verdict(
        "reply" if words else "command",
        _reason(best),
        ticket=best.ticket.id,
        proved=_is_owner(best, facts),
        flags=_flags(facts, unsettled=wishes and allowed and not proved and not parks),
        names_people=best.kind not in GUESSED and not facts.dmarc_failed,
        acknowledge=facts.may_answer,
        requested=requested if wishes else None,
        closes=wishes and allowed and proved,
        parks=parks,
        problems=problems,
    )


def _flags(facts: Facts, unsettled: bool) -> tuple[str, ...]:
    marks = {
        "evidence-disagrees": disagrees(facts),
        "message-id-reused": facts.id_reused,
        "unproved-request": unsettled,  # and nobody could be asked
    }
    return tuple(name for name, holds in marks.items() if holds)


def _thread(parsed: Parsed, facts: Facts, best: Evidence) -> Verdict | None:
    """Colleagues who answer each other before there is a tag meet on one ticket by the mail they have in common.

    Whoever also writes to the ticket's requester joins it; others only leave their words, for staff to see.
    """
    if best.kind != "root" or facts.dmarc_failed or (facts.sender and not facts.sender.active):
        return None
    if facts.unwelcome:
        return None
    joins = any(address.address == best.requester for address in (*parsed.to, *parsed.cc))
    return Verdict(
        "reply", "answers the same mail as an earlier one", ticket=best.ticket.id, joins=joins, quiet=not joins,
        names_people=False, flags=("shared-thread",), acknowledge=False,
    )  # fmt: skip


def _is_owner(best: Evidence, facts: Facts) -> bool:
    return facts.sender is not None and facts.sender.is_(best.owner)


def disagrees(facts: Facts) -> bool:
    """Whether the evidence points at more than one ticket."""
    return len({evidence.ticket.id for evidence in facts.evidence}) > 1


def _reason(evidence: Evidence) -> str:
    return f"{evidence.kind} names the ticket and the sender is its {evidence.relation}"
