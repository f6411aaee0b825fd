"""Mail that names a ticket: appended when its sender has a part in it (design 3, X-01)."""

import re

from gateway.decide.facts import Evidence, Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed, split_reply
from templates.words import NOTICE_MARK

_NOTICE = re.compile(r"[\s>]+".join(map(re.escape, NOTICE_MARK.split())))  # clients wrap and quote lines


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """The strongest evidence wins; speaking as support needs an address or Message-ID signed for that very person."""
    if parsed.sender is None or not facts.evidence:
        return None
    best = facts.evidence[0]
    proved = facts.sender is not None and best.owner == facts.sender.id
    if facts.dmarc_failed and not proved:
        return None  # the stranger's rule: the domain itself says that this is not its mail
    if best.relation == "staff":
        return _staff(parsed, best, facts)
    if best.relation != "none":
        flags = ("evidence-disagrees",) if _disagrees(facts) else ()
        # A number in the subject is easily guessed; whoever forges From could add themselves to the ticket (threats 42).
        names_people = best.kind != "subject_tag" and not facts.dmarc_failed
        return Verdict(
            "reply", _reason(best), ticket=best.ticket.id, proved=proved, flags=flags, names_people=names_people
        )
    return None


def _staff(parsed: Parsed, best: Evidence, facts: Facts) -> Verdict | None:
    proof = next((e for e in facts.evidence if facts.sender and e.owner == facts.sender.id), None)
    if proof is None or proof.ticket.id != best.ticket.id or facts.dmarc_failed:
        return None  # the stranger's rule: nothing is said in the name of support
    if not own_words(parsed) and not parsed.files:
        why = "support's answer has no words of its own"
        return Verdict("reply", why, ticket=best.ticket.id, as_note=True, flags=("unsent-answer",))
    return Verdict("reply", f"support, proved by the {proof.kind}", ticket=best.ticket.id, as_support=True, proved=True)


def own_words(parsed: Parsed) -> str:
    """What an answer of support says itself: nothing of the notice it answers, however a client quotes it (threats 47)."""
    mark = _NOTICE.search(parsed.text)
    words = split_reply(parsed.text[: mark.start()])[0] if mark else parsed.reply
    # Lines quoted between answers are the notice's, even where the client left out what marks it.
    words = "\n".join(line for line in words.split("\n") if not line.lstrip().startswith(">"))
    return words.strip().rstrip("> ")


def _disagrees(facts: Facts) -> bool:
    return len({evidence.ticket.id for evidence in facts.evidence}) > 1


def _reason(evidence: Evidence) -> str:
    return f"{evidence.kind} names the ticket and the sender is its {evidence.relation}"
