"""What staff do with tickets besides answering. `by` is the agent; the caller has checked that they may."""

from __future__ import annotations

from dataclasses import dataclass

from store.commands.values import Author, NewMessage
from store.rules.desk import Priority


@dataclass(frozen=True, slots=True)
class AssignTicket:
    """Gives the ticket to an agent, who thereby takes it up (T2); `to` None: to nobody."""

    ticket: int
    by: Author
    to: Author | None


@dataclass(frozen=True, slots=True)
class SetPriority:
    """Raises or lowers the priority (T11)."""

    ticket: int
    by: Author
    priority: Priority


@dataclass(frozen=True, slots=True)
class MoveTicket:
    """To another department, or to another desk, where it gets a number of that desk; the old one follows it (T11)."""

    ticket: int
    by: Author
    department: str
    desk: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeCc:
    """Adds people to the CC list and takes others off it (HO-22)."""

    ticket: int
    by: Author
    add: tuple[Author, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MergeTicket:
    """Its messages go on with another ticket of the desk, it closes, and mail to its number follows (T14).

    `into` is a tag such as HO#12. `strangers_too`: although the tickets are of different customers, who from then on read
    each other's words.
    """

    ticket: int
    into: str
    by: Author
    strangers_too: bool = False


@dataclass(frozen=True, slots=True)
class SplitTicket:
    """Some of its messages become a ticket of their own, of the same requester unless another person wrote them all."""

    ticket: int
    by: Author
    messages: tuple[int, ...]
    subject: str


@dataclass(frozen=True, slots=True)
class LinkTickets:
    """The two know each other, for staff; `other` is a tag."""

    ticket: int
    other: str
    by: Author


@dataclass(frozen=True, slots=True)
class MarkSpam:
    """Out of the queues, closed, and nobody is told; mails on it stay where they are."""

    ticket: int
    by: Author


@dataclass(frozen=True, slots=True)
class UnmarkSpam:
    """It was none: back to the queue as a new ticket."""

    ticket: int
    by: Author


@dataclass(frozen=True, slots=True)
class BlockSender:
    """Mail of an address, or of a domain written as @example.com, is kept without a word to anybody from now on."""

    desk: str
    pattern: str
    by: Author


@dataclass(frozen=True, slots=True)
class UnblockSender:
    """Mail of the address or domain is ordinary again."""

    desk: str
    pattern: str
    by: Author


@dataclass(frozen=True, slots=True)
class ReleaseTicket:
    """A held ticket is an ordinary one; its requester is vouched for and gets the confirmation that waited (A-24)."""

    ticket: int
    by: Author


@dataclass(frozen=True, slots=True)
class AskOutsider:
    """Mails somebody outside about the ticket; what they answer is a note, and they see nothing else of it."""

    ticket: int
    message: NewMessage
    to: Author


@dataclass(frozen=True, slots=True)
class UndoLast:
    """Takes back the last care of the ticket that can be taken back, within ten minutes. Raises BadInput otherwise."""

    ticket: int
    by: Author
