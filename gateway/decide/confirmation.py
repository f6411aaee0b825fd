"""A mail to the address that confirms a parked request: the word of the person who was asked (threats 40)."""

from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """Whatever the mail says; a request that is done has no address any more. Of anybody else it is the stranger's."""
    asked = next((e for e in facts.evidence if e.request is not None), None)
    if asked is None or facts.sender is None or facts.dmarc_failed:
        return None
    if not facts.sender.is_(asked.owner) or asked.relation == "none":
        return None
    return Verdict("command", "the person asked has given their word", ticket=asked.ticket.id, confirms=asked.request)
