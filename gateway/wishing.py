"""What a mail asks for about assets, as the one command of the store for it: done, or parked for want of proof."""

from __future__ import annotations

from dataclasses import replace

from gateway.case import Case
from store.commands import AskForAssets, Command, OpenTicket, ParkRequest, Wish
from store.commands.assets import Action

_ACTIONS: dict[str, Action] = {"renew": "renew", "cancel": "deactivate"}


def asked(case: Case, opening: OpenTicket) -> Command:
    """The wishes of a mail. Without proof its ticket waits, and so do they, for the word of the person on file (X-02)."""
    verdict = case.verdict
    wishes = tuple(Wish(_ACTIONS[verb], asset) for verb, asset in verdict.wishes)
    wishes += tuple(Wish("register", key=key) for key in verdict.registers)
    command = AskForAssets(
        replace(opening, flags=tuple(flag for flag in opening.flags if flag not in ("held", "unproved-request"))),
        wishes, verdict.unknown_names, settles=verdict.settles, answer=verdict.acknowledge,
    )  # fmt: skip
    if verdict.outcome != "held":
        return command
    return ParkRequest(opening, case.author, (command,), case.row.id) if verdict.parks else opening
