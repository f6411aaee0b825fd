"""Mail that names a ticket its sender has no part in: a ticket of its own, linked for staff (threats 39)."""

from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """Nothing of the named ticket is shown, changed or mailed; a signed address used by another person is held.

    A root that was cited before names a ticket only to those it lets in.
    """
    evidence = [one for one in facts.evidence if one.kind != "root"]
    if not evidence:
        return None
    best = evidence[0]
    if parsed.sender is None:
        why, flag = "names a ticket, but who wrote it cannot be told", "unverified-sender"
    elif facts.dmarc_failed:
        why, flag = "the sender's domain disowns it (DMARC), and it names a ticket", "dmarc-failed"
    elif facts.sender and not facts.sender.active:
        why, flag = f"{best.kind} names a ticket and the sender is inactive here", "inactive-sender"
    elif best.proves_sender and not (facts.sender and facts.sender.is_(best.owner)):
        return Verdict(
            "held", f"the {best.kind} belongs to somebody else: a forwarded mail", linked_to=best.ticket.id,
            misused_by=best.owner, flags=("held", "stranger"),
        )  # fmt: skip
    else:
        why, flag = f"{best.kind} names a ticket the sender has no part in", ""
    return Verdict("new", why, linked_to=best.ticket.id, flags=tuple(filter(None, (flag, "stranger"))))
