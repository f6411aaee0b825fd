"""What was known when a mail was decided, kept with its outcome for `postern explain`."""

from __future__ import annotations

from dataclasses import asdict

from gateway.decide import Facts
from gateway.parse import Parsed


def signals(parsed: Parsed, facts: Facts) -> list[dict[str, object]]:
    """What was known when the mail was decided, as `explain` shows it."""
    known: dict[str, object] = {
        "sender": parsed.sender.address if parsed.sender else None,
        "sender is": "staff" if facts.staff else "known" if facts.sender and facts.sender.confirmed else "unknown",
        "mailboxes": [mailbox.address for mailbox in facts.mailboxes],
        "automatic": parsed.auto,
        "null sender": facts.null_sender,
        "own mail": facts.own_message or facts.sender_is_desk,
        "duplicate of": facts.duplicate_of,
        "checked by": facts.proof.way,
        "spf": facts.proof.spf,
        "dkim": facts.proof.dkim,
        "dmarc": facts.dmarc,
        "answers in 24 h": facts.answers_today,
        "defects": list(parsed.defects),
    }
    told: list[dict[str, object]] = [{"signal": name, "value": value} for name, value in known.items()]
    for one in facts.evidence:
        value = {"ticket": one.ticket.number, "sender is its": one.relation, "owner": one.owner}
        told.append({"signal": f"evidence: {one.kind}", "value": value})
    if facts.reported:
        told.append({"signal": "reports", "value": asdict(facts.reported)})
    return told
