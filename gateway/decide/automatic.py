"""Automatic mail: kept where it belongs, changes no state and is never answered (RFC 3834, X-04)."""

from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """On the ticket its sender may write on; an alarm or a list mail that names none is a ticket, for staff to see.

    An unknown root is no name: monitors put all their alarms under one.
    """
    if parsed.auto is None and not facts.null_sender:
        return None
    if parsed.auto == "list" and not facts.null_sender and _answers_for_a_group(facts):
        return None
    kind = parsed.auto or "null sender"
    for evidence in facts.evidence:
        if evidence.relation != "none" and evidence.kind != "root":
            return Verdict(
                "auto", f"{kind}, kept on the ticket named by its {evidence.kind}", ticket=evidence.ticket.id
            )
    if kind == "auto-reply" and (parsed.marked or facts.null_sender):
        return Verdict("auto", "an automatic reply that belongs to no ticket")
    return Verdict("new", f"{kind}: a ticket that is not answered", flags=("automatic",))


def _answers_for_a_group(facts: Facts) -> bool:
    """A person's answer that a group address carried to us, to an address signed for that person.

    Only where it is an answer: programs that say "I am away" mark their mail as lists do, and must neither close a ticket
    nor give anybody's word.
    """
    mine = any(facts.sender.is_(e.owner) for e in facts.evidence) if facts.sender else False
    return mine and all(e.action == "reply" for e in facts.evidence)
