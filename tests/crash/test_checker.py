"""The checker sees every kind of damage; one that is never heard to complain proves nothing."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.crash import checker
from tests.crash.client import Nursery
from tests.crash.driver import Round
from tests.crash.plans import Plan
from tests.crash.records import Allowance, Relayed, Sent


@dataclass
class Evidence:
    """A settled gateway, whose processes are dead, with what both outsides remember."""

    data: Path
    sent: list[Sent]
    relayed: list[Relayed]

    def verdict(self, allowed: Allowance = Allowance()) -> list[str]:
        return checker.check(self.data, self.sent, self.relayed, allowed)

    def change(self, query: str, file: str = "postern.db") -> None:
        with closing(sqlite3.connect(self.data / file)) as connection, connection:
            assert connection.execute(query).rowcount != 0, query


@pytest.fixture(scope="module")
def settled() -> Iterator[Evidence]:
    """After a conversation of three mails, a large one and one to two desks, which nothing disturbed."""
    plan = Plan(0, 0, "undisturbed", depth=3, extras=("large", "two_desks", "bounce"))

    async def play(nursery: Nursery) -> Evidence:
        await nursery.attach()
        played = Round(plan, nursery, keep=True)
        result = await played.play()
        nursery.detach()
        assert not result.violations, result.told
        sent, relayed, allowed = played.evidence
        assert allowed == Allowance()
        return Evidence(played.folder / "var", sent, relayed)

    with Nursery() as nursery:
        yield asyncio.run(play(nursery))


@pytest.fixture
def evidence(settled: Evidence, tmp_path: Path) -> Evidence:
    """A copy that a test may damage."""
    shutil.copytree(settled.data, tmp_path / "var")
    return Evidence(tmp_path / "var", list(settled.sent), list(settled.relayed))


def test_nothing_is_said_of_a_sound_gateway(evidence: Evidence) -> None:
    assert evidence.verdict() == []


ROWS = {
    "a mail lost from the journal": ("INV-1", "DELETE FROM journal WHERE id = 1", "journal.db"),
    "another mail's bytes": ("INV-2", "UPDATE received SET raw = X'00' WHERE blob IS NULL", "journal.db"),
    "a message lost": ("INV-1", "DELETE FROM message WHERE id = 2", "postern.db"),
    "a message twice": (
        "INV-1",
        "INSERT INTO message (id, ticket_id, journal_id, side, note, from_address, from_name, text, hidden, channel, message_id, at)"
        " SELECT id + 90, ticket_id, journal_id, side, note, from_address, from_name, text, hidden, channel, message_id, at"
        " FROM message WHERE id = 1",
        "postern.db",
    ),
    "a mail taken for another's copy": ("INV-1", "UPDATE outcome SET outcome = 'duplicate' WHERE journal_id = 1", "postern.db"),
    "a reply on a ticket of its own": ("INV-1", "UPDATE outcome SET outcome = 'new' WHERE outcome = 'reply'", "postern.db"),
    "a reply on another ticket": ("INV-2", "UPDATE outcome SET ticket_id = (SELECT id FROM ticket WHERE id != outcome.ticket_id) WHERE outcome = 'reply'", "postern.db"),
    "a promise lost": ("INV-2", "DELETE FROM outbox WHERE id = 1", "postern.db"),
    "a promise to somebody else": ("INV-3", "UPDATE outbox SET recipient = 'eve@else.test' WHERE id = 1", "postern.db"),
    "an attachment lost": ("INV-2", "DELETE FROM attachment WHERE verdict = 'accepted'", "postern.db"),
    "a mail left claimed": ("INV-5", "UPDATE outbox SET state = 'claimed' WHERE id = 1", "postern.db"),
    "a mail given up": ("INV-3", "UPDATE outbox SET state = 'failed' WHERE id = 1", "postern.db"),
    "a mail not filed": ("INV-5", "UPDATE outcome SET outcome = NULL WHERE journal_id = 1", "postern.db"),
    "a dead letter": ("INV-5", "UPDATE outcome SET outcome = 'dead' WHERE journal_id = 1", "postern.db"),
    "a number given again": ("INV-6", "UPDATE ticket_number SET next = next - 1", "postern.db"),
    "a row that refers to nothing": ("INV-6", "UPDATE message SET ticket_id = 999 WHERE id = 1", "postern.db"),
    "a report recorded twice": (
        "INV-2",
        "INSERT INTO event (ticket_id, kind, at) SELECT ticket_id, kind, at FROM event WHERE kind = 'delivery_failed'",
        "postern.db",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", ROWS)
def test_damage_to_the_rows_is_seen(evidence: Evidence, damage: str) -> None:
    invariant, query, file = ROWS[damage]
    evidence.change(query, file)
    assert invariant in {violation[:5] for violation in evidence.verdict()}


def lose_a_blob(evidence: Evidence) -> None:
    next((evidence.data / "blobs").glob("??/*")).unlink()


def garble_a_blob(evidence: Evidence) -> None:
    next((evidence.data / "blobs").glob("??/*")).write_bytes(b"else")


def leave_a_draft(evidence: Evidence) -> None:
    (next((evidence.data / "blobs").glob("??")) / ".new-abc").touch()


def lose_a_mail_at_the_relay(evidence: Evidence) -> None:
    del evidence.relayed[0]


def send_a_mail_twice(evidence: Evidence) -> None:
    evidence.relayed.append(evidence.relayed[0])


def send_another_date(evidence: Evidence) -> None:
    first = evidence.relayed[0]
    evidence.relayed.append(replace(first, taken=False, content=first.content.replace(b"Date: ", b"Date:  ")))


def send_to_somebody_else(evidence: Evidence) -> None:
    evidence.relayed[0] = replace(evidence.relayed[0], recipient="eve@else.test")


def turn_the_order_round(evidence: Evidence) -> None:
    evidence.relayed.reverse()


def refuse_a_mail_for_good(evidence: Evidence) -> None:
    evidence.sent[0] = replace(evidence.sent[0], refused="550 no")


@pytest.mark.parametrize(
    ("damage", "invariant"),
    [
        (lose_a_blob, "INV-2"),
        (garble_a_blob, "INV-2"),
        (leave_a_draft, "FILES"),
        (lose_a_mail_at_the_relay, "INV-3"),
        (send_a_mail_twice, "INV-4"),
        (send_another_date, "INV-4"),
        (send_to_somebody_else, "INV-3"),
        (turn_the_order_round, "INV-3"),
        (refuse_a_mail_for_good, "INV-1"),
    ],
)
def test_damage_outside_the_rows_is_seen(
    evidence: Evidence, damage: Callable[[Evidence], None], invariant: str
) -> None:
    damage(evidence)
    assert invariant in {violation[:5] for violation in evidence.verdict()}


def test_only_what_a_kill_explains_is_excused(evidence: Evidence) -> None:
    leave_a_draft(evidence)
    send_a_mail_twice(evidence)
    assert evidence.verdict(Allowance(copies=1, drafts=True)) == []
