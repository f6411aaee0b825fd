"""Everything else is a new ticket: mailbox to department and priority (BR-10), with an answer when that is safe."""

from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed

# threats 38: automatic answers to one address, in 24 hours for strangers and in one hour for people we know.
STRANGER_BUDGET = 3
KNOWN_BUDGET = 20


def judge(parsed: Parsed, facts: Facts) -> Verdict:
    """Always a verdict; the ticket says why when nobody is answered."""
    flags = tuple(_DEFECT_FLAGS[defect] for defect in parsed.defects if defect in _DEFECT_FLAGS)
    if parsed.sender is None:
        return Verdict(
            "new", "who wrote it cannot be told for certain", acknowledge=False, flags=("unverified-sender", *flags)
        )  # fmt: skip
    if facts.sender and not facts.sender.active:
        return Verdict("new", "the sender is inactive here", acknowledge=False, flags=("inactive-sender", *flags))
    if facts.dmarc_failed:
        return Verdict(
            "new", "the sender's domain disowns it (DMARC)", acknowledge=False, flags=("dmarc-failed", *flags)
        )
    if _spent(facts):
        return Verdict(
            "new", "this sender has had enough automatic answers", acknowledge=False, flags=("not-answered", *flags)
        )  # fmt: skip
    return Verdict("new", f"new mail to {facts.mailbox.address}", flags=flags)


def _spent(facts: Facts) -> bool:
    if facts.sender and facts.sender.confirmed:
        return facts.answers_this_hour >= KNOWN_BUDGET
    return facts.answers_today >= STRANGER_BUDGET


# What a person should know about how the mail was read.
_DEFECT_FLAGS = {
    "unreadable": "unreadable",
    "too-deep": "too-complex",
    "too-many-parts": "too-complex",
    "encrypted": "encrypted",
}
