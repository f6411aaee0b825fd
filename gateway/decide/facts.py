"""What the rules may know besides the mail itself: frozen facts, looked up before anything is decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gateway.parse.authentication import Proof
from store.rules.desk import Desk, Mailbox, Priority
from store.rules.people import PersonFacts, Relation, TicketFacts

EvidenceKind = Literal["reply_address", "own_message_id", "message_id", "subject_tag"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One pointer from the mail to a ticket. `owner` is the person a signed pointer was given to, else None."""

    kind: EvidenceKind
    ticket: TicketFacts
    relation: Relation  # of the sender to that ticket
    owner: int | None = None

    @property
    def proves_sender(self) -> bool:
        """True for the kinds that only the addressed person can have had."""
        return self.owner is not None


@dataclass(frozen=True, slots=True)
class ReportedMail:
    """The mail of ours that a delivery report is about; `proved` by its signed envelope address (VERP)."""

    event: int | None
    person: int | None
    ticket: int | None
    recipient: str
    proved: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything looked up for one mail at one desk."""

    desk: Desk
    mailboxes: tuple[Mailbox, ...]  # of this desk, that the envelope names; never empty
    null_sender: bool = False  # RFC 5321 4.5.5: sent by a machine that wants no answer
    sender: PersonFacts | None = None
    sender_is_desk: bool = False
    own_message: bool = False  # its Message-ID or its loop mark is ours: a mail we sent came back
    dmarc_failed: bool = False
    proof: Proof = field(default_factory=Proof)
    duplicate_of: int | None = None
    duplicate_ticket: int | None = None
    evidence: tuple[Evidence, ...] = ()
    reported: ReportedMail | None = None
    answers_today: int = 0  # automatic answers promised to the sender in the last 24 hours
    answers_this_hour: int = 0

    @property
    def mailbox(self) -> Mailbox:
        """The most urgent of the mailboxes addressed, the first of equals (BR-10)."""
        return max(self.mailboxes, key=lambda m: _RANK[m.priority])

    @property
    def dmarc(self) -> str | None:
        """The DMARC result of the From domain as RFC 8601 names it, None when nobody looked."""
        return self.proof.dmarc

    @property
    def staff(self) -> bool:
        return self.sender is not None and self.sender.active and self.desk.name in self.sender.staff_of


_RANK: dict[Priority, int] = {"low": 0, "medium": 1, "high": 2, "urgent": 3}
