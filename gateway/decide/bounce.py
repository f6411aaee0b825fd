"""Delivery reports: tied to the very mail by its envelope address, else kept as a trace (X-05, threats 78)."""

from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """A report never opens a ticket, changes no state and is never answered.

    Wording alone makes none: a person may well write "Delivery failure: my boxes never arrived". An absence note may
    come to the envelope address with the null sender as well (RFC 3834 section 4) and is none either.
    """
    complaint = parsed.bounce is not None and parsed.bounce.complaint
    told = (parsed.auto == "bounce" or complaint) and (parsed.marked or facts.null_sender)
    proved = facts.reported is not None and facts.reported.proved and facts.null_sender and parsed.auto != "auto-reply"
    if not (told or proved):
        return None
    if facts.reported is None:
        return Verdict("bounce", "a delivery report about no mail of ours")
    how = "its envelope address" if facts.reported.proved else "the Message-ID it returns"
    return Verdict("bounce", f"a delivery report, known by {how}", ticket=facts.reported.ticket)
