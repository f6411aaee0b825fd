"""The worker end to end: real rows in real SQLite, a real SMTP server, a clock that moves when told."""

from __future__ import annotations

import signal
import time
from datetime import timedelta

import pytest
from sqlalchemy import update

from store import outbox
from store.clock import now
from store.holder import Holder
from store.schema import Outbox
from tests import one_row
from tests.fakes import DROP, HANG, Clock, FakeRelay, until
from tests.workers.bench import Bench, copies
from workers.retry import UNFINISHED
from workers.worker import Keeper


@pytest.mark.req("BR-04")
def test_every_row_is_sent_once_with_its_own_message_id(bench: Bench, fake: FakeRelay) -> None:
    bench.open_tickets(40)
    with bench.worker():
        rows = bench.settled()
    assert sorted(mail.recipients[0] for mail in fake.mails) == sorted(row.recipient for row in rows)
    assert {mail.message_id for mail in fake.mails} == {f"<{row.header_id}>" for row in rows}
    assert {(row.attempts, row.reply) for row in rows} == {(1, "250 2.0.0 taken")}


@pytest.mark.req("IN-23")
def test_a_reply_reaches_the_customer_within_seconds(bench: Bench, fake: FakeRelay) -> None:
    (ticket,) = bench.open_tickets()
    with bench.worker():
        fake.wait(1)
        bench.answer(ticket, "We have looked into it.")
        said = time.monotonic()
        mail = fake.wait(2)[1]
        assert time.monotonic() - said < 5
    assert mail.recipients == ("p0@customer.test",)


@pytest.mark.req("IN-23")
@pytest.mark.req("BR-04")
def test_a_reply_written_while_the_relay_is_down_arrives_once_when_it_is_back(bench: Bench, fake: FakeRelay) -> None:
    clock = Clock()
    (ticket,) = bench.open_tickets(now=clock)
    with bench.worker(now=clock):
        fake.wait(1)
        bench.settled()
        fake.stop()
        bench.answer(ticket, "We have looked into it.", clock)
        (_, row) = bench.settled("accepted", "deferred")
        assert "cannot be reached" in row.reply
        fake.start()
        clock.advance(seconds=15)
        bench.settled()
    assert [len(same) for same in copies(fake).values()] == [1, 1]
    assert len(fake.mails) == 2


@pytest.mark.threat(73)
@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "dot"])
def test_4xx_once_at_any_stage_waits_and_ends_in_one_copy(bench: Bench, fake: FakeRelay, stage: str) -> None:
    clock = Clock()
    bench.open_tickets(now=clock)
    fake.script(stage, "451 4.7.1 greylisted")
    with bench.worker(now=clock):
        (row,) = bench.settled("deferred")
        assert (row.reply, row.attempts) == ("451 4.7.1 greylisted", 1)
        assert 54 <= (row.next_at - clock()).total_seconds() <= 66
        clock.advance(seconds=70)
        bench.settled()
    (mail,) = fake.mails
    assert mail.message_id == f"<{row.header_id}>"


@pytest.mark.threat(74)
def test_5xx_fails_at_once_with_the_relays_words_and_concerns_nobody_else(bench: Bench, fake: FakeRelay) -> None:
    bench.open_tickets(3)
    fake.script("RCPT", "550 5.1.1 no such user", to="p1@customer.test")
    with bench.worker():
        rows = bench.settled("accepted", "failed")
    assert [row.state for row in rows] == ["accepted", "failed", "accepted"]
    assert (rows[1].reply, rows[1].attempts) == ("550 5.1.1 no such user", 1)


@pytest.mark.threat(75)
@pytest.mark.threat(80)
def test_a_second_copy_after_silence_has_equal_bytes(bench: Bench, fake: FakeRelay) -> None:
    clock = Clock()
    bench.open_tickets(now=clock)
    fake.script("dot", DROP)
    with bench.worker(now=clock):
        (row,) = bench.settled("deferred")
        assert "did not say whether it took the mail" in row.reply
        clock.advance(hours=3)
        bench.settled()
    assert len(fake.mails) == 2
    assert [len(same) for same in copies(fake).values()] == [1]


@pytest.mark.threat(85)
def test_a_deferred_mail_holds_back_later_ones_to_the_same_person(bench: Bench, fake: FakeRelay) -> None:
    clock = Clock()
    (ticket,) = bench.open_tickets(now=clock)
    fake.script("RCPT", "450 4.2.1 busy")
    with bench.worker(now=clock):
        bench.settled("deferred")
        bench.answer(ticket, "second", clock)
        time.sleep(0.5)
        assert bench.states() == ["deferred", "due"]
        clock.advance(seconds=70)
        rows = bench.settled()
    assert [mail.message_id for mail in fake.mails] == [f"<{row.header_id}>" for row in rows]


@pytest.mark.threat(73)
def test_a_relay_that_never_answers_is_given_up_after_days(bench: Bench, fake: FakeRelay) -> None:
    clock = Clock()
    bench.open_tickets(now=clock)
    fake.script("RCPT", "450 4.2.1 busy", times=1000)
    with bench.store.write() as connection:
        connection.execute(update(Outbox).values(attempts=31, reply="450 4.2.1 busy"))
    with bench.worker(now=clock):
        for attempts in (32, 33):
            until(lambda wanted=attempts: bench.rows()[0].attempts == wanted and bench.states() == ["deferred"])  # type: ignore[misc]
            clock.advance(hours=4.5)
        (row,) = bench.settled("failed")
    assert row.reply == "given up after 34 attempts: 450 4.2.1 busy"


@pytest.mark.threat(81)
def test_two_workers_send_each_row_once(bench: Bench, fake: FakeRelay) -> None:
    bench.open_tickets(50)
    with bench.worker(), bench.worker():
        rows = bench.settled()
    assert len(fake.mails) == 50
    assert {row.attempts for row in rows} == {1}
    assert len({row.claimed_by for row in rows}) == 2


def test_a_speed_limit_holds(bench: Bench, fake: FakeRelay) -> None:
    bench.configure(fake.url(), per_second=20)
    bench.open_tickets(20)
    began = time.monotonic()
    with bench.worker():
        bench.settled()
    assert time.monotonic() - began > 0.95


# --- mistakes of our own ---


@pytest.mark.threat(82)
def test_a_row_that_cannot_be_composed_is_tried_five_times_and_stops_nobody(bench: Bench, fake: FakeRelay) -> None:
    clock = Clock()
    bench.open_tickets(2, now=clock)
    with bench.store.write() as connection:
        connection.execute(update(Outbox).where(Outbox.c.id == 1).values(template="no-such-template"))
    with bench.worker(now=clock):
        for attempts in range(1, 5):
            until(lambda wanted=attempts: bench.rows()[0].attempts == wanted and bench.states()[0] == "deferred")  # type: ignore[misc]
            clock.advance(hours=2)
        bench.settled("accepted", "failed")
    assert bench.rows()[0].attempts == 5
    assert "could not be composed" in bench.rows()[0].reply


@pytest.mark.threat(82)
def test_a_row_that_killed_its_worker_each_time_is_parked(bench: Bench, fake: FakeRelay) -> None:
    bench.open_tickets(3)
    with bench.store.write() as connection:
        connection.execute(update(Outbox).where(Outbox.c.id == 1).values(attempts=UNFINISHED))
        connection.execute(update(Outbox).where(Outbox.c.id == 2).values(attempts=UNFINISHED + 4, reply="450 busy"))
    with bench.worker():
        rows = bench.settled("accepted", "failed")
    assert [row.state for row in rows] == ["failed", "accepted", "accepted"]
    assert rows[0].reply == f"given up: none of {UNFINISHED} attempts came to an end"


@pytest.mark.threat(82)
def test_a_row_found_in_hand_at_several_deaths_waits_longer_each_time(bench: Bench) -> None:
    """A machine that is cut off again and again must not make a good mail look like one that kills its worker."""
    bench.open_tickets(1)
    waits = []
    for _ in range(6):
        (due,) = bench.rows()
        assert one_row.claim(bench.store, due.id, "worker", due.next_at)
        outbox.release(bench.store, "worker", due.next_at)
        waits.append((bench.rows()[0].next_at - due.next_at).total_seconds())
    assert waits == [0, 1, 4, 15, 30, 30]


# --- brokers that fail ---


@pytest.mark.threat(79)
@pytest.mark.threat(83)
def test_a_broker_that_is_down_stops_nothing(bench: Bench, fake: FakeRelay) -> None:
    bench.configure(fake.url(), "redis://127.0.0.1:1/0")
    bench.open_tickets(20)
    with bench.worker():
        bench.settled()
    assert len(fake.mails) == 20


@pytest.mark.threat(79)
def test_a_broker_that_loses_every_hint_stops_nothing(bench: Bench, fake: FakeRelay, lossy_broker: str) -> None:
    bench.configure(fake.url(), lossy_broker)
    bench.open_tickets(20)
    with bench.worker():
        bench.settled()
    assert len(fake.mails) == 20


# --- ends of workers ---


@pytest.mark.threat(80)
@pytest.mark.req("BR-04")
@pytest.mark.parametrize(("stage", "most"), [("DATA", 1), ("dot", 2)])
def test_a_worker_killed_while_it_sends_loses_nothing(bench: Bench, fake: FakeRelay, stage: str, most: int) -> None:
    bench.open_tickets(5)
    fake.script(stage, HANG, to="p2@customer.test" if stage == "dot" else None)
    with bench.process():
        until(lambda: sorted(bench.states()) == ["accepted"] * 4 + ["claimed"], say=lambda: str(bench.rows()))
    assert "claimed" in bench.states()
    killed = time.monotonic()
    with bench.worker():
        bench.settled()
    assert time.monotonic() - killed < 5
    assert 5 <= len(fake.mails) <= 4 + most
    assert [len(same) for same in copies(fake).values()] == [1] * 5


@pytest.mark.threat(84)
def test_sigterm_ends_a_busy_worker_with_nothing_claimed(bench: Bench, fake: FakeRelay) -> None:
    bench.open_tickets(50)
    with bench.process() as worker:
        fake.wait(10)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    assert set(bench.states()) <= {"accepted", "due"}
    assert len(fake.mails) == bench.states().count("accepted")
    with bench.worker():
        bench.settled()
    assert len(fake.mails) == 50


@pytest.mark.threat(84)
def test_a_stop_gives_back_what_is_still_claimed(bench: Bench) -> None:
    """A thread that was lost with a row in hand must not hold it back until the lease runs out."""
    bench.open_tickets()
    with bench.store.write() as connection:
        connection.execute(update(Outbox).values(next_at=now() + timedelta(hours=1)))
    with bench.worker() as worker:
        assert one_row.claim(bench.store, 1, worker._name.value, now() + timedelta(hours=2))
        assert bench.states() == ["claimed"]
    assert bench.states() == ["due"]


@pytest.mark.threat(84)
def test_a_stop_gives_up_a_relay_that_does_not_answer(bench: Bench, fake: FakeRelay) -> None:
    bench.open_tickets(2)
    fake.script("MAIL", HANG, times=2)
    with bench.worker() as worker:
        until(lambda: bench.states() == ["claimed", "claimed"])
        began = time.monotonic()
        worker.stop(patience=0.5)
        assert time.monotonic() - began < 3
    assert "claimed" not in bench.states()
    assert fake.mails == []


# --- leases ---


@pytest.mark.threat(81)
def test_the_claim_of_a_dead_worker_elsewhere_runs_out(bench: Bench) -> None:
    clock = Clock()
    bench.open_tickets(now=clock)
    with bench.store.write() as connection:
        values = {"state": "claimed", "claimed_by": "elsewhere:0:ab", "lease_until": clock.advance(seconds=30)}
        connection.execute(update(Outbox).values(**values))
    with bench.worker(now=clock, threads=1) as worker:
        keeper = Keeper(bench.store, worker.delivery, "me", clock)
        keeper.round()
        assert bench.states() == ["claimed"]
        clock.advance(seconds=4)
        keeper.round()
        bench.settled()


@pytest.mark.threat(81)
def test_a_second_hint_leaves_the_first_senders_heartbeat_alone(bench: Bench, fake: FakeRelay) -> None:
    bench.open_tickets()
    fake.script("dot", HANG)
    with bench.worker() as worker:
        fake.wait(1)
        worker.delivery.deliver([1])
        assert worker.delivery.in_hand == {1}
        worker.stop(patience=0)
    assert len(fake.mails) == 1


@pytest.mark.threat(81)
def test_a_clock_put_forward_during_a_send_frees_no_row(bench: Bench, fake: FakeRelay) -> None:
    clock = Clock()
    bench.open_tickets(now=clock)
    fake.script("dot", HANG)
    with bench.worker(now=clock) as worker:
        fake.wait(1)
        (row,) = bench.rows()
        keepers = [Keeper(bench.store, worker.delivery, row.claimed_by, clock), other_keeper(bench, clock)]
        clock.advance(hours=1)
        for keeper in reversed(keepers):
            keeper.round()
        (row,) = bench.rows()
        assert row.state == "claimed"
        assert row.lease_until > clock()
        worker.stop(patience=0)
    assert len(fake.mails) == 1


def other_keeper(bench: Bench, clock: Clock) -> Keeper:
    """That of a worker with nothing in hand."""
    from workers.deliver import Delivery
    from workers.relay import open_relay

    return Keeper(
        bench.store, Delivery(bench.config, bench.store, open_relay(bench.config), "other", clock), "other", clock
    )


def test_a_name_is_borne_by_one_at_a_time_and_comes_back(bench: Bench) -> None:
    first, second = Holder(bench.config, "worker"), Holder(bench.config, "worker")
    assert first.value != second.value
    first.give_up()
    third = Holder(bench.config, "worker")
    assert third.value == first.value
    second.give_up()
    third.give_up()
