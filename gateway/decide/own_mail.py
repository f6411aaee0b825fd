"""Mail of our own that came back, or that claims to come from a mailbox of the desk (threats 37)."""

from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """Recorded and never answered: a desk that writes to itself would loop."""
    if parsed.auto == "own":
        return Verdict("auto", "carries our own loop mark")
    if facts.own_message:
        return Verdict("auto", "its Message-ID is one of ours")
    if facts.sender_is_desk:
        return Verdict("auto", "its sender is a mailbox of a desk")
    return None
