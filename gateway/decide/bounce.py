"""Delivery reports: tied to the very mail by its envelope address, else kept as a trace (X-05, threats 78)."""

from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """A report never opens a ticket, changes no state and is never answered."""
    if parsed.auto != "bounce" and not (facts.reported and facts.reported.proved and facts.null_sender):
        return None
    if facts.reported is None:
        return Verdict("bounce", "a delivery report about no mail of ours")
    how = "its envelope address" if facts.reported.proved else "the Message-ID it returns"
    return Verdict("bounce", f"a delivery report, known by {how}", ticket=facts.reported.ticket)
