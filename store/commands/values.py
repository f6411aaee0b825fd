"""What commands are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from store.rules.desk import Answer
from store.rules.old_mail import Number

__all__ = ["Answer", "Author", "Fields", "LinkKind", "NewFile", "NewLink", "NewMessage", "OldMail"]

Fields = tuple[tuple[str, str], ...]  # names and values of what a form would ask (requirements S2, A-28)
LinkKind = Literal["claims", "follow_up", "same_mail", "related", "split"]


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody by address; the person is made when nobody has this address yet."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class NewFile:
    """An attachment with its verdict; the bytes are already in the blob store when accepted."""

    filename: str
    content_type: str
    size: int
    sha256: str
    inline: bool = False
    content_id: str | None = None
    verdict: Literal["accepted", "refused"] = "accepted"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OldMail:
    """That a message is one of an archive: nobody is told of it, and it has the time it was written at.

    `closes`: a ticket that ends with it is closed. `numbers`: what other systems called its ticket.
    """

    at: datetime
    closes: bool = False
    numbers: tuple[Number, ...] = ()


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What somebody wrote. `message_id` is the Message-ID of the mail it came in, without <>; `dmarc` its verdict;
    `conversation` what its Thread-Index begins with, in hex; `old` that it is one of an archive.
    """

    author: Author
    text: str
    hidden: str = ""
    html: str | None = None
    files: tuple[NewFile, ...] = ()
    channel: Literal["mail", "portal", "api", "cli"] = "mail"
    message_id: str | None = None
    journal_id: int | None = None
    auto: str | None = None
    dmarc: str | None = None
    conversation: str | None = None
    old: OldMail | None = None


@dataclass(frozen=True, slots=True)
class NewLink:
    """The new ticket points at another: it claims to belong to it, follows it up, or came in the same mail."""

    kind: LinkKind
    ticket: int
