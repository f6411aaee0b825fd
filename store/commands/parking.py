"""Requests by mail that are not carried out at once: for want of proof, or because they cannot be."""

from __future__ import annotations

from dataclasses import dataclass

from store.commands.assets import AskForAssets
from store.commands.care import AssignTicket, ChangeCc, MergeTicket, MoveTicket, SetPriority
from store.commands.conversation import AddNote, CloseTicket, CustomerReply, OpenTicket, SupportReply
from store.commands.values import Author

Act = (
    AddNote | AskForAssets | AssignTicket | ChangeCc | CloseTicket | CustomerReply | MergeTicket | MoveTicket | SetPriority
    | SupportReply
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ParkRequest:
    """Waits for the word of the person in whose name it was sent, who is asked at the address on file (threats 40).

    `ticket`: where they are asked, opened for it when it is none yet; then what is asked is done on it. `asked` are the acts
    in order. `journal_id` is the mail that asked; words of it that are kept on a held ticket go there with it when it is done.
    """

    ticket: int | OpenTicket
    person: Author
    asked: tuple[Act, ...]
    journal_id: int | None = None


@dataclass(frozen=True, slots=True)
class DoParked:
    """The person has given their word: it is done now, and only once."""

    parked: int
    by: Author


@dataclass(frozen=True, slots=True)
class RefuseRequest:
    """A command that cannot be done: its sender is told why, and what `can` be. Nothing else happens."""

    ticket: int
    to: Author
    problems: tuple[str, ...]
    by_staff: bool
    can: tuple[str, ...] = ()
