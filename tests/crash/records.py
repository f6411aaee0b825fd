"""What the two outsides remember of a round: the mail server that sends to the gateway, and the relay it sends to."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesHeaderParser
from functools import cached_property
from hashlib import sha256

Told = frozenset[tuple[str, str]]  # (address, template) of each mail that must follow


@dataclass(frozen=True)
class Expected:
    """What must become of a mail at one desk, written by hand and never asked of the product.

    `on` names the mail whose ticket it belongs to, "" for a ticket of its own; `message` is false for what is only
    recorded; `files` are (SHA-256, verdict); `event` is the kind of event it must leave, exactly once.
    """

    desk: str
    outcome: str
    told: Told = frozenset()
    on: str = ""
    message: bool = True
    files: tuple[tuple[str, str], ...] = ()
    event: str = ""
    flags: frozenset[str] = frozenset()


@dataclass
class Sent:
    """A mail in the log of its sender. `accepted`: the desks that answered 250; `answers` are all replies after the dot."""

    key: str
    raw: bytes
    expected: tuple[Expected, ...]
    answers: list[str] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    begun: bool = False  # its bytes were on the wire at least once
    refused: str = ""  # a final refusal, which nobody expects

    @property
    def sha256(self) -> str:
        return sha256(self.raw).hexdigest()


@dataclass(frozen=True)
class Relayed:
    """One mail at the relay, logged at its dot. `taken`: the relay answered, or would have answered, 250."""

    at: float
    sender: str
    recipient: str
    content: bytes
    taken: bool

    @cached_property
    def head(self) -> Message:
        """Its header fields."""
        return BytesHeaderParser().parsebytes(self.content.partition(b"\r\n\r\n")[0])

    @property
    def message_id(self) -> str:
        return str(self.head["Message-ID"] or "").strip(" <>")


@dataclass(frozen=True)
class Allowance:
    """What the kills of a round excuse: how many second copies, and drafts of files that were being written."""

    copies: int = 0
    drafts: bool = False
