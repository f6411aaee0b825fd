"""What is said on a ticket, and what the talk does to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from store.commands.values import Answer, Author, Fields, NewLink, NewMessage
from store.rules.desk import Priority


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """A new ticket with its first message (T1).

    `answer`: what its sender is told; None: nobody outside the staff is told. `missing`: fields the desk needs and the
    mail lacks, so that it waits for the customer (T16). `alerts`: addresses that hear of it at once, whatever the
    department (EQ-63). `cited`: Message-IDs it answers that nobody here has seen. `misused_by`: the person whose signed
    address of the ticket it claims, or of the renewal `alert` it answers, was used by its sender; they are told once.
    `also_to`: other mailboxes it came to.
    `join_organization`: the author has proved an address of an organisation's domain. `spam`: closed at once, and nobody
    is told. `by`: the agent who opens it for the author. `written_to`: the message is support's own, of an archive, and
    this is whom it went to and so the ticket is of. `assets`: those it is about. `wished`: what was asked for each of
    them and what became of it, for the answer; with `settled` that is all there was, so it is closed and nobody else told.
    """

    desk: str
    subject: str
    message: NewMessage
    department: str
    priority: Priority
    origin: str
    cc: tuple[Author, ...] = ()
    flags: tuple[str, ...] = ()
    links: tuple[NewLink, ...] = ()
    answer: Answer | None = "confirmation"
    already: frozenset[str] = frozenset()
    fields: Fields = ()
    missing: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    cited: tuple[str, ...] = ()
    misused_by: int | None = None
    alert: int | None = None
    also_to: tuple[str, ...] = ()
    join_organization: bool = False
    spam: bool = False
    by: Author | None = None
    written_to: Author | None = None
    assets: tuple[int, ...] = ()
    wished: tuple[dict[str, Any], ...] = ()
    settled: bool = False


@dataclass(frozen=True, slots=True)
class CustomerReply:
    """The customer's side writes on a ticket (T5, T8). `proved`: by an address only this person was given.

    `cc_left_out`: whom the mail was copied to, but who do not join the ticket by it (threats 42). `quiet`: staff alone are
    told. `acknowledge` False: its author has had enough automatic answers. `joins`: the author becomes one of the people
    on CC. `close`: their words end it (T6, T9). `alerts` hear of it when it raises the priority. `uses`: the event
    whose link to upload files it uses up. `assets` are those it names, which a ticket about none yet is about from then on.
    """

    ticket: int
    message: NewMessage
    cc: tuple[Author, ...] = ()
    cc_left_out: tuple[str, ...] = ()
    priority: Priority = "low"
    already: frozenset[str] = frozenset()
    flags: tuple[str, ...] = ()
    proved: bool = False
    fields: Fields = ()
    cited: tuple[str, ...] = ()
    acknowledge: bool = True
    quiet: bool = False
    joins: bool = False
    close: bool = False
    alerts: tuple[str, ...] = ()
    uses: int | None = None
    assets: tuple[int, ...] = ()


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
    """An internal note; no customer ever sees it (T11). `unsent`: meant for the customer, and the author is told it is not.

    `outsider`: written by somebody whom support had asked; who asked is told, and whose the ticket is.
    """

    ticket: int
    message: NewMessage
    unsent: bool = False
    outsider: bool = False
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
    """The same mail arrived by a more urgent mailbox; never lowers. `mailbox` is remembered beside the origin,
    `alerts` hear of it at once when it is raised.
    """

    ticket: int
    priority: Priority
    mailbox: str = ""
    alerts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Redirect:
    """A desk takes such mail on its portal alone: no ticket, and its author is told so; the journal keeps it (EQ-66).

    `mailbox` is the one they wrote to, `answered` the text of their mail, by which a machine's repetition is known
    (threats 38).
    """

    desk: str
    author: Author
    mailbox: str
    subject: str
    message_id: str | None
    answered: str
