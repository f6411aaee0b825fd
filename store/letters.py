"""A mail that is to be sent, as a worker takes it out of the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class LetterFile:
    """An accepted attachment of the message a mail tells of."""

    filename: str
    content_type: str
    size: int
    sha256: str
    inline: bool
    content_id: str | None
    id: int = 0  # of the attachment


@dataclass(frozen=True, slots=True)
class Letter:
    """A claimed row with all its mail is made from; nothing here changes between two copies."""

    id: int
    event_id: int
    ticket_id: int | None
    person_id: int
    recipient: str
    template: str
    header_id: str
    created: datetime
    attempts: int
    reply: str  # what the relay said to the attempt before, "" when none has come to an end yet
    facts: Mapping[str, Any]
    text: str
    files: tuple[LetterFile, ...]
    barred: str = ""  # why its address gets no mail any more
