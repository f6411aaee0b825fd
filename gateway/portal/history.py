"""What happened to a ticket and how it hangs together with others, as sentences for its reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from store.rules.events import FIELD_EVENTS
from templates.contexts import field_line, one_line

# A message says these itself, and closing shows as the new status.
SAID = frozenset({"created", "reply", "note", "automatic", "closed", "attachment_refused", "uploaded"})

FOR_ALL = {
    "status": "Status changed from <b>{old}</b> to <b>{new}</b>{by}",
    "cc_added": "{new} was added to the copies{by}",
}
FOR_STAFF: dict[str, str] = {
    **FOR_ALL,
    "cc_removed": "{who} took {old} off the copies",
    "cc_left_out": "The mail of {who} also went to {new}; they get no copies, because nothing proves who wrote it",
    "also_to": "The same mail came to {new} as well",
    "address_used": "{new} wrote to an address that was made for somebody else’s answer",
    "taken": "{who} took this up",
    "assigned": "{who} gave this to {new}",
    "assigned to oneself": "{who} works on this now",
    "assigned to nobody": "{who} gave this to nobody in particular",
    "priority": "Priority changed from <b>{old}</b> to <b>{new}</b>{by}",
    "department": "{who} moved this from <b>{old}</b> to <b>{new}</b>",
    "moved": "{who} moved {old} here as {new}",
    "merged": "{who} merged {old} into {new}",
    "split": "{who} split {new} off {old}",
    "linked": "{who} linked this with {new}",
    "asked": "{who} asked {new}",
    "undone": "{who} took back {undone}",
    "spam": "{who} marked this as spam",
    "unspam": "{who} found this to be no spam",
    "released": "{who} let this in",
    "parked": "A mail in the name of {who} asks to {new}; it waits for their word",
    "confirmed": "{who} said that this was indeed asked by them",
    "unable": "{who} asked for something that could not be done: {new}",
    "template_broken": "A mail was made from the shipped template, because the desk’s own is broken: {new}",
    "delivery_failed": "A mail could not be delivered: {new}",
    "delivery_delayed": "A mail is delayed: {new}",
    "complained": "The reader of a mail called it unwanted: {new}",
    "digest": "A notice told of all that had happened here meanwhile",
    "reminded": "The question was asked again, because no answer had come",
    "wished": "{who} asked for this",
    "activated": "{who} activated {new}",
    "not_activated": "{who} did not activate {new}",
    "withdrawn": "{who} withdrew the end of {new}",
    "resent": "The mail to {new} is sent again{by}",
    **dict.fromkeys(FIELD_EVENTS.values(), "{who} gave the {field}: <b>{new}</b>"),
}
# What staff can take back.
UNDONE = {
    "assigned": "who works on this",
    "priority": "the change of the priority",
    "department": "the move to another department",
    "moved": "the move to another desk",
    "merged": "the merge",
    "split": "the split",
    "linked": "the link",
    "cc_added": "the change of who gets copies",
    "cc_removed": "the change of who gets copies",
    "spam": "that this is spam",
    "unspam": "that this is no spam",
}
# Each way round; `claims` are warnings.
LINKS = {
    "claims": "It points at {0}: nothing there was shown or changed",
    "claims by": "{0} claims to belong here; its sender has no place on this {1}",
    "follow_up": "It follows up {0}, which had been closed for a while",
    "follow_up by": "{0} follows this up",
    "same_mail": "The same mail is {0} at another desk",
    "same_mail by": "The same mail is {0} at another desk",
    "related": "It has to do with {0}",
    "related by": "It has to do with {0}",
    "split": "It was split off {0}",
    "split by": "{0} was split off this",
}
PEOPLE = ("cc_added", "assigned")  # events whose old and new are addresses of people with a name here
_FIELD_OF = {kind: name for name, kind in FIELD_EVENTS.items()}


def shown(event: Mapping[str, Any], staff: bool) -> bool:
    """Whether the event is a line between messages for this reader."""
    return event["kind"] in (FOR_STAFF if staff else FOR_ALL)


def sentence(event: Mapping[str, Any], name: Callable[[str], str], staff: bool) -> Markup:
    """An event that is `shown`; `name` says how an address is called here."""
    kind = event["kind"]
    who = name(event["actor"]) if event["actor"] else ""
    old, new = (
        name(event[key]) if kind in PEOPLE and event[key] else one_line(event[key] or "") for key in ("old", "new")
    )
    words = (FOR_STAFF if staff else FOR_ALL)[_variant(event)]
    return Markup(words).format(
        who=who, by=Markup(" by {}").format(who) if who else "", old=old, new=new, undone=UNDONE.get(old, old),
        field=field_line(_FIELD_OF.get(kind, "")).rstrip(":").lower(),
    )  # fmt: skip


def _variant(event: Mapping[str, Any]) -> str:
    if event["kind"] != "assigned":
        return str(event["kind"])
    if event["new"] is None:
        return "assigned to nobody"
    return "assigned to oneself" if event["new"] == event["actor"] else "assigned"


def tie(kind: str, other: str, address: str, noun: str) -> Markup:
    """How this ticket is linked with another."""
    link = Markup('<a href="{}">{}</a>').format(address, other)
    return Markup(LINKS[kind]).format(link, noun)
