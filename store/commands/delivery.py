"""What becomes of mail after it was promised: reports about it, and what staff make of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from store.commands.values import Author


@dataclass(frozen=True, slots=True)
class RecordBounce:
    """A report about one of our mails: `event` and `person` name it when that is proved by a signature of ours.

    `hard`: it came to the envelope address of that mail, which its recipient's servers alone know, and says that there is
    no such mailbox.
    """

    ticket: int | None
    event: int | None
    person: int | None
    recipient: str
    fate: Literal["delayed", "bounced", "complained"]
    words: str
    hard: bool = False


@dataclass(frozen=True, slots=True)
class ResendMail:
    """Sends a mail of the outbox again that did not arrive. `lift`: although its address is suppressed, which ends."""

    mail: int
    by: Author
    lift: bool = False


@dataclass(frozen=True, slots=True)
class SuppressAddress:
    """The address gets no mail from now on."""

    address: str
    by: Author


@dataclass(frozen=True, slots=True)
class UnsuppressAddress:
    """The address gets mail again."""

    address: str
    by: Author


@dataclass(frozen=True, slots=True)
class RecordProbe:
    """The probe with this id and number came back; `arrived`: when a door took it (threats 96)."""

    probe: int
    number: int
    arrived: datetime
