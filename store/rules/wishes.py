"""Whether what somebody asks for an asset may be done, and if not, why: a sentence for them, with nothing of theirs in it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from store.rules.assets import AssetState, advance
from store.rules.scope import AssetFacts, Part
from store.rules.terms import WINDOW, due

NOT_YOURS = "There is no device of this name among yours."
NO_RIGHT = "Only an administrator of the organization or of its group may do this."
NO_GROUP = "There is no such group among yours."
REGISTERED = "It is registered already."
REGISTERED_ONCE = "It is registered already, and can be activated again."
TWO_THINGS = "You asked for two things at once; neither was done."
_STANDS: dict[AssetState, str] = {
    "inactive": "It is not active.",
    "activation_pending": "Its activation is under way.",
    "active": "It is active already.",
    "deactivation_pending": "Its deactivation is under way.",
    "deactivated": "It is deactivated.",
}


def taken_elsewhere(team: str) -> str:
    """Of a name that another organisation's device has, of which nothing is said."""
    return f"It cannot be registered under this name; the {team} looks into it."


def no_right(part: Part) -> str:
    """Why somebody may do nothing with an asset; empty when they may. Who may not see it does not learn that it is there."""
    return "" if part == "act" else NO_RIGHT if part == "read" else NOT_YOURS


def refuse(action: Literal["activate", "renew", "deactivate"], asset: AssetFacts, part: Part, today: date) -> str:
    """Why it is not done; empty when it is. To renew what is about to end is to withdraw that first (S4)."""
    if why := no_right(part):
        return why
    if action == "renew":
        return _no_renewal(asset, today)
    trigger: Literal["request_activation", "request_deactivation"] = (
        "request_activation" if action == "activate" else "request_deactivation"
    )
    return "" if advance(asset.state, trigger) else _STANDS[asset.state]


def _no_renewal(asset: AssetFacts, today: date) -> str:
    term = asset.term
    pending = asset.state == "deactivation_pending"
    if asset.state != "active" and not pending:
        return _STANDS[asset.state]
    if not term.renews or term.renewal is None:
        return "It has no renewal date; there is nothing to confirm."
    if term.confirmed and not pending:
        return f"Its renewal on {term.renewal} is confirmed already."
    if due(term, today):
        return ""
    if term.renewal < today:
        return "Its renewal date has passed."
    return f"Its renewal can be confirmed from {term.renewal - timedelta(days=WINDOW)} on."
