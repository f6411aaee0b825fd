"""A reply to a ticket that was closed long ago: a new one that follows it up, where the desk wants that (A-03)."""

from datetime import timedelta

from gateway.decide.facts import GUESSED, Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """Only of people who might have written on the old one; support itself may always write there."""
    if not facts.desk.follow_up_after or parsed.sender is None or not facts.evidence or facts.dmarc_failed:
        return None
    best = facts.evidence[0]
    if (
        best.relation in ("none", "staff", "consulted")
        or best.ticket.state != "closed"
        or best.ticket.closed_at is None
    ):
        return None
    if facts.now - best.ticket.closed_at < timedelta(days=facts.desk.follow_up_after):
        return None
    return Verdict(
        "new",
        f"{best.kind} names a ticket that was closed more than {facts.desk.follow_up_after} days ago",
        linked_to=best.ticket.id,
        follows_up=True,
        answer="follow_up" if facts.may_answer else None,
        names_people=best.kind not in GUESSED,
    )
