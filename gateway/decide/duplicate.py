"""The same mail again: by content and desk, never by Message-ID alone (threats 35)."""

from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """Recorded as a duplicate; a more urgent mailbox still raises the ticket's priority.

    What was only shown the way to the portal is none where it comes to a mailbox that is not sent there.
    """
    if facts.duplicate_of is None or (facts.duplicate_refused and not facts.general):
        return None
    return Verdict(
        "duplicate",
        f"same content as journal row {facts.duplicate_of}",
        ticket=facts.duplicate_ticket,
        raise_to=facts.mailbox.priority if facts.duplicate_ticket and not facts.old else None,
    )
