"""A decided mail, and what is kept of it: the message, its author, the people and fields it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.decide import Facts, Verdict
from gateway.parse import Parsed
from gateway.studying import Studied
from store import people
from store.commands import Author, Command, Fields, NewFile, NewMessage, OldMail
from store.config import Config
from store.journal import JournalRow
from store.rules.desk import PRIORITIES, Priority
from store.rules.old_mail import find_numbers


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done about a mail, in order. `otherwise`: instead of all of it, when the store says why it cannot be."""

    commands: tuple[Command, ...] = ()
    otherwise: Callable[[str], tuple[Command, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A mail as read, with what was known of it and what was decided."""

    config: Config
    row: JournalRow
    studied: Studied
    facts: Facts
    verdict: Verdict

    @property
    def parsed(self) -> Parsed:
        return self.studied.parsed

    @property
    def ticket(self) -> int:
        """The ticket it goes to, of a verdict that names one."""
        assert self.verdict.ticket is not None
        return self.verdict.ticket

    @property
    def author(self) -> Author:
        """The identity of the mail; the envelope sender when From names nobody for certain (threats 45)."""
        if self.parsed.sender:
            return Author(self.parsed.sender.address, self.parsed.sender.name)
        return Author(self.row.sender if self.row.sender.count("@") == 1 else people.NOBODY)

    @property
    def others(self) -> tuple[Author, ...]:
        """The people the mail was also sent to (MV-15, HO-22); a desk is none of them (X-08).

        To counts only where an address of ours is in sight: else one of those in To is the alias by which the mail came to
        us, and copies to it would come back.
        """
        parsed, own = self.parsed, self.config.addresses.is_own
        visible = any(own(address.address) for address in (*parsed.to, *parsed.cc))
        named = dict[str, Author]()
        for address in (*(parsed.to if visible else ()), *parsed.cc):
            if not own(address.address):
                named.setdefault(address.address, Author(address.address, address.name))
        named.pop(self.author.email, None)
        return tuple(named.values())

    @property
    def old(self) -> OldMail | None:
        """What is kept with a message of an archive."""
        terms = self.facts.old
        if terms is None:
            return None
        return OldMail(terms.at, terms.closes, find_numbers(self.parsed.subject, terms.numbers))

    @property
    def written_to(self) -> tuple[Author, ...]:
        """Whom a mail of our own went to."""
        own = self.config.addresses.is_own
        named = {a.address: Author(a.address, a.name) for a in (*self.parsed.to, *self.parsed.cc) if not own(a.address)}
        return tuple(named.values()) or (Author(people.NOBODY),)

    @property
    def addressed(self) -> frozenset[str]:
        """Whoever has the mail already."""
        return frozenset(address.address for address in (*self.parsed.to, *self.parsed.cc))

    @property
    def fields(self) -> Fields:
        """What it says of the fields of a form (A-28)."""
        return tuple((name, value) for name, value in self.parsed.fields.told.items() if name != "priority")

    @property
    def alerts(self) -> tuple[str, ...]:
        """The on-call addresses of its mailboxes (EQ-63)."""
        return tuple(dict.fromkeys(address for box in self.facts.mailboxes for address in box.alerts))

    @property
    def priority(self) -> Priority:
        """The mailbox's; where the desk lets customers choose (HO-39), theirs: by a line of the text, else by a mark."""
        own = self.facts.mailbox.priority
        if not self.facts.desk.priority_field or own != "medium":
            return own
        said = next((p for p in PRIORITIES if p == self.parsed.fields.priority), None)
        if said:
            return said
        if self.parsed.importance:
            return "high" if self.parsed.importance == "high" else "low"
        return own

    def message(
        self, *, whole: bool = False, text: str | None = None, as_support: bool = False, auto: str | None = None
    ) -> NewMessage:  # fmt: skip
        """The message as it is kept.

        `whole`: the first of a ticket, where a forwarded history is the matter itself. `text`: its words without commands;
        `as_support`: these are our own words alone, and what is quoted below them is the notice to staff, which no customer
        may read.
        """
        parsed = self.parsed
        shown, hidden, html = parsed.text, "", parsed.html
        if as_support:
            hidden, html = parsed.text, None
        elif not whole and parsed.reply.strip():
            shown, hidden = parsed.reply, parsed.hidden
        if text is not None:
            shown = text
        if parsed.enclosed:
            hidden = f"{hidden}\n\n{parsed.enclosed}".strip("\n")
        return NewMessage(
            author=self.author,
            text=shown,
            hidden=hidden,
            html=html,
            files=self._files(),
            message_id=parsed.message_id,
            journal_id=self.row.id,
            auto=auto,
            dmarc=self.facts.dmarc,
            conversation=parsed.conversation,
            old=self.old,
        )

    def _files(self) -> tuple[NewFile, ...]:
        return tuple(
            NewFile(
                file.filename, file.content_type, file.size, file.sha256, file.inline, file.content_id,
                judgement.verdict, judgement.reason,
            )
            for file, judgement in zip(self.parsed.files, self.studied.judgements, strict=False)
        )  # fmt: skip
