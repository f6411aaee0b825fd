"""Mail of an archive: kept where it belongs as it was, without a word to anybody and without doing what it asks for."""

from __future__ import annotations

from dataclasses import replace

from gateway.decide import opening, reply, stranger
from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """Of everybody else's mail nothing. Who may write on which ticket is judged as always."""
    if facts.old is None:
        return None
    verdict = _of_support(parsed, facts) if _is_ours(parsed, facts) else _of_customer(parsed, facts)
    return replace(verdict, reason=f"of an archive: {verdict.reason}")


def _is_ours(parsed: Parsed, facts: Facts) -> bool:
    """Whether the desk or its staff wrote it to a customer. Staff that write to the desk and name no ticket want help."""
    if facts.evidence:
        return facts.sender_is_desk or facts.evidence[0].relation == "staff"
    own = facts.desk.addresses()
    to_us = any(address.address in own for address in (*parsed.to, *parsed.cc))
    return facts.sender_is_desk or (facts.staff and _is_trusted(facts) and not to_us)


def _is_trusted(facts: Facts) -> bool:
    return facts.old is not None and facts.old.trust_from and not facts.dmarc_failed


def _of_support(parsed: Parsed, facts: Facts) -> Verdict:
    """Words of the desk itself or of its staff: an answer where From is believed, else only a note.

    Anybody could write to the mailbox under the name of an agent, and a customer would read it as our word (threats 40).
    """
    best = facts.evidence[0] if facts.evidence else None
    if best is None:
        if not (_is_trusted(facts) and (parsed.to or parsed.cc)):
            return Verdict("auto", "its sender is a mailbox of a desk")
        return Verdict("new", "the desk wrote first", speaker="support")
    if _is_trusted(facts):
        return Verdict("reply", f"support, by the {best.kind}", ticket=best.ticket.id, speaker="support")
    return Verdict(
        "reply", f"from a staff address, by the {best.kind}", ticket=best.ticket.id, speaker="staff_note",
        flags=("unproved-staff",),
    )  # fmt: skip


def _of_customer(parsed: Parsed, facts: Facts) -> Verdict:
    named = reply.judge(parsed, facts)
    if named is not None:
        quiet = "unproved-request"
        return replace(
            named, outcome="reply", proved=False, acknowledge=False, requested=None, closes=False, parks=False,
            problems=(), flags=tuple(flag for flag in named.flags if flag != quiet),
        )  # fmt: skip
    claims = stranger.judge(parsed, facts)
    if claims is not None:
        return replace(claims, outcome="new", misused_by=None, names_people=False)
    if found := opening.doubt(parsed, facts):
        reason, flag = found
        return Verdict("new", reason, flags=(flag, *opening.defect_flags(parsed, facts)), names_people=False)
    return Verdict("new", f"mail to {facts.mailbox.address}", flags=opening.defect_flags(parsed, facts))
