"""What the rules may know besides the mail itself: frozen facts, looked up before anything is decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gateway.parse.authentication import Proof
from store.rules.desk import Desk, Mailbox, Priority
from store.rules.old_mail import Terms
from store.rules.people import PersonFacts, Relation, TicketFacts
from store.rules.tokens import Token

EvidenceKind = Literal["reply_address", "own_message_id", "message_id", "subject_tag", "old_number", "root"]
KINDS: tuple[EvidenceKind, ...] = (
    "reply_address", "own_message_id", "message_id", "subject_tag", "old_number", "root",
)  # fmt: skip
# What anybody may guess or have seen: who forges From could add themselves to the ticket by it (threats 42).
GUESSED: frozenset[EvidenceKind] = frozenset({"subject_tag", "old_number", "root"})
Action = Literal["reply", "close", "confirm"]
AlertAction = Literal["reply", "renew", "cancel"]

# threats 38: automatic answers to one address, in 24 hours for strangers and in one hour for people we know.
STRANGER_BUDGET = 3
KNOWN_BUDGET = 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """One pointer from the mail to a ticket. `owner` is the person a signed pointer was given to, else None.

    `action`: what a mail to the signed address means; `request`: the parked request it confirms, None once that is done.
    """

    kind: EvidenceKind
    ticket: TicketFacts
    relation: Relation  # of the sender to that ticket
    owner: int | None = None
    action: Action = "reply"
    request: int | None = None
    requester: str = ""  # the address of the ticket's requester
    merged_from: int | None = None  # the number the pointer named, when that ticket has gone into this one

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
class AlertAnswered:
    """The renewal alert that a mail answers by an address or Message-ID signed for `person`.

    `action`: what a mail to that address means; `devices`: each with all that it is called, in lower case.
    """

    id: int
    person: int
    action: AlertAction
    devices: tuple[tuple[int, frozenset[str]], ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything looked up for one mail at one desk."""

    desk: Desk
    mailboxes: tuple[Mailbox, ...]  # of this desk, that the envelope names; never empty
    now: datetime
    probe: Token | None = None  # the probe of our own that it is
    old: Terms | None = None  # of a mail of an archive
    null_sender: bool = False  # RFC 5321 4.5.5: sent by a machine that wants no answer
    sender: PersonFacts | None = None
    sender_is_desk: bool = False
    blocked: bool = False  # the desk wants no mail of this sender
    own_message: bool = False  # its Message-ID or its loop mark is ours: a mail we sent came back
    holds_our_words: bool = False  # its text has a signed address or a ticket link of ours in it
    repeats: int = 0  # automatic answers of the last 24 hours to a mail of its sender that said the same
    proof: Proof = field(default_factory=Proof)
    filters: tuple[tuple[str, str], ...] = ()  # what each filter said
    spam_suspected: bool = False  # one of them takes it for spam
    of_organization: bool = False  # its domain is one of an organisation's of the desk; asked only where it matters
    duplicate_of: int | None = None
    duplicate_ticket: int | None = None
    duplicate_refused: bool = False  # and nothing but the journal holds it
    elsewhere: tuple[int, ...] = ()  # tickets of other desks that the same mail opened
    id_reused: bool = False  # another mail had its Message-ID (threats 35)
    evidence: tuple[Evidence, ...] = ()
    cited: tuple[str, ...] = ()  # Message-IDs it answers that are no mail of ours or of a ticket
    reported: ReportedMail | None = None
    alert: AlertAnswered | None = None
    assets: tuple[int, ...] = ()  # that the mail names and its sender may see (DV-37)
    answers_today: int = 0  # automatic answers promised to the sender in the last 24 hours
    answers_this_hour: int = 0
    strangers_this_hour: int = 0  # automatic answers of the desk to people nobody has vouched for

    @property
    def mailbox(self) -> Mailbox:
        """The most urgent of the mailboxes addressed, the first of equals (BR-10)."""
        return max(self.mailboxes, key=lambda m: _RANK[m.priority])

    @property
    def general(self) -> bool:
        """Whether none of the mailboxes addressed is urgent, for everybody, or has an answer of its own (EQ-66)."""
        return all(
            m.answer == "confirmation" and m.priority != "urgent" and not m.everybody and not m.alerts
            for m in self.mailboxes
        )

    @property
    def dmarc(self) -> str | None:
        """The DMARC result of the From domain as RFC 8601 names it, None when nobody looked."""
        return self.proof.dmarc

    @property
    def staff(self) -> bool:
        return self.sender is not None and self.sender.works_at(self.desk.name)

    @property
    def known(self) -> bool:
        """Whether somebody has vouched for the sender, or they have proved to read their mail."""
        return self.sender is not None and self.sender.confirmed

    @property
    def unwelcome(self) -> bool:
        """Whether the desk wants no new mail of a person such as the sender, whom nobody knows (A-24).

        Whose domain owns to the mail is no stranger where the desk takes the people of that domain as members (A-25); SPF
        alone says nothing of From.
        """
        if self.desk.unknown_sender == "accept" or self.known or self.staff:
            return False
        return not (self.desk.domain_join and self.of_organization and self.dmarc == "pass")

    @property
    def dmarc_failed(self) -> bool:
        """The From domain disowns the mail."""
        return self.dmarc == "fail"

    @property
    def signed(self) -> Evidence | None:
        """The strongest signed pointer that was given to the sender, when nothing speaks against it (threats 40)."""
        if self.sender is None or self.dmarc_failed:
            return None
        return next((e for e in self.evidence if self.sender.is_(e.owner)), None)

    @property
    def may_answer(self) -> bool:
        """Whether the sender may be sent one more automatic answer (threats 38).

        People we know have a wider budget, but for a mail that repeats our words to us. An answering machine that uses an
        address we gave it is known too, so of those nobody has vouched for a mail that repeats its own words is none.
        """
        echo = self.holds_our_words or (self.repeats > 0 and not (self.sender and self.sender.vouched))
        if self.known and not echo:
            return self.answers_this_hour < KNOWN_BUDGET
        if self.answers_today >= STRANGER_BUDGET:
            return False
        return self.known or self.strangers_this_hour < self.desk.strangers_per_hour


_RANK: dict[Priority, int] = {"low": 0, "medium": 1, "high": 2, "urgent": 3}
