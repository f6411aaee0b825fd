"""Senders a desk wants no mail of: kept, closed, and nobody is told; staff can still find it and take it back."""

from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """Never of the desk's own staff, whose address anybody can put into From."""
    if not facts.blocked or facts.staff:
        return None
    return Verdict("held", "the desk has blocked this sender", spam=True, flags=("spam",))
