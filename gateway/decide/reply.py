"""Mail that names a ticket: appended when its sender has a part in it (design 3, X-01)."""

from gateway.decide.facts import Evidence, Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """The strongest evidence wins; speaking as support needs an address or Message-ID signed for that very person."""
    if parsed.sender is None or not facts.evidence:
        return None
    best = facts.evidence[0]
    if best.relation == "staff":
        return _staff(best, facts)
    if best.relation != "none":
        flags = ("evidence-disagrees",) if _disagrees(facts) else ()
        proved = facts.sender is not None and best.owner == facts.sender.id
        return Verdict("reply", _reason(best), ticket=best.ticket.id, proved=proved, flags=flags)
    return None


def _staff(best: Evidence, facts: Facts) -> Verdict | None:
    proof = next((e for e in facts.evidence if facts.sender and e.owner == facts.sender.id), None)
    if proof is None or proof.ticket.id != best.ticket.id or facts.dmarc_failed:
        return None  # the stranger's rule: nothing is said in the name of support
    return Verdict("reply", f"support, proved by the {proof.kind}", ticket=best.ticket.id, as_support=True, proved=True)


def _disagrees(facts: Facts) -> bool:
    return len({evidence.ticket.id for evidence in facts.evidence}) > 1


def _reason(evidence: Evidence) -> str:
    return f"{evidence.kind} names the ticket and the sender is its {evidence.relation}"
