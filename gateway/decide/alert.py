"""An answer to a renewal alert: `renew` or `cancel` with proof of who asks, or a question about its devices (DV-27, X-02)."""

from __future__ import annotations

from dataclasses import replace

from gateway.decide.facts import AlertAnswered, Facts
from gateway.decide.opening import defect_flags
from gateway.decide.verdict import Verdict
from gateway.parse import Parsed
from gateway.parse.wishes import Verb, read_wishes
from store.rules.desk import Answer


def judge(parsed: Parsed, facts: Facts) -> Verdict | None:
    """Who may act on a device is asked where it is done; here only whether the person whose alert it is has said it.

    Of a mail that its domain disowns that person is asked first, at the address on file. Another's alert is theirs, so
    what comes to its address from somebody else waits for staff, whatever it asks for.
    """
    alert, sender = facts.alert, facts.sender
    if alert is None or parsed.sender is None or (sender is not None and not sender.active):
        return None
    if sender is None or not sender.is_(alert.person):
        flags = ("held", "stranger", *(("dmarc-failed",) if facts.dmarc_failed else ()))
        why = "the alert it answers is somebody else's: a forwarded mail"
        # Who wrote a mail that its domain disowns nobody knows, so nobody is told that they did.
        return Verdict("held", why, misused_by=None if facts.dmarc_failed else alert.person, flags=flags)
    wishes, unknown, words = _read(parsed, alert)
    if not wishes and not unknown:
        return _question(parsed, facts, alert)
    asked = Verdict(
        "new" if words else "command", "the person warned asks to renew or cancel", proved=True, settles=not words,
        acknowledge=facts.may_answer, flags=defect_flags(parsed, facts), wishes=wishes, unknown_names=unknown,
        assets=tuple(dict.fromkeys(asset for _verb, asset in wishes)),
    )  # fmt: skip
    if not facts.dmarc_failed:
        return asked
    return replace(
        asked, outcome="held", reason="asks to renew or cancel, failed DMARC", proved=False, parks=facts.may_answer,
        flags=("held", "unproved-request", "dmarc-failed"),
    )  # fmt: skip


def _read(parsed: Parsed, alert: AlertAnswered) -> tuple[tuple[tuple[Verb, int], ...], tuple[str, ...], bool]:
    """Each wish with its device, names that are none of them, and whether the mail says more."""
    called = {name: asset for asset, names in alert.devices for name in names}
    lines, words = read_wishes(parsed.reply, frozenset(called))
    if not lines and alert.action != "reply":  # any mail to the address of an action asks for it
        return tuple((alert.action, asset) for asset, _names in alert.devices), (), bool(words or parsed.files)
    wishes: list[tuple[Verb, int]] = []
    for line in lines:
        everything = not line.names and not line.unknown
        named = [asset for asset, _ in alert.devices] if everything else [called[name.lower()] for name in line.names]
        wishes += [(line.verb, asset) for asset in named]
    unknown = tuple(dict.fromkeys(name for line in lines for name in line.unknown))
    return tuple(dict.fromkeys(wishes)), unknown, bool(words or parsed.files)


def _question(parsed: Parsed, facts: Facts, alert: AlertAnswered) -> Verdict | None:
    if facts.dmarc_failed:
        return None  # the last rule's: nobody is answered
    about = tuple(asset for asset, _names in alert.devices)
    answer: Answer | None = "confirmation" if facts.may_answer else None
    flags = defect_flags(parsed, facts) if answer else ("not-answered", *defect_flags(parsed, facts))
    return Verdict("new", "a question about a renewal alert", answer=answer, assets=about, flags=flags)
