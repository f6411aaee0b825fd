"""A probe of our own, by which the whole route of a mailbox is known to work (threats 96)."""

from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """By the word that was signed for it alone: what only looks like one is a mail as any other."""
    return Verdict("auto", "probe") if facts.probe is not None else None
