"""What can happen to a ticket, and what of it its customer may know."""

from __future__ import annotations

from typing import Literal

from store.rules.desk import FIELDS

TicketEvent = Literal[
    "created", "reply", "note", "automatic", "closed", "status", "attachment_refused",
    "uploaded", "cc_added", "cc_removed", "cc_left_out", "also_to", "address_used", "field_model", "field_serial", "field_error_code",
    "field_ref", "field_area", "field_device", "field_service",
    "taken", "assigned", "priority", "department", "moved", "merged", "split", "linked", "asked", "undone",
    "spam", "unspam", "released", "parked", "confirmed", "unable", "template_broken",
    "delivery_failed", "delivery_delayed", "complained", "resent", "digest", "reminded",
    "wished", "activated", "not_activated", "withdrawn",
]  # fmt: skip
# On no ticket.
DeskEvent = Literal[
    "mailbox_silent", "mailbox_back", "mail_left", "access_ends", "probe_lost", "probe_back",
    "blocked", "unblocked", "suppressed", "unsuppressed", "preferences", "redirected", "granted", "revoked",
    "renewal_alert", "auto_renewed", "deactivated",
]  # fmt: skip
EventKind = TicketEvent | DeskEvent

# The rest is between staff.
PUBLIC: tuple[TicketEvent, ...] = ("created", "reply", "closed", "status", "cc_added", "attachment_refused")

FIELD_EVENTS: dict[str, TicketEvent] = {name: f"field_{name}" for name in FIELDS}  # type: ignore[misc]
