"""Past mail decided anew, to see what other rules would have made of it; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from gateway.decide import decide
from gateway.lookup import look_up
from gateway.parse import Parsed
from gateway.parse.authentication import Proof
from gateway.proof.believing import proof_of
from gateway.proof.checking import Origin
from gateway.studying import Asking, Students, Studied, read_within_limits
from store import journal, ledgers
from store.blobs import Blobs
from store.config import Config
from store.database import Store
from store.journal import JournalRow
from store.rules.addressing import Place
from store.rules.desk import Files

_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class End:
    """What becomes of a mail, as far as two decisions may differ. `ticket`: its tag; None for a new one, or for none."""

    outcome: str
    rule: str
    reason: str
    desk: str
    ticket: str | None = None
    claims: str | None = None
    answer: str | None = None
    flags: tuple[str, ...] = ()
    department: str = ""
    priority: str = ""

    def differs(self, other: End) -> bool:
        """Whether they mean different things; the words of the reason are none."""
        return replace(self, reason="") != replace(other, reason="")


@dataclass(frozen=True, slots=True)
class Difference:
    """A past mail that would now end differently."""

    id: int
    at: datetime
    sender: str
    message_id: str | None
    before: End
    after: End


class _Readers(Students):
    """Children that read and store nothing."""

    @staticmethod
    def read(
        raw: bytes, rules: Files, folder: Path, origin: Origin | None = None, asking: Asking | None = None
    ) -> Studied:
        del folder, origin, asking
        return read_within_limits(raw, rules)


def replay(own: Config, other: Config, store: Store, since: datetime) -> Iterator[Difference | None]:
    """For each journalled mail since then, oldest first, how it would end under the other rules; None: as before.

    Both ends are decided now, from what the store knew when the mail came: tickets, answers and earlier mails of that
    time, people and organisations of today. What SPF, DKIM and DMARC said then is believed.
    """
    rules = other.judging_for(own)
    with closing(_Readers(Blobs(own.data), 2)) as readers:
        after = journal.last_before(store, since)
        while rows := journal.rows_after(store, after, _AT_ONCE):
            readings = [readers.begin(row, Files(), hopeless=row.missing) for row in rows]
            while not all(reading.done for reading in readings):
                next(reading.future for reading in readings if not reading.done).exception(timeout=60)
            told = ledgers.signals(store, [row.id for row in rows])
            with store.read() as connection:
                for row, reading in zip(rows, readings, strict=True):
                    yield _compare(connection, own, rules, row, reading.result().parsed, told.get(row.id, {}))
            after = rows[-1].id


def _compare(
    connection: Connection, own: Config, other: Config, row: JournalRow, parsed: Parsed, told: Mapping[str, Any]
) -> Difference | None:  # fmt: skip
    computed = (
        Proof("computed", told.get("spf"), told.get("dkim"), told.get("dmarc"))
        if told.get("checked by") == "computed"
        else None
    )
    before = _end(connection, own, row, parsed, computed)
    after = _end(connection, other, row, parsed, computed)
    if not before.differs(after):
        return None
    return Difference(row.id, row.at, row.sender, parsed.message_id, before, after)


def _end(connection: Connection, config: Config, row: JournalRow, parsed: Parsed, computed: Proof | None) -> End:
    desk = _desk(config, row)
    if desk is None:
        return End("refused", "door", "no such mailbox", row.desk)
    routed = replace(row, desk=desk)
    proof = proof_of(config.settings.auth, row, parsed, computed)
    facts = look_up(connection, config, routed, parsed, row.at, proof, rows_before=row.id)
    verdict = decide(parsed, facts)
    tickets = {one.ticket.id: f"{config.desks[one.ticket.desk].key}#{one.ticket.number}" for one in facts.evidence}
    opens = verdict.outcome in ("new", "held")
    return End(
        verdict.outcome, verdict.rule, verdict.reason, desk, _named(tickets, None if opens else verdict.ticket),
        _named(tickets, verdict.linked_to), verdict.answer, verdict.flags,
        facts.mailbox.department if opens else "", facts.mailbox.priority if opens else "",
    )  # fmt: skip


def _named(tickets: Mapping[int, str], ticket: int | None) -> str | None:
    return tickets.get(ticket, str(ticket)) if ticket is not None else None


def _desk(config: Config, row: JournalRow) -> str | None:
    """The desk that the recipients of the row lead to: its own, if that still has one of these mailboxes."""
    places = [place for place in map(config.addresses.locate, row.recipients) if isinstance(place, Place)]
    desks = [place.desk for place in places]
    return row.desk if row.desk in desks else next(iter(desks), None)
