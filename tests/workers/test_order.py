"""Each mail once, in order, by one worker alone, and about what it was promised for (threats 79 to 81, 85)."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import delete, event, func, select
from sqlalchemy.engine import Engine

from store import clock, outbox
from store.apply import apply
from store.clock import now
from store.commands import Author, NewMessage, OpenTicket
from store.schema import Cc, Message, Outbox
from tests import one_row
from tests.fakes import Clock, FakeRelay, until
from tests.harness import Gateway
from tests.workers.bench import Bench, copies, run
from workers.compose import Mail
from workers.relay import open_relay
from workers.worker import Keeper

MAILBOX = "support@hosting.desk.test"

# --- one transaction, one window ---


@pytest.mark.threat(79)
def test_a_change_that_is_rolled_back_promises_nothing(any_gateway: Gateway) -> None:
    message = NewMessage(Author("p@customer.test"), "Hello", message_id="m@customer.test")
    command = OpenTicket("hosting", "Printer", message, "Support", "medium", "mail:support@desk.test")
    with pytest.raises(ZeroDivisionError), any_gateway.store.write() as connection:
        apply(connection, any_gateway.config, command, now())
        assert connection.execute(select(func.count()).select_from(Outbox)).scalar_one() == 2
        _ = 1 / 0
    assert (any_gateway.outbox(), any_gateway.tickets()) == ([], [])


@pytest.mark.threat(80)
def test_between_the_relays_yes_and_the_commit_a_thread_does_nothing_but_that_update(bench: Bench) -> None:
    """The threads that wait at the same time have theirs written in one transaction, by one of them."""
    bench.open_tickets(40)
    done: dict[int, list[str]] = defaultdict(list)
    left_open: list[str] = []

    class Noting:
        """The real relay, with a note of when it said yes, and of what its thread had still to write down by then."""

        inner = open_relay(bench.config)
        said: ClassVar[dict[int, str]] = {}

        def send(self, mail: Mail) -> str:
            me = threading.get_ident()
            if before := self.said.pop(me, None):
                state = {row.recipient: row.state for row in bench.rows()}[before]
                left_open.extend([before] if state != "accepted" else [])
            reply = self.inner.send(mail)
            self.said[me] = mail.recipient
            done[me].append("250")
            return reply

        def close(self) -> None:
            self.inner.close()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        done[threading.get_ident()].append(" ".join(statement.split()[:2]))

    def note_commit(_connection: Any) -> None:
        done[threading.get_ident()].append("COMMIT")

    event.listen(Engine, "before_cursor_execute", note)
    event.listen(Engine, "commit", note_commit)
    try:
        with bench.worker(relay=Noting()):
            bench.settled()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        event.remove(Engine, "commit", note_commit)
    assert left_open == []
    said = [
        steps[place + 1 : place + 4] for steps in done.values() for place, step in enumerate(steps) if step == "250"
    ]
    assert len(said) == 40
    wrote = [after for after in said if after[:1] == ["BEGIN IMMEDIATE"] and after[1:2] == ["UPDATE outbox"]]
    assert wrote and all(after == ["BEGIN IMMEDIATE", "UPDATE outbox", "COMMIT"] for after in wrote)


# --- many workers ---


@pytest.mark.slow
@pytest.mark.threat(81)
def test_eight_workers_send_each_row_once(bench: Bench, fake: FakeRelay) -> None:
    bench.open_tickets(120)
    with ExitStack() as workers:
        for _ in range(8):
            workers.enter_context(bench.worker(threads=1))
        rows = bench.settled(seconds=60)
    assert len(fake.mails) == len(copies(fake)) == 120
    assert {row.attempts for row in rows} == {1}


@pytest.mark.threat(81)
@pytest.mark.parametrize(
    "rows_due", [pytest.param(200, marks=pytest.mark.slow), pytest.param(2000, marks=pytest.mark.long)]
)
def test_eight_worker_processes_send_thousands_of_rows_once(bench: Bench, fake: FakeRelay, rows_due: int) -> None:
    bench.open_tickets(rows_due)
    with ExitStack() as workers:
        for _ in range(8):
            workers.enter_context(bench.process())
        rows = bench.settled(seconds=300)
    assert len(fake.mails) == len(copies(fake)) == rows_due
    assert {row.attempts for row in rows} == {1}


@pytest.mark.threat(81)
def test_a_send_that_outlasts_its_lease_keeps_its_row(bench: Bench, fake: FakeRelay) -> None:
    clock = Clock()
    bench.open_tickets(now=clock)
    fake.script("dot", "hang")
    with bench.worker(now=clock) as worker:
        fake.wait(1)
        keeper = Keeper(bench.store, worker.delivery, bench.rows()[0].claimed_by, clock)
        began = clock()
        while clock() - began < 3 * outbox.LEASE:
            clock.advance(seconds=4.5)
            keeper.round()
            assert outbox.sweep(bench.store, clock()) == 0
        assert bench.states() == ["claimed"]
        worker.stop(patience=0)
    assert len(fake.mails) == 1


# --- order ---


@pytest.mark.threat(85)
def test_a_row_behind_an_open_one_is_not_to_be_had(any_gateway: Gateway) -> None:
    store = any_gateway.store
    tag = any_gateway.receive(b"From: p@customer.test\r\nMessage-ID: <m@customer.test>\r\n\r\nHello\r\n", MAILBOX)[
        "ticket"
    ]
    any_gateway.support_replies(tag, "first")
    any_gateway.support_replies(tag, "second")
    with store.read() as connection:
        mine = select(Outbox.c.id).where(Outbox.c.recipient == "p@customer.test").order_by(Outbox.c.id)
        ids = list(connection.execute(mine).scalars())
    assert len(ids) == 3
    for place, id_ in enumerate(ids):
        assert all(one_row.claim(store, later, "me", now()) is None for later in ids[place + 1 :])
        assert one_row.claim(store, id_, "me", now()) is not None
        assert all(one_row.claim(store, later, "me", now()) is None for later in ids[place + 1 :])
        one_row.defer(store, id_, "me", "451 later", now() - timedelta(seconds=1), now())
        assert all(one_row.claim(store, later, "me", now()) is None for later in ids[place + 1 :])
        assert one_row.claim(store, id_, "me", now()) is not None
        assert one_row.accept(store, id_, "me", "250", now())


class Moody(FakeRelay):
    """Wants a third of the mails later."""

    chance = random.Random(7)

    def answer(self, stage: str, recipients: tuple[str, ...] = ()) -> str | None:
        if stage == "dot" and self.chance.random() < 0.33:
            return "451 4.7.1 not now"
        return super().answer(stage, recipients)


@pytest.mark.threat(81)
@pytest.mark.threat(85)
def test_mails_to_one_person_about_one_ticket_arrive_in_order(tmp_path: Path) -> None:
    with Moody() as relay:
        bench = Bench(tmp_path / "site", relay.url())
        hour = {"more": timedelta()}

        def later() -> Any:
            return clock.now() + hour["more"]

        tickets = bench.open_tickets(5)
        for number in range(5):
            for ticket in tickets:
                bench.answer(ticket, f"Answer {number}")
        with ExitStack() as running:
            workers = [running.enter_context(bench.worker(threads=1, now=later)) for _ in range(8)]
            chance = random.Random(8)

            def settled() -> bool:
                for worker in workers:  # hints that are old, or wrong
                    worker.delivery.deliver([chance.randint(1, 30)])
                if not any(worker.delivery.in_hand for worker in workers):
                    hour["more"] += timedelta(minutes=30)
                return set(bench.states()) == {"accepted"}

            until(settled, 60, lambda: str(bench.states()))
        ids = {f"<{row.header_id}>": row.id for row in bench.rows()}
        arrived: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for mail in relay.mails:
            arrived[mail.recipients].append(ids[mail.message_id])
    assert len(arrived) == 5
    for sequence in arrived.values():
        assert len(sequence) == 6
        assert sequence == sorted(sequence)


# --- stale ---


@pytest.mark.threat(85)
def test_who_left_the_ticket_while_the_relay_was_down_is_not_told(bench: Bench, fake: FakeRelay) -> None:
    clock = Clock()
    message = NewMessage(Author("anna@customer.test"), "Hello", message_id="m@customer.test")
    people = tuple(Author(f"{name}@customer.test") for name in ("stays", "leaves"))
    command = OpenTicket("hosting", "Printer", message, "Support", "medium", "mail:support@desk.test", cc=people)
    with bench.store.write() as connection:
        ticket = apply(connection, bench.config, command, clock()).ticket
    assert ticket is not None
    with bench.worker(now=clock):
        before = len(bench.settled())
        fake.stop()
        bench.answer(ticket, "The password is swordfish.", clock)
        until(lambda: set(bench.states()) == {"accepted", "deferred"})
        with bench.store.write() as connection:
            leaver = select(Outbox.c.person_id).where(Outbox.c.recipient == "leaves@customer.test").scalar_subquery()
            connection.execute(delete(Cc).where(Cc.c.ticket_id == ticket, Cc.c.person_id == leaver))
        fake.start()
        clock.advance(minutes=2)
        rows = bench.settled("accepted", "suppressed")[before:]
    assert {row.recipient: (row.state, row.reply) for row in rows if row.state == "suppressed"} == {
        "leaves@customer.test": ("suppressed", "recipient no longer on the ticket")
    }
    told = {mail.recipients[0] for mail in fake.mails if b"swordfish" in mail.content}
    assert told == {"anna@customer.test", "stays@customer.test"}


@pytest.mark.threat(85)
def test_a_late_mail_has_the_words_it_was_promised_for(bench: Bench, fake: FakeRelay) -> None:
    clock = Clock()
    (ticket,) = bench.open_tickets(now=clock)
    with bench.worker(now=clock):
        bench.settled()
        fake.stop()
        bench.answer(ticket, "Restart it, please.", clock)
        until(lambda: bench.states() == ["accepted", "deferred"])
        bench.answer(ticket, "Better do not.", clock)
        fake.start()
        clock.advance(minutes=2)
        bench.settled()
    _, first, second = fake.mails
    assert b"Restart it" in first.content
    assert b"Better do not" not in first.content
    assert b"Better do not" in second.content


# --- ends ---


@pytest.mark.slow
@pytest.mark.threat(84)
def test_a_few_terminations_at_any_moment_cost_nothing(bench: Bench, fake: FakeRelay) -> None:
    storm(bench, fake, 4)


@pytest.mark.threat(84)
@pytest.mark.parametrize(
    "rounds", [pytest.param(15, marks=pytest.mark.slow), pytest.param(200, marks=pytest.mark.long)]
)
def test_many_terminations_at_any_moment_cost_nothing(bench: Bench, fake: FakeRelay, rounds: int) -> None:
    storm(bench, fake, rounds)


def storm(bench: Bench, fake: FakeRelay, rounds: int) -> None:
    """SIGTERM at a random moment, again and again: each worker ends well, soon, and with nothing in hand."""
    chance = random.Random(84)
    for number in range(rounds):
        with bench.store.write() as connection:
            for place in range(6):
                bench._open(connection, 6 * number + place, clock.now)
        with bench.forked(run) as worker:
            wanted = len(fake.mails) + chance.randint(1, 5)
            until(lambda wanted=wanted: len(fake.mails) >= wanted, 30)  # type: ignore[misc]
            time.sleep(chance.random() * 0.03)
            worker.terminate()
            began = time.monotonic()
            worker.join(30)
            assert worker.exitcode == 0, number
            assert time.monotonic() - began < 30
        assert set(bench.states()) <= {"accepted", "due"}, number
    with bench.worker():
        bench.settled()
    assert len(fake.mails) == len(copies(fake)) == 6 * rounds
    with bench.store.read() as connection:
        assert connection.execute(select(func.count()).select_from(Message)).scalar_one() == 6 * rounds
