"""What a mail template may use: one frozen context."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from templates.assets import AssetLine
from templates.digests import NO_DIGEST, Digest
from templates.renewals import NO_RENEWALS, Renewals

Role = Literal["requester", "admin", "cc", "staff", "outsider", "writer"]
Change = Literal[
    "opened", "raised", "released", "customer_reply", "support_reply", "closed", "status", "moved", "note", "outsider", "unsent",
    "assigned", "unassigned", "parked", "unable", "address_used", "asking", "undelivered", "digest", "redirected",
    "mailbox_silent", "mailbox_back", "mail_left", "access_ends", "probe_lost", "probe_back",
    "wished", "activated", "not_activated", "reminded", "renewal_alert", "auto_renewed", "deactivated",
]  # fmt: skip

EXCERPT = 400  # characters

# threats 46: these turn or hide what stands next to them; names and subjects are shown without them.
_UNSEEN = frozenset(map(chr, (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xAD, 0xFEFF)))


def one_line(value: str, longest: int = 250) -> str:
    """A value for one line: controls, line ends and lone surrogates are blanks, runs of blanks one (threats 70)."""
    if not value.isprintable():  # most are, and have none of these signs
        kept = (" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in value if c not in _UNSEEN)
        value = "".join(kept)
    line = " ".join(value.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def readable(text: str) -> str:
    """Line ends as LF, other controls and lone surrogates gone, no blank lines around."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", " ", text).strip("\n").rstrip()


def field_line(name: str) -> str:
    """The beginning of a line that tells a field, as it is read again: `Error code:` (requirements S5)."""
    return f"{name.replace('_', ' ').capitalize()}:"


def excerpt(text: str) -> str:
    """The beginning of a text, up to the end of a word."""
    if len(text) <= EXCERPT:
        return text
    cut = text[:EXCERPT]
    return (cut[: cut.rfind(" ")] if cut.rfind(" ") > EXCERPT // 2 else cut).rstrip(" ,;:-\n") + "…"


@dataclass(frozen=True, slots=True)
class FileLine:
    """A file as it is named in a mail: its size in words, or why it was refused; `link`: where to fetch it."""

    name: str
    note: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture the HTML version shows: its Content-ID without <>, the name of its file, how many pixels wide."""

    cid: str
    name: str
    width: int


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
    link: str  # empty for somebody who has no sight of the ticket
    former: str  # the closed ticket this one follows up, without brackets
    close_address: str  # a mail to it closes the ticket; empty for those who may not, or where it is closed
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
    pictures: tuple[Picture, ...]  # among the attached
    attached: tuple[FileLine, ...]
    elsewhere: tuple[FileLine, ...]  # on the ticket, not in this mail
    refused: tuple[FileLine, ...]
    allowed: str
    # what the mail asks or answers
    missing: tuple[str, ...]  # names of fields, as a line of a mail begins with them
    nudged: bool  # the desk prefers its portal for mail such as this
    topics: tuple[str, ...]  # mailboxes that take mail of everybody: `Safety: safety@example.com`
    asked: tuple[str, ...]  # what was asked in the reader's name
    used_by: str  # the address of somebody else who used the reader's own
    problems: tuple[str, ...]
    commands: tuple[str, ...]  # what the reader may ask for by mail
    password_link: str
    password_code: str  # does what the link does, on the page `code_page`
    code_page: str
    # staff only
    priority: str
    department: str
    origin: str
    flags: tuple[str, ...]
    claims: str
    upload_link: str = ""  # where what was refused can be put on the ticket, for two weeks and without signing in
    digest: Digest = NO_DIGEST
    renewals: Renewals = NO_RENEWALS
    given_to: str = ""  # staff only: who has the ticket now that was taken from the reader; empty for nobody
    assets: tuple[AssetLine, ...] = ()  # what was asked for each, and what became of it
