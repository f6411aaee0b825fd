"""Mail of our own that came back, or that claims to come from a mailbox of the desk (threats 37)."""

from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """Recorded and never answered: a desk that writes to itself would loop; in an archive
    whose senders are believed it is an old answer of support. Another installation's mark is not ours."""
    if facts.own_message:
        return Verdict("auto", "a mail of our own that came back")
    if facts.sender_is_desk and not (parsed.auto is None and facts.old and facts.old.trust_from):
        return Verdict("auto", "its sender is a mailbox of a desk")
    return None
