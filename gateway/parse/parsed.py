"""The values a message becomes: frozen, storable as they stand, free of control characters and surrogates."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gateway.parse.fields import Fields


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox; `address` is lower-case local@domain with the domain as A-labels."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """One attachment; `names` holds every name some mail client would give it."""

    filename: str
    names: tuple[str, ...]
    content_type: str
    size: int
    sha256: str
    inline: bool
    content_id: str | None
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class BouncedRecipient:
    """An address that could not be reached; `status` as in RFC 3463, `permanent` None when nobody says."""

    address: str
    status: str | None = None
    permanent: bool | None = None


@dataclass(frozen=True, slots=True)
class Bounce:
    """A report of mail that did not arrive; `message_ids` are those of the mail it returns, without <>.

    `complaint`: it did, and its reader called it unwanted (RFC 5965).
    """

    recipients: tuple[BouncedRecipient, ...] = ()
    message_ids: tuple[str, ...] = ()
    complaint: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """All that is understood of one message; `sender` is the only identity to be trusted, `from_` is for show."""

    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    date: datetime | None = None
    sender: Address | None = None
    from_: Address | None = None
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    text: str = ""
    reply: str = ""
    hidden: str = ""
    fields: Fields = field(default_factory=Fields)  # what `reply` says of the fields of a form
    enclosed: str = ""  # the words of mails that came as files
    html: str | None = None
    files: tuple[File, ...] = ()
    auto: str | None = None
    marked: bool = False  # `auto` rests on a mark of the mail itself, not on its wording alone
    loop_mark: str | None = None  # the value of X-Postern-Loop, ours or another installation's
    bounce: Bounce | None = None
    importance: str | None = None
    conversation: str | None = None  # what its Thread-Index begins with, in hex
    hops: int = 0
    auth_results: tuple[str, ...] = ()
    content_hash: str = ""
    defects: tuple[str, ...] = ()
