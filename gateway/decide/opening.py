"""Everything else is a new ticket: mailbox to department and priority (BR-10), with an answer when that is safe."""

from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed
from store.rules.desk import Answer


def judge(parsed: Parsed, facts: Facts) -> Verdict:
    """Always a verdict; the ticket says why when nobody is answered."""
    flags = defect_flags(parsed, facts)
    if found := doubt(parsed, facts):
        reason, flag = found
        return Verdict("new", reason, flags=(flag, *flags))
    if is_held(facts):
        answer: Answer | None = "held_ack" if facts.may_answer else None
        return Verdict(
            "held", "this desk holds mail of unknown senders", answer=answer, flags=("held", "unknown-sender", *flags)
        )
    if not facts.may_answer:
        return Verdict("new", "this sender has had enough automatic answers", flags=("not-answered", *flags))
    missing = _missing(parsed, facts)
    return Verdict(
        "new", f"new mail to {facts.mailbox.address}", answer=_answer(facts, missing), missing=missing, flags=flags
    )


def doubt(parsed: Parsed, facts: Facts) -> tuple[str, str] | None:
    """Why its sender is not to be answered at all, and the flag that says so."""
    if parsed.sender is None:
        return "who wrote it cannot be told for certain", "unverified-sender"
    if facts.sender and not facts.sender.active:
        return "the sender is inactive here", "inactive-sender"
    if facts.dmarc_failed:
        return "the sender's domain disowns it (DMARC)", "dmarc-failed"
    return None


def is_held(facts: Facts) -> bool:
    """A-24: `topics` and `hold` differ in the mailboxes that are for everybody, which the desk file says."""
    return facts.unwelcome and not _for_everybody(facts)


def _for_everybody(facts: Facts) -> bool:
    return any(mailbox.everybody for mailbox in facts.mailboxes)


def _missing(parsed: Parsed, facts: Facts) -> tuple[str, ...]:
    """Fields of the desk's form that the mail does not name (A-28); safety and login mail is not asked for any."""
    if _for_everybody(facts) or facts.staff or not facts.desk.required_fields:
        return ()
    told = parsed.fields.told
    return tuple(name for name in facts.desk.required_fields if name not in told)


def _answer(facts: Facts, missing: tuple[str, ...]) -> Answer:
    if missing:
        return "missing_info"
    if facts.general and facts.desk.general_mail == "nudge":
        return "portal_nudge"
    # Without a word of which device, mail to a mailbox for activations is as any other.
    return "confirmation" if facts.mailbox.answer == "activation_ack" else facts.mailbox.answer


def defect_flags(parsed: Parsed, facts: Facts) -> tuple[str, ...]:
    """What a person should know about how the mail was read."""
    reused = ("message-id-reused",) if facts.id_reused else ()
    found = dict.fromkeys(_DEFECT_FLAGS[defect] for defect in parsed.defects if defect in _DEFECT_FLAGS)
    return (*reused, *found)


_DEFECT_FLAGS = {
    "unreadable": "unreadable",
    "too-deep": "too-complex",
    "too-many-parts": "too-complex",
    "encrypted": "encrypted",
}
