"""What the page of an asset says of its state, of what was asked and of what happened to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from markupsafe import Markup

from store.requests import RequestEnd, RequestKind
from store.rules.assets import AssetState
from templates.contexts import one_line
from templates.figures import day

# Words and how their label is coloured.
STATES: dict[AssetState, tuple[str, str]] = {
    "inactive": ("Inactive", "closed"),
    "activation_pending": ("Activation pending", "waiting"),
    "active": ("Active", "open"),
    "deactivation_pending": ("Deactivation pending", "waiting"),
    "deactivated": ("Deactivated", "closed"),
}
MARKS = {"due": ("Renews soon", "waiting"), "missed": ("Renewed without a word from anybody", "bad")}
REQUESTS: dict[RequestKind, str] = {
    "activation": "Activation",
    "reactivation": "Activation, once more",
    "deactivation": "Deactivation",
    "renewal": "Renewal",
    "move": "Move to another group",
}
REQUEST_ENDS: dict[RequestEnd | str, tuple[str, str]] = {
    "open": ("Open", "open"),
    "done": ("Done", "closed"),
    "refused": ("Refused", "closed"),
    "withdrawn": ("Withdrawn", "closed"),
}
# By the kind of event, with what it was and is.
EVENTS = {
    "loaded": "It was entered here",
    "activation_requested": "{who} asked for its activation",
    "activated": "{who} activated it",
    "not_activated": "{who} did not activate it: {new}",
    "renewal_confirmed": "{who} confirmed the renewal on <b>{new}</b>",
    "renewed": "It was renewed on {old}, as confirmed; it renews again on <b>{new}</b>",
    "auto_renewed": "It renewed itself on {old}, because nobody had said a word; it renews again on <b>{new}</b>",
    "deactivation_requested": "{who} asked to end it; its last day is <b>{new}</b>",
    "deactivation_withdrawn": "{who} took back its end on {old}",
    "deactivated": "It ended",
    "moved": "{who} moved it from <b>{old}</b> to <b>{new}</b>",
    "acknowledged": "{who} took note that it had renewed itself on {old}",
}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
assert set(STATES) == set(get_args(AssetState)) and set(REQUESTS) == set(get_args(RequestKind))


def sentence(event: Mapping[str, Any], name: Callable[[str], str]) -> Markup:
    """An event of an asset's history; `name` says how an address is called here."""
    who = name(event["actor"]) if event["actor"] else "We"
    return Markup(EVENTS[event["kind"]]).format(who=who, old=_said(event["old"]), new=_said(event["new"]))


def _said(value: str | None) -> str:
    """A state, plan, group or reason, or a day as a reader says it; nothing is what a move came from or leads to."""
    return "no group" if value is None else day(value) if _DAY.fullmatch(value) else one_line(value)
