"""The two ledgers and the tickets between them, on both databases."""

from __future__ import annotations

import stat
import threading
from datetime import datetime, timedelta
from hashlib import sha256

import pytest

from store import journal, outbox, outcomes, pending, people, sending
from store.apply import apply
from store.blobs import Blobs
from store.clock import now
from store.commands import Author, CloseTicket, CustomerReply, NewFile, NewMessage, OpenTicket, SupportReply, TakeTicket
from store.config import Config
from store.database import Store
from store.errors import NotFound, Temporary
from store.journal import BLOB_ABOVE, Incoming
from store.journal_writer import JournalWriter
from store.outbox import End
from tests import one_row
from tests.harness import PEOPLE, Gateway, mail

NOW = datetime.fromisoformat("2026-03-02T10:00:00+00:00")


def incoming(raw: bytes = b"From: a@b.test\r\n\r\nhi\r\n", *desks: str) -> Incoming:
    routes = tuple((desk, (f"support@{desk}.desk.test",)) for desk in desks or ("hosting",))
    return Incoming("smtp", NOW, "a@b.test", routes, raw)


# --- journal


def test_a_message_lies_in_the_journal_once_and_has_a_row_for_each_desk(any_store: Store) -> None:
    ((first, second),) = journal.append(any_store, [incoming(b"x\0y\xff\r\n", "hosting", "moving")])
    rows = journal.rows_after(any_store, 0, 10)
    assert [(row.id, row.desk) for row in rows] == [(first, "hosting"), (second, "moving")]
    assert {row.raw for row in rows} == {b"x\0y\xff\r\n"}
    assert rows[0].at == NOW
    assert rows[0].sha256 == sha256(b"x\0y\xff\r\n").hexdigest()


@pytest.mark.parametrize("size", [BLOB_ABOVE, BLOB_ABOVE + 1])
def test_large_messages_are_files_and_come_back_whole(any_store: Store, size: int) -> None:
    raw = bytes(range(256)) * (size // 256 + 1)
    ((id_,),) = journal.append(any_store, [incoming(raw[:size])])
    assert journal.row(any_store, id_).raw == raw[:size]
    assert len(list(any_store.blobs.folder.rglob("[!.]*"))) == (2 if size > BLOB_ABOVE else 0)


def test_many_writers_at_once_share_commits_and_all_rows_become_visible_in_order(any_store: Store) -> None:
    writers = [JournalWriter(any_store) for _ in range(3)]
    futures = [writers[n % 3].submit(incoming(b"mail %d" % n)) for n in range(120)]
    ids = [future.result(20)[0] for future in futures]
    for writer in writers:
        writer.close()
    assert len(set(ids)) == 120
    assert [row.id for row in journal.rows_after(any_store, 0, 200)] == sorted(ids)


def test_a_row_that_cannot_be_written_fails_alone(any_store: Store) -> None:
    writer = JournalWriter(any_store)
    bad = Incoming("smtp", datetime(2026, 1, 1), "a@b.test", (("hosting", ("x@y.test",)),), b"naive time")
    futures = [writer.submit(message) for message in (incoming(b"one"), bad, incoming(b"two"))]
    assert futures[0].result(10) and futures[2].result(10)
    with pytest.raises(Exception, match="without zone"):
        futures[1].result(10)
    writer.close()


# --- tickets


def open_ticket(store: Store, config: Config, **changes: object) -> int:
    values = {
        "desk": "hosting", "subject": "x", "message": NewMessage(Author("anna@cust.test", "Anna"), "hello"),
        "department": "Support", "priority": "medium", "origin": "mail:support@desk.test",
    }  # fmt: skip
    with store.write() as connection:
        applied = apply(connection, config, OpenTicket(**(values | changes)), NOW)  # type: ignore[arg-type]
    assert applied.ticket
    return applied.ticket


@pytest.mark.req("HO-08")
@pytest.mark.threat(93)
def test_forty_openings_at_once_get_forty_numbers(any_store: Store, any_config: Config) -> None:
    def some() -> None:
        for _ in range(10):
            open_ticket(any_store, any_config)

    threads = [threading.Thread(target=some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [t["number"] for t in Gateway(any_config, any_store).tickets()]
    assert sorted(numbers) == list(range(1001, 1041))


@pytest.mark.req("BR-08")
def test_a_whole_life_of_a_ticket_by_mail(any_gateway: Gateway) -> None:
    gateway, box = any_gateway, "support@hosting.desk.test"
    gateway.receive(mail("disk full \0 Größe 日本", Cc="carl@third.test"), box)
    tag = "HO#1001"
    gina = gateway.reply_address(tag, "gina@desk.test", box)
    gateway.receive(mail("Which one?", sender="gina@desk.test"), gina)
    anna = gateway.reply_address(tag, "anna@cust.test", box)
    gateway.receive(mail("The big one"), anna)
    gateway.support_replies(tag, "Done.", close=True)
    gateway.receive(mail("Full again", subject=f"Re: [{tag}] disk"), box)
    ticket = gateway.ticket(tag)
    assert [(m["side"], m["text"]) for m in ticket["messages"]] == [
        ("customer", "disk full � Größe 日本"),
        ("support", "Which one?"),
        ("customer", "The big one"),
        ("support", "Done."),
        ("customer", "Full again"),
    ]
    assert [(e["old"], e["new"]) for e in ticket["events"] if e["kind"] == "status"] == [
        ("Open", "Answered"),
        ("Answered", "Customer-Reply"),
        ("Customer-Reply", "Closed"),
        ("Closed", "Customer-Reply"),
    ]
    assert gateway.told() == [
        ("anna@cust.test", "confirmation"), ("gina@desk.test", "staff_notice"),
        ("anna@cust.test", "staff_reply"), ("carl@third.test", "cc_copy"),
        ("carl@third.test", "cc_copy"), ("gina@desk.test", "staff_notice"),
        ("anna@cust.test", "ticket_closed"), ("carl@third.test", "ticket_closed"),
        ("carl@third.test", "cc_copy"), ("gina@desk.test", "staff_notice"),
    ]  # fmt: skip


def test_an_error_in_a_change_leaves_nothing_behind(any_store: Store, any_config: Config) -> None:
    with pytest.raises(NotFound), any_store.write() as connection:
        message = NewMessage(Author("anna@cust.test"), "x")
        apply(connection, any_config, OpenTicket("hosting", "x", message, "Support", "medium", "api"), NOW)
        apply(connection, any_config, CustomerReply(999, message), NOW)
    gateway = Gateway(any_config, any_store)
    assert gateway.tickets() == gateway.outbox() == []


@pytest.mark.req("IN-22")
def test_taking_up_tells_the_opener_only_when_the_word_changes(any_gateway: Gateway) -> None:
    config, store = any_gateway.config, any_gateway.store
    for desk, mails in (("hosting", 0), ("equipment", 1)):
        ticket = open_ticket(store, config, desk=desk)
        with store.write() as connection:
            apply(connection, config, TakeTicket(ticket, Author("gina@desk.test")), NOW)
        updates = [row for row in any_gateway.outbox() if row["template"] == "ticket_update"]
        assert len(updates) == mails


@pytest.mark.req("HO-13")
def test_closing_twice_is_closing_once(any_gateway: Gateway) -> None:
    ticket = open_ticket(any_gateway.store, any_gateway.config)
    for _ in range(2):
        any_gateway.apply(CloseTicket(ticket, Author("anna@cust.test"), "customer"))
    assert any_gateway.told()[2:] == [("gina@desk.test", "staff_notice")]


# --- outbox


def due_mails(store: Store, config: Config) -> list[int]:
    Gateway(config, store).load(**PEOPLE)
    ticket = open_ticket(store, config)
    for text in ("one", "two"):
        with store.write() as connection:
            apply(connection, config, SupportReply(ticket, NewMessage(Author("gina@desk.test"), text)), NOW)
    return pending.due(store, NOW, 10)


def test_for_one_ticket_and_recipient_later_mails_wait(any_store: Store, any_config: Config) -> None:
    first, notice = due_mails(any_store, any_config)  # the confirmation to Anna, the notice to Gina
    letter = one_row.claim(any_store, first, "w1", NOW)
    assert letter and letter.template == "confirmation" and letter.text == "hello"
    assert pending.due(any_store, NOW, 10) == [notice]
    assert one_row.defer(any_store, first, "w1", "451 later", NOW + timedelta(minutes=5), NOW)
    assert pending.due(any_store, NOW, 10) == [notice]
    later = NOW + timedelta(minutes=6)
    assert pending.due(any_store, later, 10) == [notice, first], "the one that has been due for longer goes first"
    assert pending.due(any_store, later, 1) == [notice]
    assert one_row.claim(any_store, first, "w2", later)
    assert one_row.accept(any_store, first, "w2", "250 ok", later)
    reply = [id_ for id_ in pending.due(any_store, later, 10) if id_ != notice]
    assert [one_row.claim(any_store, id_, "w2", later).text for id_ in reply] == ["one"]  # type: ignore[union-attr]


@pytest.mark.threat(81)
def test_a_row_is_claimed_by_one_worker_and_goes_back_when_its_lease_runs_out(
    any_store: Store, any_config: Config
) -> None:
    first, *_ = due_mails(any_store, any_config)
    claims = []

    def race(holder: str) -> None:
        claims.append(one_row.claim(any_store, first, holder, NOW))

    threads = [threading.Thread(target=race, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([letter for letter in claims if letter]) == 1
    late = NOW + timedelta(seconds=31)
    assert outbox.sweep(any_store, NOW) == 0
    assert outbox.sweep(any_store, late) == 1
    again = one_row.claim(any_store, first, "another", late)
    assert again and again.attempts == 2
    assert not one_row.accept(any_store, first, "w0", "250", late)
    outbox.extend(any_store, [first], "another", late + timedelta(seconds=20))
    assert outbox.sweep(any_store, late + timedelta(seconds=45)) == 0
    assert outbox.release(any_store, "another", late) == 1


@pytest.mark.req("DV-76")
@pytest.mark.threat(82)
def test_only_what_waits_again_after_a_claim_counts_as_left_by_a_death(any_store: Store, any_config: Config) -> None:
    first, *_ = due_mails(any_store, any_config)
    assert one_row.claim(any_store, first, "w0", NOW)
    assert pending.unfinished(any_store, [first]) == set(), "it is in hand"
    assert outbox.release(any_store, "w0", NOW) == 1
    assert pending.unfinished(any_store, [first]) == {first}
    assert one_row.claim(any_store, first, "w0", NOW + timedelta(minutes=1))
    assert one_row.defer(any_store, first, "w0", "451 later", NOW + timedelta(minutes=5), NOW)
    assert pending.unfinished(any_store, [first]) == set(), "its attempt came to an end"


def test_who_may_no_longer_get_a_mail_is_found_at_the_last_moment(any_store: Store, any_config: Config) -> None:
    first, *_ = due_mails(any_store, any_config)
    gone = PEOPLE | {"people": [{"email": "anna@cust.test", "status": "inactive"}]}
    Gateway(any_config, any_store).load(**gone)
    assert one_row.claim(any_store, first, "w", NOW) is None
    row = next(row for row in Gateway(any_config, any_store).outbox() if row["id"] == first)
    assert (row["state"], row["reply"]) == ("suppressed", "recipient inactive")


def test_an_agent_who_left_the_desk_gets_no_more_of_it(any_store: Store, any_config: Config) -> None:
    _, notice = due_mails(any_store, any_config)
    with any_store.write() as connection:
        connection.exec_driver_sql("DELETE FROM staff")
    assert one_row.claim(any_store, notice, "w", NOW) is None


def test_busy_counts_what_is_due_soon_and_what_is_being_sent(any_store: Store, any_config: Config) -> None:
    first, second = due_mails(any_store, any_config)
    assert pending.busy(any_store, NOW + timedelta(minutes=1)) == 2  # two more wait behind the first
    one_row.claim(any_store, first, "w", NOW)
    one_row.defer(any_store, first, "w", "later", NOW + timedelta(hours=1), NOW)
    assert pending.busy(any_store, NOW + timedelta(minutes=1)) == 1
    assert pending.next_due(any_store) == NOW
    one_row.claim(any_store, second, "w", NOW)
    assert pending.busy(any_store, NOW + timedelta(minutes=1)) == 1
    sending.settle(any_store, any_config, "w", [End(second, "failed", "550 no")], NOW)
    assert pending.busy(any_store, NOW + timedelta(minutes=1)) == 0
    assert pending.next_due(any_store) == NOW + timedelta(hours=1)
    failed = Gateway(any_config, any_store).ticket("HO#1001")["events"][-1]
    assert (failed["kind"], failed["new"]) == ("delivery_failed", "gina@desk.test: 550 no")


# --- outcomes, leases


def test_one_filer_at_a_time(any_store: Store) -> None:
    assert outcomes.hold_lease(any_store, "a", NOW)
    assert outcomes.hold_lease(any_store, "a", NOW)
    assert not outcomes.hold_lease(any_store, "b", NOW)
    assert outcomes.hold_lease(any_store, "b", NOW + timedelta(seconds=31))
    outcomes.release_lease(any_store, "b")
    assert outcomes.hold_lease(any_store, "a", NOW)


def test_a_row_has_exactly_one_outcome(any_gateway: Gateway) -> None:
    row_id = any_gateway.receive(mail(), "support@hosting.desk.test")["id"]
    row = journal.row(any_gateway.store, row_id)
    with pytest.raises(Temporary), any_gateway.store.write() as connection:
        verdict = type("V", (), {"outcome": "new", "rule": "x", "reason": "y"})()
        outcomes.settle(connection, row, verdict, None, "", [], None, NOW)
    assert outcomes.count_unfiled(any_gateway.store) == 0


# --- people and files


def test_two_spellings_of_an_address_are_one_person(any_store: Store) -> None:
    with any_store.write() as connection:
        first = people.ensure(connection, "Anna@CUST.test", "", NOW)
        assert people.ensure(connection, "anna@cust.test", "Anna", NOW) == first
        found = people.find(connection, "ANNA@cust.test")
        assert found and found.name == "Anna"


@pytest.mark.threat(99)
def test_files_and_folders_are_closed_to_others(any_gateway: Gateway) -> None:
    message = mail()
    message.add_attachment(b"%PDF-1.4 hello %%EOF", maintype="application", subtype="pdf", filename="a.pdf")
    any_gateway.receive(message, "support@hosting.desk.test")
    data = any_gateway.config.data
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for path in (any_gateway.config.data / "blobs").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_blobs_are_written_once_and_named_by_their_content(tmp_path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    blobs.folder.mkdir()
    digest = blobs.put(b"hello")
    assert digest == blobs.put(b"hello") == sha256(b"hello").hexdigest()
    assert blobs.get(digest) == b"hello"
    assert [p.name for p in blobs.folder.rglob("[!.]*") if p.is_file()] == [digest]
    with pytest.raises(NotFound):
        blobs.get("0" * 64)
    with pytest.raises(ValueError, match="SHA-256"):
        blobs.path("../../etc/passwd")


def test_refused_files_are_recorded_and_not_stored(any_store: Store, any_config: Config) -> None:
    file = NewFile("setup.exe", "application/x-msdownload", 10, "0" * 64, verdict="refused", reason="no")
    open_ticket(any_store, any_config, message=NewMessage(Author("anna@cust.test"), "x", files=(file,)))
    ticket = Gateway(any_config, any_store).ticket("HO#1001")
    assert ticket["messages"][0]["attachments"][0]["verdict"] == "refused"
    assert "setup.exe: no" in [e["new"] for e in ticket["events"]]


def test_time_without_a_zone_is_never_stored(any_store: Store) -> None:
    with pytest.raises(Exception, match="without zone"):
        journal.append(any_store, [Incoming("smtp", datetime(2026, 1, 1), "", (("hosting", ("a@b.test",)),), b"x")])
    assert now().tzinfo is not None


def test_large_messages_are_read_a_few_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_AT_ONCE", 250)
    journal.append(store, [incoming(b"x" * 100) for _ in range(5)] + [incoming(b"y" * 900)])
    assert [row.id for row in journal.rows_after(store, 0, 10)] == [1, 2]
    assert [row.id for row in journal.rows_after(store, 4, 10)] == [5]
    assert [row.id for row in journal.rows_after(store, 5, 10)] == [6]


@pytest.mark.threat(90)
def test_a_journal_from_an_older_backup_gives_no_id_twice(any_gateway: Gateway) -> None:
    for _ in range(3):
        any_gateway.receive(mail(), "support@hosting.desk.test")
    with any_gateway.store.write_journal() as connection:
        connection.exec_driver_sql("DELETE FROM journal WHERE id > 1")
        if any_gateway.store.sqlite:
            connection.exec_driver_sql("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'journal'")
        else:
            connection.exec_driver_sql("SELECT setval(pg_get_serial_sequence('journal', 'id'), 1)")
    journal.never_reuse(any_gateway.store, outcomes.newest_known(any_gateway.store))
    assert any_gateway.receive(mail(), "support@hosting.desk.test")["id"] == 4
    assert any_gateway.journal()[-1]["outcome"] == "new"
