"""Automatic mail: kept where it belongs, changes no state and is never answered (RFC 3834, X-04)."""

import re

from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed
from store.rules.tags import is_answer

# Services that prove an address write so, in a mail that answers none; whoever signs up chooses words beside these.
_ASKING = r"\b(?:verify|confirm|activate|v[ée]rifiez|confirmez|activez|verifi(?:ca|que)|confirm[ae]|bestätigen sie|verifizieren sie)"
_WHAT = r"(?:your|ihre?|deine?|votre|su|tu)\b.{0,40}\b(?:e-?mail|address|adresse|account|konto|compte|cuenta|correo|sign-?up|workspace)"
_VERIFYING = re.compile(
    rf"{_ASKING} {_WHAT}|\b(?:e-?mail|account|address) (?:verification|confirmation|activation)\b|"
    r"\b(?:verification|confirmation|security|login|sign-?in|one-?time|access) (?:code|pin|link|password)\b|"
    r"\b(?:bestätigungs|verifizierungs|sicherheits)(?:code|link)\b|\bcode de (?:v[ée]rification|confirmation)\b|認証コード|確認コード",
    re.IGNORECASE,
)


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """On the ticket its sender may write on; an alarm or a list mail that names none is a ticket, for staff to see.

    An unknown root is no name: monitors put all their alarms under one.
    """
    verifying = _proves_an_address(parsed, facts)
    if parsed.auto is None and not facts.null_sender and not verifying:
        return None
    if parsed.auto == "list" and not facts.null_sender and _answers_for_a_group(facts):
        return None
    kind = parsed.auto or ("proof of an address" if verifying else "null sender")
    for evidence in facts.evidence:
        if evidence.relation != "none" and evidence.kind != "root":
            return Verdict(
                "auto", f"{kind}, kept on the ticket named by its {evidence.kind}", ticket=evidence.ticket.id
            )
    if kind == "auto-reply" and (parsed.marked or facts.null_sender):
        return Verdict("auto", "an automatic reply that belongs to no ticket")
    return Verdict("new", f"{kind}: a ticket that is not answered", flags=("automatic",))


def _answers_for_a_group(facts: Facts) -> bool:
    """A person's answer that a group address carried to us, to an address signed for that person.

    Only where it is an answer: programs that say "I am away" mark their mail as lists do, and must neither close a ticket
    nor give anybody's word.
    """
    mine = any(facts.sender.is_(e.owner) for e in facts.evidence) if facts.sender else False
    return mine and all(e.action == "reply" for e in facts.evidence)


def _proves_an_address(parsed: Parsed, facts: Facts) -> bool:
    """A mail by which some service wants to prove that our mailbox is its customer's (threats 43).

    Somebody may put the service on CC and the ticket's number into the name they give it: what it sends is for staff alone.
    """
    cc = bool(facts.evidence) and facts.evidence[0].relation == "cc" and not facts.evidence[0].proves_sender
    return cc and not is_answer(parsed.subject) and _VERIFYING.search(parsed.subject[:500]) is not None
