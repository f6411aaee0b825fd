"""The life of a mail, from the journal to its ticket. Read `Filer.file_next` first; the rules are in `decide`.

    journal rows ─► study (child processes) ─► look up ─► decide ─► act ─► outcome     one transaction for many mails

One filer of the installation applies, by a lease; it takes mails in journal order. An error in a batch rolls it
back and takes its mails one by one, so that one mail never stops the others.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from gateway.decide import Facts, Verdict, decide
from gateway.explaining import signals
from gateway.lookup import content_key, look_up
from gateway.parse import Parsed
from gateway.studying import Students, Studied
from store import outcomes, people
from store.apply import Applied, apply
from store.clock import Clock, now
from store.commands import (
    Author,
    Command,
    CustomerReply,
    NewFile,
    NewMessage,
    OpenTicket,
    RaisePriority,
    RecordBounce,
    RecordTrace,
    SupportReply,
)
from store.config import Config
from store.database import Store
from store.errors import Temporary
from store.journal import JournalRow
from store.rules.desk import Files, Priority
from store.rules.tags import base_subject

BATCH = 50  # mails a transaction
POLL = 0.05  # seconds between looks into an empty journal
_PATIENCE = 3  # attempts after which a mail is not studied again, but filed with its raw bytes alone
_log = logging.getLogger("postern.filer")


class Stop(Protocol):
    """What tells a loop to end."""

    def is_set(self) -> bool: ...
    def wait(self, seconds: float, /) -> bool: ...


class Filer:
    """Files journalled mail; one per process."""

    def __init__(self, config: Config, store: Store, students: Students, clock: Clock = now) -> None:
        self._config = config
        self._store = store
        self._students = students
        self._clock = clock
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{id(self):x}"

    def run(self, stop: Stop) -> None:
        """Files until told to stop. A locked or full database is waited for."""
        while not stop.is_set():
            try:
                filed = self.file_next()
            except (Temporary, OSError) as error:
                _log.warning("filing waits: %s", error)
                stop.wait(1.0)
                continue
            if not filed:
                stop.wait(POLL)
        outcomes.release_lease(self._store, self._holder)

    def file_next(self) -> int:
        """Files the next mails of the journal; how many. Raises Temporary when the database or disk cannot take them."""
        rows = outcomes.unfiled(self._store, BATCH)
        if not rows or not outcomes.hold_lease(self._store, self._holder, self._clock()):
            return 0
        attempts = outcomes.count_attempts(self._store, rows, self._clock())
        exhausted = frozenset(id_ for id_, count in attempts.items() if count > _PATIENCE)
        rules = [desk.files if (desk := self._config.desks.get(row.desk)) else Files() for row in rows]
        studied = self._students.read(rows, rules, exhausted)
        try:
            self._file(rows, studied)
        except Temporary:
            raise
        except Exception:
            _log.exception("a batch of %d mails is taken one by one", len(rows))
            for row, one in zip(rows, studied, strict=True):
                self._file_alone(row, one, attempts[row.id])
        return len(rows)

    def _file(self, rows: Sequence[JournalRow], studied: Sequence[Studied]) -> None:
        with self._store.write() as connection:
            for row, one in zip(rows, studied, strict=True):
                self._file_one(connection, row, one, self._clock())
            outcomes.advance_cursor(connection, rows)

    def _file_alone(self, row: JournalRow, studied: Studied, attempts: int) -> None:
        try:
            self._file([row], [studied])
        except Temporary:
            raise
        except Exception as error:
            _log.exception("journal row %d cannot be filed", row.id)
            if attempts > _PATIENCE:
                with self._store.write() as connection:
                    verdict = Verdict("dead", f"our own fault: {type(error).__name__}", rule="error")
                    key = content_key(studied.parsed, row)
                    outcomes.settle(connection, row, verdict, studied.parsed.message_id, key, [], None, self._clock())
                    outcomes.advance_cursor(connection, [row])

    def _file_one(self, connection: Connection, row: JournalRow, studied: Studied, at: datetime) -> None:
        parsed = studied.parsed
        if row.desk not in self._config.desks:
            gone = Verdict("held", f"there is no desk {row.desk!r} any more", rule="no_desk")
            outcomes.settle(connection, row, gone, parsed.message_id, content_key(parsed, row), [], None, at)
            return
        facts = look_up(connection, self._config, row, parsed, at)
        verdict = decide(parsed, facts)
        applied = self._act(connection, row, studied, facts, verdict, at)
        ticket = applied.ticket if applied else None
        outcomes.settle(
            connection, row, verdict, parsed.message_id, content_key(parsed, row), signals(parsed, facts), ticket, at
        )  # fmt: skip

    def _act(
        self, connection: Connection, row: JournalRow, studied: Studied, facts: Facts, verdict: Verdict, at: datetime
    ) -> Applied | None:  # fmt: skip
        """Turns the verdict into a command; None when there is nothing to change but the outcome."""
        command = _command(self._config, row, studied, facts, verdict)
        return apply(connection, self._config, command, at) if command else None


def _command(config: Config, row: JournalRow, studied: Studied, facts: Facts, verdict: Verdict) -> Command | None:
    parsed = studied.parsed
    match verdict.outcome:
        case "new" | "held":
            return OpenTicket(
                desk=facts.desk.name,
                subject=base_subject(parsed.subject),
                message=_message(row, studied, whole=True),
                department=facts.mailbox.department,
                priority=_priority(parsed, facts),
                origin=f"mail:{facts.mailbox.address}",
                cc=_cc(config, parsed) if verdict.acknowledge else (),
                flags=verdict.flags,
                linked_to=verdict.linked_to,
                acknowledge=verdict.acknowledge,
                already=_addressed(parsed),
            )
        case "reply" if verdict.as_support:
            assert verdict.ticket is not None
            wait = facts.desk.staff_reply_default == "wait"
            return SupportReply(verdict.ticket, _message(row, studied), wait=wait, already=_addressed(parsed))
        case "reply":
            assert verdict.ticket is not None
            return CustomerReply(
                verdict.ticket, _message(row, studied), cc=_cc(config, parsed), priority=_priority(parsed, facts),
                already=_addressed(parsed), flags=verdict.flags, proved=verdict.proved,
            )  # fmt: skip
        case "auto" if verdict.ticket is not None:
            return RecordTrace(verdict.ticket, _message(row, studied, auto=parsed.auto or "auto-generated"))
        case "bounce" if facts.reported is not None:
            return _bounce(parsed, facts)
        case "duplicate" if verdict.ticket is not None and verdict.raise_to is not None:
            return RaisePriority(verdict.ticket, verdict.raise_to)
    return None


def _message(row: JournalRow, studied: Studied, whole: bool = False, auto: str | None = None) -> NewMessage:
    """The message as it is kept; `whole`: the first of a ticket, where a forwarded history is the matter itself."""
    parsed = studied.parsed
    split = not whole and bool(parsed.reply.strip())
    return NewMessage(
        author=_author(row, parsed),
        text=parsed.reply if split else parsed.text,
        hidden=parsed.hidden if split else "",
        html=parsed.html,
        files=tuple(
            NewFile(
                file.filename, file.content_type, file.size, file.sha256, file.inline, file.content_id,
                judgement.verdict, judgement.reason,
            )
            for file, judgement in zip(parsed.files, studied.judgements, strict=False)
        ),
        message_id=parsed.message_id,
        journal_id=row.id,
        auto=auto,
    )  # fmt: skip


def _author(row: JournalRow, parsed: Parsed) -> Author:
    """The identity of the mail; the envelope sender when From names nobody for certain (threats 45)."""
    if parsed.sender:
        return Author(parsed.sender.address, parsed.sender.name)
    return Author(row.sender if row.sender.count("@") == 1 else people.NOBODY)


def _cc(config: Config, parsed: Parsed) -> tuple[Author, ...]:
    """The people a participant's mail is copied to (MV-15, HO-22); a desk is none of them (X-08).

    To is left out: there stands the alias by which the mail came to us, and copies to it would come back.
    """
    others = [address for address in parsed.cc if not config.addresses.is_own(address.address)]
    return tuple(Author(a.address, a.name) for a in dict.fromkeys(others) if a != parsed.sender)


def _addressed(parsed: Parsed) -> frozenset[str]:
    return frozenset(address.address for address in (*parsed.to, *parsed.cc))


def _priority(parsed: Parsed, facts: Facts) -> Priority:
    """The mailbox's priority, raised or lowered by the sender's mark where the desk lets customers choose (HO-39)."""
    if facts.desk.priority_field and facts.mailbox.priority == "medium" and parsed.importance:
        return "high" if parsed.importance == "high" else "low"
    return facts.mailbox.priority


def _bounce(parsed: Parsed, facts: Facts) -> RecordBounce:
    assert facts.reported is not None
    told = parsed.bounce.recipients[0] if parsed.bounce and parsed.bounce.recipients else None
    permanent = bool(told.permanent) if told else False
    words = " ".join(
        filter(None, [told.status if told else None, "delivery failed" if permanent else "delivery delayed"])
    )
    event, person = (facts.reported.event, facts.reported.person) if facts.reported.proved else (None, None)
    return RecordBounce(facts.reported.ticket, event, person, facts.reported.recipient, permanent, words)
