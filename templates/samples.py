"""Sample contexts to preview and check every template with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType

from templates.assets import AssetLine
from templates.contexts import FileLine, MailContext
from templates.digests import SAMPLE_BURST, SAMPLE_LINES, Digest
from templates.figures import day, moment
from templates.languages import ENGLISH
from templates.renewals import SAMPLE_ALERT, SAMPLE_ENDED, SAMPLE_ONE, SAMPLE_RENEWED, SAMPLE_WATCHED

_TEXT = (
    "Hello Anna,\n\nthank you for the log. The disk filled up because the nightly backup kept every copy since March. "
    "I have moved the old ones away and set it to keep seven.\n\n"
    "Could you check that the site loads again? The details are on https://status.example.com/incidents/81.\n\n"
    "Kind regards\nMaria"
)
_QUESTION = (
    "Hello,\n\nsince this morning our shop answers with error 500, and the control panel says that the disk is full. "
    "I attached the log.\n\nAnna Weber"
)
_LOG = FileLine("error.log.txt", "48 KB")
_REFUSED = (
    FileLine("screen recording.mov", "files of type .mov are not accepted"),
    FileLine("backup.zip", "larger than 15 MB"),
)
_ALLOWED = ".doc, .docx, .xls, .xlsx, .csv, .txt, .pdf, .bmp, .jpg, .jpeg, .png, .tar, .zip up to 15 MB each"
_LINK = "https://help.example.com/t/HO-1042#m7"

_AT = "2026-07-14T07:05:00+00:00"

_BASE = MailContext(
    desk="Example Hosting", team="support team", noun="ticket", preferred_channel="", guidance="",
    tag="[HO#1042]", subject="Disk full on web-3", label="Open", label_changed=False, help="", link=_LINK,
    former="", close_address="", role="requester", known=True, name="Anna Weber",
    change="opened", author="Anna Weber", author_address="", by_support=False, at="",
    text=_QUESTION, shortened=False, withheld=False, pictures=(), attached=(), elsewhere=(), refused=(), allowed=_ALLOWED,
    missing=(), nudged=False, topics=(), asked=(), used_by="", problems=(), commands=(), password_link="",
    password_code="", code_page="",
    priority="medium", department="Technical", origin="mail:technical@help.example.com", flags=(), claims="",
)  # fmt: skip
_REPLY = replace(
    _BASE, change="support_reply", author="Maria Lopez", by_support=True, text=_TEXT, label="Answered",
    label_changed=True, help="The support team waits for your answer.",
)  # fmt: skip
_WROTE = replace(
    _BASE, change="customer_reply", label="Customer-Reply", label_changed=True, attached=(_LOG,),
    text="It works again, thank you.\n\nOne question is left: can we get a warning before the disk is full?",
)  # fmt: skip
_CLOSED = replace(
    _REPLY, change="closed", label="Closed", help="", text="The warning is set to 80 %. Have a good week.",
)  # fmt: skip
_STAFF = replace(_BASE, role="staff", name="Maria Lopez", author_address="anna@weber.example", attached=(_LOG,))
_COLLEAGUE = replace(
    _STAFF, text="", attached=(), author="Maria Lopez", by_support=True, author_address="maria@help.example.com"
)
_STRANGER = replace(_BASE, known=False, name="", subject="", author="", text="", withheld=True)
_PORTAL = "The portal is the preferred way for ongoing support; answering this mail works just as well."
_TOKEN = "aebagbyfrkx6mw2n4tq7zcd3hs"
_CLOSE = f"support+{_TOKEN}@help.example.com"
_PASSWORD = "https://help.example.com/password?token=WzksMTc4NDAxMjcwMCwiYjc5Il0.c2lnbmVk&next=%2Ft%2FHO-1042"
_TOPICS = ("Safety: safety@help.example.com", "Access: login@help.example.com")
_DANGER = replace(
    _BASE, subject="Smell of gas at the boiler", priority="urgent", department="Safety",
    text="There is a strong smell of gas next to the boiler in hall 2. We have switched it off. What now?",
)  # fmt: skip
_LOCKED_OUT = replace(
    _BASE, subject="I cannot sign in", text="Since yesterday the portal says that my password is wrong.", guidance=""
)
_STAFF_COMMANDS = (
    "#note: keeps what you write below it among the staff",
    "#assign ADDRESS, #assign me, #assign nobody: says who works on the ticket",
    "#priority low, medium, high, urgent: says how urgent the ticket is",
    "#cc ADDRESS, ADDRESS, -ADDRESS: adds people to the ticket; a minus takes one off",
)
_OUTSIDER = replace(
    _REPLY, role="outsider", change="asking", name="Kim", subject="", label="", help="", link="", label_changed=False,
    text="Hello Kim,\n\nwhich version of the firmware do you ship with the LX-200 today?\n\nMaria",
)  # fmt: skip

_DEVICES = replace(_BASE, subject="Two more devices", text="Device: LX-200\n\nFor the north gate, please.")

_DIGEST = replace(
    _BASE, tag="", subject="", label="", link="https://help.example.com/?desk=hosting", author="", text="", change="digest",
)  # fmt: skip
_FLEET = replace(_DIGEST, role="admin", link="https://help.example.com/?desk=devices")
_STOP = f"https://help.example.com/u/{_TOKEN}"

_MAILBOX = replace(
    _STAFF, tag="", subject="", label="", link="", author="", author_address="", text="", attached=(), priority=""
)
_FOLDER = "support@help.example.com INBOX"

_SAMPLES: dict[str, MailContext] = {
    "confirmation-known": replace(_BASE, elsewhere=(_LOG,), refused=_REFUSED[:1], guidance=(
        "Please provide as much background information as possible to help us quickly diagnose the issue."),
        close_address=_CLOSE),
    "confirmation-stranger": replace(_STRANGER, preferred_channel=_PORTAL),
    "safety_ack-known": replace(_DANGER, refused=_REFUSED[:1]),
    "safety_ack-stranger": _STRANGER,
    "access_ack-known": replace(_LOCKED_OUT, close_address=_CLOSE, preferred_channel=_PORTAL),
    "access_ack-stranger": _STRANGER,
    "login_help-link": replace(_LOCKED_OUT, password_link=_PASSWORD, close_address=_CLOSE, password_code="K7QMA-2XPDE",
        code_page="https://help.example.com/password/code"),
    "login_help-no_link": replace(_STRANGER, close_address=_CLOSE),
    "missing_info-two": replace(
        _BASE, missing=("Model:", "Serial:"), nudged=True, label="Awaiting Info", preferred_channel=_PORTAL,
        help="We need something from you to go on. Please answer this mail.", close_address=_CLOSE),
    "missing_info-one": replace(_BASE, missing=("Error code:",), label="Awaiting Info"),
    "portal_nudge-known": replace(_BASE, nudged=True, preferred_channel=_PORTAL, close_address=_CLOSE),
    "portal_hold-known": replace(_BASE, topics=_TOPICS),
    "portal_hold-stranger": _STRANGER,
    "portal_redirect-known": replace(
        _BASE, change="redirected", tag="", label="", text="", link="https://help.example.com/", topics=_TOPICS),
    "portal_redirect-stranger": replace(
        _STRANGER, change="redirected", tag="", label="", withheld=False, link="https://help.example.com/"),
    "held_ack-stranger": _STRANGER,
    "follow_up-known": replace(_BASE, former="HO#1007", close_address=_CLOSE),
    "follow_up-stranger": _STRANGER,
    "confirm_request-requester": replace(_BASE, change="parked", text="", asked=("close it",)),
    "confirm_request-stranger": replace(_STRANGER, change="parked", withheld=False, asked=("close it",)),
    "confirm_request-staff": replace(_BASE, change="parked", role="staff", name="Maria Lopez", text="",
        asked=("send an answer to the customer", "change its priority")),
    "request_refused-customer": replace(_BASE, change="unable", role="cc", name="Kim", text="",
        problems=("Only whoever opened it may close a ticket.",)),
    "request_refused-member": replace(_BASE, change="unable", role="writer", name="Ben Weber", text="",
        problems=("Only whoever opened it may close a ticket.",)),
    "request_refused-staff": replace(_BASE, change="unable", role="staff", name="Maria Lopez", text="",
        problems=("There is no command #clsoe.", "#priority needs one of low, medium, high, urgent."),
        commands=_STAFF_COMMANDS),
    "address_used-requester": replace(_BASE, change="address_used", text="", used_by="kim@elsewhere.example"),
    "address_used-outsider": replace(_BASE, change="address_used", role="writer", name="Kim", text="", used_by="rex@elsewhere.example",
        subject="", label="", help="", link=""),
    "address_used-alert": replace(_FLEET, change="address_used", link="https://help.example.com/", used_by="kim@elsewhere.example"),
    "address_used-stranger": replace(_STRANGER, change="address_used", withheld=False),
    "undelivered-staff": replace(_STAFF, change="undelivered", text="", attached=(), author="",
        problems=("anna@weber.example: 550 5.1.1 no such user",)),
    "outsider_question-outsider": replace(_OUTSIDER, attached=(FileLine("photo.jpg", "1.1 MB"),)),
    "staff_reply-requester": replace(_REPLY, close_address=_CLOSE),
    "staff_reply-excerpt": replace(
        _REPLY, text="Hello Anna,\n\nthank you for the log. The disk filled up because…", shortened=True,
        attached=(FileLine("report.pdf", "1.2 MB"),), elsewhere=(FileLine("dump.zip", "14.6 MB", "https://help.example.com/file?token=WyJvbmUiXQ"),)),
    "staff_reply-link_only": replace(_REPLY, text="", withheld=True, preferred_channel=_PORTAL),
    "ticket_update-admin-opened": replace(_BASE, role="admin", name="Otto Weber", elsewhere=(_LOG,)),
    "ticket_update-requester-reply": replace(_WROTE, author="Ben Weber", attached=(), elsewhere=(_LOG,)),
    "ticket_update-status": replace(
        _BASE, change="status", text="", author="Maria Lopez", by_support=True, label="In Review", label_changed=True),
    "cc_copy-support": replace(_REPLY, role="cc", name="Kim", help=""),
    "cc_copy-customer": replace(_WROTE, role="cc", name="Kim"),
    "ticket_closed-requester": _CLOSED,
    "ticket_closed-cc": replace(_CLOSED, role="cc", text="", by_support=False, author="Anna Weber"),
    "staff_notice-opened": _STAFF,
    "staff_notice-urgent": replace(
        _STAFF, priority="urgent", department="Safety", flags=("stranger", "unverified-sender"), claims="HO#1001",
        refused=_REFUSED[1:]),
    "staff_notice-reply": replace(_WROTE, role="staff", name="Maria Lopez", author_address="anna@weber.example"),
    "staff_notice-closed": replace(_STAFF, change="closed", text="", attached=(), label="Closed", label_changed=True),
    "staff_notice-moved": replace(_COLLEAGUE, change="moved", department="Billing"),
    "staff_notice-assigned": replace(_COLLEAGUE, change="assigned"),
    "staff_notice-answered": replace(_COLLEAGUE, change="support_reply", text=_TEXT, label="Answered", label_changed=True),
    "staff_notice-closed_by_support": replace(_COLLEAGUE, change="closed", label="Closed", label_changed=True),
    "staff_notice-unassigned": replace(_COLLEAGUE, change="unassigned", given_to="Tom Berg"),
    "staff_notice-unassigned_to_nobody": replace(_COLLEAGUE, change="unassigned"),
    "staff_notice-unassigned_by_taker": replace(_COLLEAGUE, change="unassigned", given_to="Maria Lopez"),
    "staff_notice-raised": replace(_STAFF, change="raised", priority="urgent"),
    "staff_notice-unsent": replace(_STAFF, change="unsent", by_support=True, text="", attached=(), flags=("unsent-answer",),
        author="Maria Lopez", author_address="maria@help.example.com"),
    "staff_notice-outsider": replace(_STAFF, change="outsider", author="Kim", author_address="kim@elsewhere.example",
        text="The version is 4.2.", attached=()),
    "safety_alert-staff": replace(
        _STAFF, **{name: getattr(_DANGER, name) for name in ("subject", "text", "priority", "department")}),
    "safety_alert-raised": replace(
        _STAFF, change="raised", priority="urgent", department="Safety", flags=("unknown-sender",), author=""),
    "safety_alert-closed": replace(
        _STAFF, change="closed", priority="urgent", department="Safety", text="", attached=(), label="Closed", label_changed=True),
    "digest-staff": replace(_DIGEST, role="staff", name="Maria Lopez", digest=Digest(SAMPLE_LINES, 2, _STOP)),
    "digest-admin": replace(
        _DIGEST, role="admin", name="Otto Weber",
        digest=Digest(tuple(replace(line, author_address="", priority="") for line in SAMPLE_LINES), 0, _STOP)),
    "digest-burst": replace(
        _STAFF, change="digest", text="", attached=(), author="", author_address="", priority="",
        digest=Digest(SAMPLE_BURST)),
    "mailbox_notice-silent": replace(_MAILBOX, change="mailbox_silent",
        problems=(f"{_FOLDER}: the login was refused: [AUTHENTICATIONFAILED] Invalid credentials",)),
    "mailbox_notice-back": replace(_MAILBOX, change="mailbox_back", problems=(_FOLDER,)),
    "mailbox_notice-left": replace(_MAILBOX, change="mail_left",
        problems=(f"{_FOLDER}: 62.0 MB from anna@weber.example: too large",)),
    "mailbox_notice-probe": replace(_MAILBOX, change="probe_lost", problems=("support@help.example.com",)),
    "mailbox_notice-arriving": replace(_MAILBOX, change="probe_back", problems=("support@help.example.com",)),
    "mailbox_notice-access": replace(_MAILBOX, change="access_ends", problems=("office: ends on 2027-05-01",)),
    "attachment_refused-requester": replace(_WROTE, attached=(), text="", refused=_REFUSED, upload_link="https://help.example.com/upload?token=WyJvbmUiXQ"),
    "renewal_alert-three": replace(_FLEET, change="renewal_alert", renewals=SAMPLE_ALERT),
    "renewal_alert-one": replace(_FLEET, change="renewal_alert", renewals=SAMPLE_ONE),
    "renewal_alert-watched": replace(_FLEET, change="renewal_alert", renewals=SAMPLE_WATCHED),
    "auto_renewed-two": replace(_FLEET, change="auto_renewed", renewals=SAMPLE_RENEWED),
    "deactivated-one": replace(_FLEET, change="deactivated", renewals=SAMPLE_ENDED),
    "reminder_awaiting-text": replace(_REPLY, change="reminded", label_changed=False),
    "reminder_awaiting-no_text": replace(_REPLY, change="reminded", text="", label_changed=False),
    "activation_ack-two": replace(_DEVICES, close_address=_CLOSE, assets=(
        AssetLine("LX-200 (North gate)", "register"), AssetLine("LX-118", "activate"))),
    "activated-requester": replace(_DEVICES, change="activated", text="", by_support=True, author="Maria Lopez", assets=(
        AssetLine("LX-200 (North gate)", "activated", "2027-07-14"), AssetLine("LX-118", "activated"))),
    "deactivation_ack-partly": replace(_DEVICES, text="cancel LX-200 LX-118", assets=(
        AssetLine("LX-200 (North gate)", "deactivate", "2026-07-31"), AssetLine("LX-118", "deactivate", why="It is not active."))),
    "renewal_confirmed-partly": replace(_DEVICES, text="renew LX-200\ncancel LX-118", label="Closed", assets=(
        AssetLine("LX-200 (North gate)", "renew", "2026-08-02"), AssetLine("LX-118", "deactivate", "2026-07-31"),
        AssetLine("LX-9", "renew", why="There is no device of this name among yours."))),
    "command_refused-mail": replace(_DEVICES, text="renew", assets=(
        AssetLine("LX-200 (North gate)", "renew", why="Only an administrator of the organization or of its group may do this."),)),
    "command_refused-registered": replace(_DEVICES, text="Device: LX-118", assets=(
        AssetLine("LX-118", "register", why="It is registered already.", link="https://help.example.com/asset/LX-118"),)),
    "command_refused-staff": replace(_DEVICES, change="not_activated", text="", by_support=True, author="Maria Lopez", assets=(
        AssetLine("LX-200", "activate", why="It is deactivated."),)),
}  # fmt: skip


@cache
def samples(language: str = ENGLISH) -> Mapping[str, MailContext]:
    """A context for each `template-case`, with its times as a reader of the language is told them."""
    return MappingProxyType({case: _told(context, language) for case, context in _SAMPLES.items()})


def _told(context: MailContext, language: str) -> MailContext:
    def at(iso: str) -> str:
        return moment(iso, "Europe/Berlin", language=language)

    def on(iso: str) -> str:
        return day(iso, language) if iso else ""

    groups = tuple(
        replace(group, devices=tuple(
            replace(one, day=on(one.day), after=on(one.after), before=on(one.before)) for one in group.devices
        ))
        for group in context.renewals.groups
    )  # fmt: skip
    return replace(
        context,
        at=at(_AT),
        assets=tuple(replace(line, day=on(line.day)) for line in context.assets),
        digest=replace(context.digest, lines=tuple(replace(line, at=at(line.at)) for line in context.digest.lines)),
        renewals=replace(context.renewals, groups=groups),
    )


def sample(template: str) -> MailContext:
    """The first sample context of a template. Raises KeyError for a template without one."""
    for case, context in samples().items():
        if case.partition("-")[0] == template:
            return context
    raise KeyError(template)
