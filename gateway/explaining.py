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
        "of an organization's domain": facts.of_organization,
        "mailboxes": [mailbox.address for mailbox in facts.mailboxes],
        "automatic": parsed.auto,
        "null sender": facts.null_sender,
        "own mail": facts.own_message or facts.sender_is_desk,
        "blocked": facts.blocked,
        "duplicate of": facts.duplicate_of,
        "Message-ID used before": facts.id_reused,
        "same mail at other desks": list(facts.elsewhere),
        "checked by": facts.proof.way,
        "spf": facts.proof.spf,
        "dkim": facts.proof.dkim,
        "dmarc": facts.dmarc,
        "signed for the sender": facts.signed.kind if facts.signed else None,
        "holds our own words": facts.holds_our_words,
        "answers to the same words in 24 h": facts.repeats,
        "answers in 24 h": facts.answers_today,
        "answers in 1 h": facts.answers_this_hour,
        "answers to strangers in 1 h": facts.strangers_this_hour,
        "answers an alert": facts.alert.action if facts.alert else None,
        "names assets": list(facts.assets),
        "answers unseen mails": list(facts.cited[:10]),
        "defects": list(parsed.defects),
    }
    told: list[dict[str, object]] = [{"signal": name, "value": value} for name, value in known.items()]
    for one in facts.evidence:
        value = {
            "ticket": one.ticket.number, "sender is its": one.relation, "owner": one.owner, "asks": one.action,
            "merged from": one.merged_from,
        }  # fmt: skip
        told.append({"signal": f"evidence: {one.kind}", "value": value})
    if facts.reported:
        told.append({"signal": "reports", "value": asdict(facts.reported)})
    return told
