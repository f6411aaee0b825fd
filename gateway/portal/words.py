"""The words of the pages: flags, what became of a mail, names, times, and text with links one can follow."""

from __future__ import annotations

from datetime import datetime

from babel.dates import format_datetime
from markupsafe import Markup

from templates.contexts import one_line
from templates.words import FLAGS, first_zone, linked

__all__ = ["FLAGS"]

MAILS = {
    "access_ack": "Confirmation, to somebody locked out",
    "activated": "That a device is active",
    "activation_ack": "Confirmation, of a request for activation",
    "address_used": "Somebody else used their address",
    "attachment_refused": "About refused files",
    "auto_renewed": "What was renewed by itself",
    "cc_copy": "Copy",
    "command_refused": "Why nothing was done for a device",
    "confirm_request": "Question whether they asked for this",
    "confirmation": "Confirmation",
    "deactivated": "That a device has ended",
    "deactivation_ack": "Confirmation, of a request for the end of a device",
    "digest": "What happened, in one mail",
    "follow_up": "Confirmation, of a new one after a closed one",
    "held_ack": "Confirmation, that somebody looks at it first",
    "login_help": "Help with signing in",
    "mailbox_notice": "About a mailbox",
    "missing_info": "Request for what was missing",
    "outsider_question": "Question to somebody outside",
    "portal_hold": "Request to complete it on the portal",
    "portal_nudge": "Confirmation, pointing to the portal",
    "portal_redirect": "That only the portal takes it",
    "reminder_awaiting": "Reminder",
    "renewal_alert": "Alert of renewals",
    "renewal_confirmed": "Confirmation, of renewals",
    "request_refused": "Why something could not be done",
    "safety_ack": "Confirmation, as urgent",
    "safety_alert": "Alert to who is on call",
    "staff_notice": "Notice to staff",
    "staff_reply": "Answer",
    "ticket_closed": "Closed",
    "ticket_update": "Update",
    "undelivered": "Not delivered",
}

# store/outbox.py has the states; the class colours the word.
MAIL_STATES = {
    "due": ("Waiting", "open"),
    "claimed": ("Being sent", "open"),
    "deferred": ("Tried, will try again", "waiting"),
    "accepted": ("Sent", "closed"),
    "delayed": ("Delayed", "waiting"),
    "failed": ("Refused", "bad"),
    "bounced": ("Returned", "bad"),
    "complained": ("Called unwanted", "bad"),
    "suppressed": ("Not sent", "closed"),
}

AUTO = {
    "auto-generated": "Automatic mail",
    "auto-reply": "Automatic reply",
    "bounce": "Delivery report",
    "list": "Mailing list",
    "own": "Our own mail, returned",
}


def prose(value: str) -> Markup:
    """Somebody's text with links; each shows the very address it leads to. Lines and blanks stay as they are."""
    return linked(value, Markup('<a href="{0}" rel="noopener noreferrer nofollow">{0}</a>'), Markup.escape)


def shown_name(name: str) -> str:
    """A name somebody gave themselves; in quotes when it could be taken for an address (threats 44)."""
    line = one_line(name, 80)
    return f"“{line}”" if "@" in line else line


def count(number: int, noun: str) -> str:
    """`1 line`, `3 lines`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def short_moment(at: str, now: datetime, *zones: str) -> str:
    """A time for a list: the hour today, the day this year, else the date."""
    zone = first_zone(*zones)
    when, today = datetime.fromisoformat(at).astimezone(zone), now.astimezone(zone)
    if when.date() == today.date():
        return f"{when:%H:%M}"
    return str(format_datetime(when, "d MMM" if when.year == today.year else "d MMM y", locale="en_GB"))


def brief_moment(at: str, *zones: str) -> str:
    """A time for a line between messages, which show their zone themselves."""
    when = datetime.fromisoformat(at).astimezone(first_zone(*zones))
    return str(format_datetime(when, "d MMM, HH:mm", locale="en_GB"))
