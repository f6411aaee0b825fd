"""What may be done to a ticket: a closed list of frozen values. Mail, portal, API, CLI and the clock speak only these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from store.rules.desk import Priority


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
class NewMessage:
    """What somebody wrote. `message_id` is the Message-ID of the mail it came in, without <>."""

    author: Author
    text: str
    hidden: str = ""
    html: str | None = None
    files: tuple[NewFile, ...] = ()
    channel: Literal["mail", "portal", "api", "cli"] = "mail"
    message_id: str | None = None
    journal_id: int | None = None
    auto: str | None = None


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """A new ticket with its first message (T1). `acknowledge` False: nobody outside the staff is told."""

    desk: str
    subject: str
    message: NewMessage
    department: str
    priority: Priority
    origin: str
    cc: tuple[Author, ...] = ()
    flags: tuple[str, ...] = ()
    linked_to: int | None = None
    acknowledge: bool = True
    already: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CustomerReply:
    """The customer's side writes on a ticket (T5, T8). `proved`: by an address only this person was given.

    `cc_left_out`: whom the mail was copied to, but who do not join the ticket by it (threats 42).
    """

    ticket: int
    message: NewMessage
    cc: tuple[Author, ...] = ()
    cc_left_out: tuple[str, ...] = ()
    priority: Priority = "low"
    already: frozenset[str] = frozenset()
    flags: tuple[str, ...] = ()
    proved: bool = False


@dataclass(frozen=True, slots=True)
class SupportReply:
    """Support writes to the customer (T3, T4, T10), and may close with it (T7). `wait`: an answer is needed."""

    ticket: int
    message: NewMessage
    wait: bool = True
    close: bool = False
    already: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AddNote:
    """An internal note; no customer ever sees it (T11). `unsent`: meant for the customer, and the author is told it is not."""

    ticket: int
    message: NewMessage
    unsent: bool = False
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordTrace:
    """Automatic mail kept on its ticket; changes nothing and tells nobody (T12)."""

    ticket: int
    message: NewMessage


@dataclass(frozen=True, slots=True)
class CloseTicket:
    """Either side closes (T6, T7); words go with it as an own CustomerReply or SupportReply."""

    ticket: int
    by: Author
    side: Literal["customer", "support"]


@dataclass(frozen=True, slots=True)
class TakeTicket:
    """An agent takes the ticket up (T2)."""

    ticket: int
    by: Author


@dataclass(frozen=True, slots=True)
class RaisePriority:
    """The same mail arrived by a more urgent mailbox; never lowers."""

    ticket: int
    priority: Priority


@dataclass(frozen=True, slots=True)
class RecordBounce:
    """A delivery report about one of our mails: `event` and `person` name it when the report is provably ours."""

    ticket: int | None
    event: int | None
    person: int | None
    recipient: str
    permanent: bool
    words: str


Command = (
    OpenTicket | CustomerReply | SupportReply | AddNote | RecordTrace | CloseTicket | TakeTicket | RaisePriority | RecordBounce
)  # fmt: skip
