"""The rules in order: the first that answers decides. `explain` prints this table, the reason of each place beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gateway.decide import (
    activation,
    alert,
    automatic,
    blocked,
    bounce,
    confirmation,
    duplicate,
    follow_up,
    opening,
    own_mail,
    portal,
    reply,
    stranger,
    support,
)
from gateway.decide.facts import Facts
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed

Rule = Callable[[Parsed, Facts], Verdict | None]

RULES: tuple[tuple[str, Rule, str], ...] = (
    ("duplicate", duplicate.judge, "first: a door that asks again after a lost answer must change nothing"),
    ("own_mail", own_mail.judge, "before bounces and replies: our own mails name tickets too"),
    ("bounce", bounce.judge, "before automatic mail: a report belongs to the mail it is about"),
    (
        "blocked",
        blocked.judge,
        "after bounces, which tell of our own mail; before anything that somebody would hear of",
    ),
    ("automatic", automatic.judge, "before replies: a machine's answer must not reopen a ticket, nor confirm anything"),
    ("alert", alert.judge, "before rules of tickets: an alert is none, and its address says what a mail to it means"),
    ("confirmation", confirmation.judge, "before replies: a mail to that address is the act, whatever it says"),
    ("follow_up", follow_up.judge, "before replies: what was closed long ago is not reopened where the desk says so"),
    ("support", support.judge, "staff, who speak for the desk only with proof"),
    ("reply", reply.judge, "people with a part in the ticket they name"),
    ("stranger", stranger.judge, "after replies: what is left names a ticket its sender has no part in"),
    ("activation", activation.judge, "before the portal: a mailbox for activations takes them by mail"),
    ("portal", portal.judge, "before opening: new mail that the desk does not want to be an ordinary ticket"),
    ("opening", opening.judge, "last: every mail that says nothing else is a new ticket"),
)


def decide(parsed: Parsed, facts: Facts) -> Verdict:
    """The verdict of the first rule that answers, with that rule's name."""
    for name, judge, _reason in RULES:
        verdict = judge(parsed, facts)
        if verdict is not None:
            return replace(verdict, rule=name)
    raise AssertionError("the last rule always answers")
