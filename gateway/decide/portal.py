"""Mail that a desk wants on its portal: held until it is complete there, or only shown the way (EQ-66, A-09)."""

from gateway.decide.facts import Facts
from gateway.decide.opening import defect_flags, doubt, is_held
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """Never mail of staff, nor any to a mailbox with a purpose of its own.

    Who cannot be shown the way is not sent there: their mail is an ordinary ticket, so that it is not lost.
    """
    wanted = facts.desk.general_mail
    if wanted not in ("hold", "redirect") or not facts.general or facts.staff:
        return None
    if doubt(parsed, facts) or is_held(facts):
        return None  # the last rule knows what to do with them
    if wanted == "hold":
        return Verdict(
            "held", "this desk wants it completed on its portal", answer="portal_hold" if facts.may_answer else None,
            flags=("held", "portal-first", *defect_flags(parsed, facts)),
        )  # fmt: skip
    if not facts.may_answer:
        return None
    return Verdict("refused", "this desk takes it on its portal alone, and told the sender", answer="portal_redirect")
