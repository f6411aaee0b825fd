"""Mail that names a ticket its sender has no part in: a ticket of its own, linked for staff (threats 39, 40)."""

from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """Nothing of the named ticket is shown, changed or mailed; a signed address used by another person is held."""
    if not facts.evidence:
        return None
    best = facts.evidence[0]
    if parsed.sender is None:
        return Verdict(
            "new", "names a ticket, but who wrote it cannot be told", linked_to=best.ticket.id, acknowledge=False,
            flags=("unverified-sender", "stranger"),
        )  # fmt: skip
    if best.relation == "staff":
        why = "failed DMARC" if facts.dmarc_failed else "without a signed address of that person"
        return Verdict(
            "new", f"from a staff address, {why}", linked_to=best.ticket.id, acknowledge=False, flags=("unproved-staff",)
        )  # fmt: skip
    if facts.dmarc_failed:
        return Verdict(
            "new",
            "the sender's domain disowns it (DMARC), and it names a ticket",
            linked_to=best.ticket.id,
            acknowledge=False,
            flags=("dmarc-failed", "stranger"),
        )
    if best.proves_sender:
        return Verdict(
            "held", f"the {best.kind} belongs to somebody else: a forwarded mail", linked_to=best.ticket.id,
            acknowledge=False, flags=("held", "stranger"),
        )  # fmt: skip
    return Verdict(
        "new", f"{best.kind} names a ticket the sender has no part in", linked_to=best.ticket.id, acknowledge=False,
        flags=("stranger",),
    )  # fmt: skip
