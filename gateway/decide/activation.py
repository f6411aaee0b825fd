"""Mail to a mailbox for activations that names a device: it is to be activated, which staff completes (DV-14)."""

from __future__ import annotations

import re

from gateway.decide.facts import Facts
from gateway.decide.opening import defect_flags, doubt
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed

_BETWEEN = re.compile(r"\s*[,;]\s*")
_LONGEST = 64  # characters of a name


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """Of members of an organisation; all others have an ordinary ticket. Whether they may is asked where it is done."""
    asked = any(mailbox.answer == "activation_ack" for mailbox in facts.mailboxes)
    device = parsed.fields.device
    if not asked or not device or facts.staff or doubt(parsed, facts):
        return None
    if facts.sender is None or not facts.known or not facts.sender.organizations:
        return None
    names = tuple(dict.fromkeys(name for name in _BETWEEN.split(device) if name and len(name) <= _LONGEST))
    if not names:
        return None
    return Verdict(
        "new", "asks for a device to be activated", registers=names, acknowledge=facts.may_answer,
        flags=defect_flags(parsed, facts),
    )  # fmt: skip
