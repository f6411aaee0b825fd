"""What a mail template may use: one frozen context, and sample contexts to preview every template with."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Literal

Role = Literal["requester", "admin", "cc", "staff"]
Change = Literal["opened", "customer_reply", "support_reply", "closed", "status"]

EXCERPT = 400  # characters

# threats 46: these turn or hide what stands next to them; names and subjects are shown without them.
_UNSEEN = frozenset(map(chr, (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xAD, 0xFEFF)))


def one_line(value: str, longest: int = 250) -> str:
    """A value for one line: controls, line ends and lone surrogates are blanks, runs of blanks one (threats 70)."""
    kept = (" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in value if c not in _UNSEEN)
    line = " ".join("".join(kept).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def readable(text: str) -> str:
    """Line ends as LF, other controls and lone surrogates gone, no blank lines around."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", " ", text).strip("\n").rstrip()


def excerpt(text: str) -> str:
    """The beginning of a text, up to the end of a word."""
    if len(text) <= EXCERPT:
        return text
    cut = text[:EXCERPT]
    return (cut[: cut.rfind(" ")] if cut.rfind(" ") > EXCERPT // 2 else cut).rstrip(" ,;:-\n") + "…"


@dataclass(frozen=True, slots=True)
class FileLine:
    """A file as it is named in a mail: its size in words, or why it was refused."""

    name: str
    note: str


@dataclass(frozen=True, slots=True)
class MailContext:
    """Everything a template may use. Texts are raw: the HTML side escapes them. Single values hold no line ends."""

    # the desk
    desk: str
    team: str
    noun: str
    preferred_channel: str
    guidance: str
    # the ticket
    tag: str  # with its brackets
    subject: str  # of the customer, without the tag; empty where it may not be shown
    label: str
    label_changed: bool
    help: str
    link: str
    # the recipient
    role: Role
    known: bool
    name: str
    # what happened
    change: Change
    author: str
    author_address: str  # staff only
    by_support: bool
    at: str
    text: str
    shortened: bool  # the text is an excerpt
    withheld: bool  # there is a text and this mail may not hold it
    attached: tuple[FileLine, ...]
    elsewhere: tuple[FileLine, ...]  # on the ticket, not in this mail
    refused: tuple[FileLine, ...]
    allowed: str
    # staff only
    priority: str
    department: str
    origin: str
    flags: tuple[str, ...]
    claims: str


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

_BASE = MailContext(
    desk="Example Hosting", team="Support", noun="ticket", preferred_channel="", guidance="",
    tag="[HO#1042]", subject="Disk full on web-3", label="Open", label_changed=False, help="", link=_LINK,
    role="requester", known=True, name="Anna Weber",
    change="opened", author="Anna Weber", author_address="", by_support=False, at="14 July 2026, 09:05 CEST",
    text=_QUESTION, shortened=False, withheld=False, attached=(), elsewhere=(), refused=(), allowed=_ALLOWED,
    priority="medium", department="Technical", origin="mail:technical@help.example.com", flags=(), claims="",
)  # fmt: skip
_REPLY = replace(
    _BASE, change="support_reply", author="Maria Lopez", by_support=True, text=_TEXT, label="Answered",
    label_changed=True, help="Response needed. Support is waiting to hear back from you.",
)  # fmt: skip
_WROTE = replace(
    _BASE, change="customer_reply", label="Customer-Reply", label_changed=True, attached=(_LOG,),
    text="It works again, thank you.\n\nOne question is left: can we get a warning before the disk is full?",
)  # fmt: skip
_CLOSED = replace(
    _REPLY, change="closed", label="Closed", help="", text="The warning is set to 80 %. Have a good week.",
)  # fmt: skip
_STAFF = replace(_BASE, role="staff", name="Maria Lopez", author_address="anna@weber.example", attached=(_LOG,))
_STRANGER = replace(_BASE, known=False, name="", subject="", author="", text="", withheld=True)
_PORTAL = "The portal is the preferred method for ongoing support."

_SAMPLES: dict[str, MailContext] = {
    "confirmation-known": replace(_BASE, elsewhere=(_LOG,), refused=_REFUSED[:1], guidance=(
        "Please tell us the name of the server and when you first saw the problem, if you have not already."),
        help="No response needed at the moment. You are waiting to hear back from Support."),
    "confirmation-stranger": replace(_STRANGER, preferred_channel=_PORTAL),
    "staff_reply-requester": _REPLY,
    "staff_reply-excerpt": replace(
        _REPLY, text="Hello Anna,\n\nthank you for the log. The disk filled up because…", shortened=True,
        attached=(FileLine("report.pdf", "1.2 MB"),), elsewhere=(FileLine("dump.zip", "14.6 MB"),)),
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
    "attachment_refused-requester": replace(_WROTE, attached=(), text="", refused=_REFUSED),
}  # fmt: skip


def samples() -> dict[str, MailContext]:
    """A context for each `template-case`, to preview templates with."""
    return dict(_SAMPLES)


def sample(template: str) -> MailContext:
    """The first sample context of a template. Raises KeyError for a template without one."""
    for case, context in _SAMPLES.items():
        if case.partition("-")[0] == template:
            return context
    raise KeyError(template)
