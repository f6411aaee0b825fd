"""Old mail of an archive becomes tickets as it was, once, and nobody hears of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from store.clock import now
from store.config import Config
from store.errors import BadInput
from tests.archives.helpers import answer_to, maildir, mbox, old_mail, take
from tests.harness import Gateway, mail

DAY = datetime(2024, 3, 1, 10, tzinfo=UTC)


@pytest.fixture(params=["mbox", "maildir"])
def write(request: pytest.FixtureRequest) -> Any:
    return mbox if request.param == "mbox" else maildir


def test_a_talk_is_one_closed_ticket_with_the_times_of_its_mails(
    any_gateway: Gateway, write: Any, tmp_path: Path
) -> None:
    first = old_mail("It smokes.", 1)
    again = answer_to(first, "Still smokes.", 3)
    other = old_mail("Invoice?", 2, "Invoice", sender="bob@else.test")
    path = write(tmp_path / "old", [again, other, first])  # an archive need not be in order
    to = {"address": "support@hosting.desk.test"}
    assert take(any_gateway, path, **to).new == 3
    assert any_gateway.told() == []
    tickets = {one["subject"]: one for one in any_gateway.tickets()}
    assert set(tickets) == {"Printer broken", "Invoice"}
    assert {one["state"] for one in tickets.values()} == {"closed"}
    talk = any_gateway.ticket(tickets["Printer broken"]["tag"])
    assert [one["text"].strip() for one in talk["messages"]] == ["It smokes.", "Still smokes."]
    assert [datetime.fromisoformat(one["at"]) for one in talk["messages"]] == [DAY, DAY + timedelta(days=2)]
    assert datetime.fromisoformat(talk["created"]) == DAY
    assert datetime.fromisoformat(talk["updated"]) == DAY + timedelta(days=2)
    assert [row["door"] for row in any_gateway.journal()] == ["import"] * 3


def test_it_may_be_repeated_and_the_journal_does_not_grow(gateway: Gateway, write: Any, tmp_path: Path) -> None:
    mails = [old_mail(f"Mail {number}", number + 1, f"Case {number}") for number in range(5)]
    assert take(gateway, write(tmp_path / "half", mails[:3])).new == 3
    told = take(gateway, write(tmp_path / "all", mails))
    assert (told.new, told.known) == (2, 3)
    assert take(gateway, tmp_path / "all").new == 0
    assert len(gateway.journal()) == 5
    assert len(gateway.tickets()) == 5


def test_what_came_by_another_door_is_not_there_twice(gateway: Gateway, tmp_path: Path) -> None:
    """The store of a mail server adds fields of its own; they make no other mail of it."""
    live = mail("It smokes.")
    gateway.receive(live)
    live["Status"] = "RO"
    live["X-Mozilla-Status"] = "0001"
    take(gateway, mbox(tmp_path / "old", [live]))
    assert [row["outcome"] for row in gateway.journal()] == ["new", "duplicate"]
    assert len(gateway.tickets()) == 1


def test_an_urgent_mailbox_calls_nobody_for_old_mail(gateway: Gateway, tmp_path: Path) -> None:
    live = mail("Gas!")
    gateway.receive(live)
    before = gateway.told()
    take(gateway, mbox(tmp_path / "old", [live, old_mail("Fire!", 1)]), address="safety@desk.test")
    assert gateway.told() == before
    assert {one["priority"] for one in gateway.tickets()} == {"medium", "urgent"}


def test_nothing_is_done_that_an_old_mail_asks_for(gateway: Gateway, tmp_path: Path) -> None:
    gateway.receive(mail("It smokes."))
    tag = gateway.tickets()[0]["tag"]
    copy = next(row for row in gateway.outbox() if row["recipient"] == "anna@cust.test")
    before = gateway.told()
    late = mail("#close", subject=f"Re: [{tag}] Printer broken", In_Reply_To=f"<{copy['message_id']}>")
    take(gateway, mbox(tmp_path / "old", [late]))
    ticket = gateway.ticket(tag)
    assert ticket["state"] != "closed"
    assert len(ticket["messages"]) == 2
    assert gateway.told() == before


def test_an_old_mail_changes_nothing_that_happened_since(gateway: Gateway, tmp_path: Path) -> None:
    """It stands in its place of the talk, and the ticket waits for whom it waited for."""
    live = mail("It smokes.")
    gateway.receive(live)
    tag = gateway.tickets()[0]["tag"]
    gateway.support_replies(tag)
    before = gateway.ticket(tag)
    take(gateway, mbox(tmp_path / "old", [answer_to(live, "As I said last year", 4)]))
    after = gateway.ticket(tag)
    assert [after[key] for key in ("state", "updated", "last_reply_by")] == [
        before[key] for key in ("state", "updated", "last_reply_by")
    ]
    assert next(one["text"].strip() for one in after["messages"]) == "As I said last year"


def test_a_talk_of_late_stays_open(gateway: Gateway, tmp_path: Path) -> None:
    lately = (now() - timedelta(days=3)).strftime("%d %b %Y %H:%M:%S +0000")
    take(gateway, mbox(tmp_path / "old", [mail("It smokes.", Date=lately)]))
    assert gateway.tickets()[0]["state"] == "new"
    assert gateway.told() == []


@pytest.mark.parametrize("date", ["Mon, 02 Mar 2099 10:00:00 +0000", "01 Jan 1970 00:00:00 +0000", "yesterday", ""])
def test_a_time_that_cannot_be_is_not_believed(gateway: Gateway, tmp_path: Path, date: str) -> None:
    take(gateway, mbox(tmp_path / "old", [mail("It smokes.", Date=date)]))
    at = datetime.fromisoformat(gateway.tickets()[0]["created"])
    assert now() - timedelta(minutes=5) < at <= now()


def test_the_time_a_server_received_it_goes_before_what_it_says(gateway: Gateway, tmp_path: Path) -> None:
    received = "from x by y (envelope-from <a;b>) with ESMTP; Tue, 05 Mar 2024 09:00:00 +0100 (CET)"
    take(gateway, mbox(tmp_path / "old", [old_mail("It smokes.", 1, Received=received)]))
    assert datetime.fromisoformat(gateway.tickets()[0]["created"]) == datetime(2024, 3, 5, 8, tzinfo=UTC)


@pytest.mark.threat(31)
def test_bad_mail_ends_in_an_outcome_like_any_other(gateway: Gateway, tmp_path: Path) -> None:
    bad = [
        b"",
        b"\x00\xff\xfe",
        b"Subject: =?x?q?\xff\r\n\r\n\xff",
        b"From: a@b.test\nContent-Type: multipart/mixed\n\nx\n",
        b"Date: \xff",
    ]
    for number, raw in enumerate(bad):
        (tmp_path / "old" / "cur").mkdir(parents=True, exist_ok=True)
        (tmp_path / "old" / "cur" / f"{number}.eml").write_bytes(raw)
    assert take(gateway, tmp_path / "old").new == len(bad)
    assert all(row["outcome"] for row in gateway.journal())
    assert not any(row["outcome"] == "dead" for row in gateway.journal())
    assert gateway.told() == []


def test_lines_that_look_like_the_beginning_of_a_mail_are_words(gateway: Gateway, tmp_path: Path) -> None:
    """Quoted ones come back as they were; prose behind an empty line that names no time begins no mail."""
    raw = (
        b"From anna@cust.test Fri Mar  1 10:00:00 2024\nFrom: anna@cust.test\nTo: support@desk.test\nSubject: One\n"
        b"Message-ID: <one@x>\n\nHi\n\nFrom here on it smokes\n>From 10:00 on\n>>From twice\n\n"
        b"From bob@else.test Sat Mar  2 10:00:00 2024\r\nFrom: bob@else.test\r\nSubject: Two\r\nMessage-ID: <two@x>\r\n\r\nYo\r\n"
    )
    (tmp_path / "old").write_bytes(raw)
    assert take(gateway, tmp_path / "old").new == 2
    assert {one["subject"] for one in gateway.tickets()} == {"One", "Two"}
    one = next(one for one in gateway.tickets() if one["subject"] == "One")
    text = gateway.ticket(one["tag"])["messages"][0]["text"]
    assert "From here on it smokes\nFrom 10:00 on\n>From twice" in text


def test_folders_of_a_maildir_belong_to_it(gateway: Gateway, tmp_path: Path) -> None:
    maildir(tmp_path / "old", [old_mail("One", 1, "One")])
    maildir(tmp_path / "old", [old_mail("Two", 2, "Two")], "Done.2024")
    assert take(gateway, tmp_path / "old").new == 2


def test_a_mail_that_is_too_large_is_named_and_the_others_are_taken(gateway: Gateway, tmp_path: Path) -> None:
    told = take(gateway, mbox(tmp_path / "old", [old_mail("x" * 9000, 1), old_mail("y", 2)]), largest=5000)
    assert (told.new, told.too_large) == (1, (f"{tmp_path / 'old'}, mail 1",))


@pytest.mark.parametrize("kind", ["missing", "text", "folder"])
def test_what_is_no_archive_is_said_so(gateway: Gateway, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "odd"
    if kind == "text":
        path.write_text("Dear diary\n")
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(BadInput, match=r"odd: (No such file|neither)"):
        take(gateway, path)
    (tmp_path / "empty").touch()
    assert take(gateway, tmp_path / "empty").mails == 0


def test_the_command_says_what_it_took(config: Config, gateway: Gateway, tmp_path: Path) -> None:
    path = mbox(tmp_path / "old", [old_mail("It smokes.", 1), old_mail("Invoice", 2, "Invoice")])
    words = [
        "import",
        str(path),
        "--to",
        "support@desk.test",
        "--config",
        str(config.file),
        "--numbers",
        r"\[Case#(\d+)\]",
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "2 mails: 2 taken, 0 already in the journal." in done.stdout
    assert "postern serve" in done.stdout
    assert r"old_numbers = ['\[Case#(\d+)\]']" in done.stdout
    gateway.file()
    assert "0 taken, 2 already" in CliRunner().invoke(app, words).stdout
    shown = CliRunner().invoke(app, ["explain", "1", "--json", "--config", str(config.file)])
    signals = {one["signal"]: one["value"] for one in json.loads(shown.stdout)["signals"]}
    assert signals["of an archive, from"].startswith("2024-03-01T10:00:00")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "regular expression"),
        (r"\[#\d+\]", "one group"),
        (r"(\d+)", "any number"),
        (r"\[(\w+)#(\d+)\]", "one group"),
    ],
)
def test_a_pattern_that_is_none_is_refused(config: Config, tmp_path: Path, pattern: str, why: str) -> None:
    done = CliRunner().invoke(
        app, ["import", str(tmp_path), "--to", "support@desk.test", "--numbers", pattern, "--config", str(config.file)]
    )
    assert done.exit_code == 1
    assert why in str(done.exception)
