"""Mail of the desk's staff that names a ticket: said in the name of support only with proof of who wrote it (threats 40)."""

import re
from dataclasses import replace

from gateway.decide.facts import Facts
from gateway.decide.reply import disagrees
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed, split_reply
from gateway.parse.commands import read_commands
from templates.words import NOTICE_MARKS


def _quoted(mark: str) -> str:
    """A pattern of the line as clients wrap and quote it: between words, and anywhere in a language without blanks."""
    return r"[\s>]+".join(map(re.escape, mark.split())) if " " in mark else r"[\s>]*".join(map(re.escape, mark))


_NOTICE = re.compile("|".join(map(_quoted, NOTICE_MARKS.values())))


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """With proof it is an answer, a note or a command; without, it is held and its author is asked whether they wrote it."""
    if parsed.sender is None or not facts.evidence or facts.evidence[0].relation != "staff":
        return None
    best, proof = facts.evidence[0], facts.signed
    requested = read_commands(own_words(parsed))
    flags = ("evidence-disagrees",) if disagrees(facts) else ()
    if proof is None or proof.ticket.id != best.ticket.id:
        why = "failed DMARC" if facts.dmarc_failed else "without a signed address of that person"
        return Verdict(
            "held", f"from a staff address, {why}", ticket=best.ticket.id, linked_to=best.ticket.id, requested=requested,
            parks=facts.may_answer and not requested.problems and not requested.unknown,
            misused_by=None if facts.sender and facts.sender.is_(best.owner) else best.owner,
            flags=("held", "unproved-staff", *flags),
        )  # fmt: skip
    told = Verdict(
        "reply", f"support, proved by the {proof.kind}", ticket=best.ticket.id, speaker="support", proved=True,
        requested=requested, closes=best.action == "close", flags=flags,
    )  # fmt: skip
    if best.action == "confirm":
        # The request is done: what its author adds was said to us and not to the customer.
        return replace(told, speaker="staff_note", flags=(*flags, "unsent-answer"))
    return _weighed(told, parsed, best.action == "close")


def _weighed(told: Verdict, parsed: Parsed, closes: bool) -> Verdict:
    """Nothing leaves when what was asked for cannot be understood; a note stays among the staff."""
    assert told.requested is not None
    if problems := (*told.requested.problems, *(_unknown(word) for word in told.requested.unknown)):
        return replace(told, speaker="staff_note", problems=problems, flags=(*told.flags, "unsent-answer"))
    words = bool(told.requested.text.strip() or parsed.files)
    if told.requested.asks("note"):
        return replace(told, speaker="staff_note", outcome="reply" if words else "command")
    if not words and (told.requested.commands or closes):
        return replace(told, outcome="command")
    if not words:
        reason = "support's answer has no words of its own"
        return replace(told, reason=reason, speaker="staff_note", flags=(*told.flags, "unsent-answer"))
    return told


def _unknown(word: str) -> str:
    return f"There is no command #{word}."


def own_words(parsed: Parsed) -> str:
    """What an answer of support says itself: nothing of the notice it answers, however a client quotes it (threats 47)."""
    mark = _NOTICE.search(parsed.text)
    words = split_reply(parsed.text[: mark.start()])[0] if mark else parsed.reply
    # Lines quoted between answers are the notice's, even where the client left out what marks it.
    words = "\n".join(line for line in words.split("\n") if not line.lstrip().startswith(">"))
    return words.strip().rstrip("> ")
