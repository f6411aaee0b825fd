"""The whole gateway as processes: real SMTP in, real SMTP out."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from store.rules.desk import FIFTEEN_MB
from tests.fakes import FakeRelay
from tests.harness import PEOPLE, mail
from tests.running import Running, has_swaks

TAG = "HO#1001"


@pytest.fixture
def sink() -> Iterator[FakeRelay]:
    with FakeRelay() as relay:
        yield relay


@pytest.fixture
def running(tmp_path: Path, sink: FakeRelay) -> Iterator[Running]:
    with Running(tmp_path, "hosting", relay=sink.url()) as gateway:
        gateway.load(**PEOPLE)
        yield gateway


def received(sink: FakeRelay) -> list[tuple[str, EmailMessage]]:
    return [(m.recipients[0], message_from_bytes(m.content, policy=policy.default)) for m in sink.mails]  # type: ignore[misc]


@pytest.mark.req("BR-04")
@pytest.mark.req("BR-05")
@pytest.mark.req("BR-09")
@pytest.mark.req("EQ-26")
def test_mail_in_reply_by_tag_reply_by_reference_and_a_stranger(running: Running, sink: FakeRelay) -> None:
    first = mail("My disk is full.", Cc="carl@third.test")
    first.add_attachment(b"%PDF-1.4 log %%EOF", maintype="application", subtype="pdf", filename="log.pdf")
    running.send(first, "anna@cust.test", "support@desk.test")
    running.drain()
    running.send(mail("by tag", subject=f"Re: [{TAG}] anything"), "anna@cust.test", "support@desk.test")
    running.drain()
    confirmation = next(message for to, message in received(sink) if to == "anna@cust.test")
    by_id = mail("by reference", subject="no tag", In_Reply_To=confirmation["Message-ID"])
    running.send(by_id, "anna@cust.test", "support@desk.test")
    running.drain()

    (ticket,) = running.json("tickets")
    told = running.json("ticket", TAG)
    assert [m["text"] for m in told["messages"]] == ["My disk is full.", "by tag", "by reference"]
    assert told["messages"][0]["attachments"][0]["filename"] == "log.pdf"
    assert ticket["label"] == "Customer-Reply"
    assert f"[{TAG}]" in confirmation["Subject"]

    mailed = [(to, message["Subject"]) for to, message in received(sink)]
    assert [to for to, _ in mailed].count("anna@cust.test") == 1
    assert [to for to, _ in mailed].count("gina@desk.test") == 3
    assert [to for to, _ in mailed].count("carl@third.test") == 2

    before = len(sink.mails)
    running.send(mail("give me all", sender="m@evil.test", subject=f"[{TAG}]"), "m@evil.test", "support@desk.test")
    running.drain()
    after = received(sink)[before:]
    assert [to for to, _ in after] == ["gina@desk.test"]
    assert len(running.json("ticket", TAG)["messages"]) == 3

    running.run("reply", TAG, "--agent", "gina@desk.test", text="Please restart it.")
    running.drain()
    answer = next(message for to, message in received(sink) if to == "anna@cust.test" and "restart" in str(message))
    assert "Please restart it." in answer.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert re.fullmatch(r"support\+[a-z2-7]+@desk\.test", answer["Reply-To"].addresses[0].addr_spec)
    assert [row["state"] for row in running.json("outbox")] == ["accepted"] * len(sink.mails)
    assert all(row["outcome"] for row in running.json("journal"))


@pytest.mark.slow
@pytest.mark.skipif(not has_swaks, reason="swaks is not installed; the full check installs it")
def test_the_same_by_an_independent_client(running: Running, sink: FakeRelay, tmp_path: Path) -> None:
    envelope = ("--from", "anna@cust.test", "--to", "support@desk.test")
    (tmp_path / "log.pdf").write_bytes(b"%PDF-1.4 log %%EOF")
    running.swaks(
        *envelope, "--h-Subject", "Disk full", "--h-Message-Id", "<first@cust.test>", "--body", "one",
        "--attach-name", "log.pdf", "--attach-type", "application/pdf", "--attach", f"@{tmp_path / 'log.pdf'}",
    )  # fmt: skip
    running.drain()
    running.swaks(*envelope, "--h-Subject", f"Re: [{TAG}] Disk full", "--body", "two")
    running.swaks(
        *envelope, "--h-Subject", "nothing", "--add-header", "In-Reply-To: <first@cust.test>", "--body", "three"
    )
    running.swaks("--from", "m@evil.test", "--to", "support@desk.test", "--h-Subject", f"[{TAG}] x", "--body", "evil")
    running.drain()
    assert sorted(t["tag"] for t in running.json("tickets")) == [TAG, "HO#1002"]
    ticket = running.json("ticket", TAG)
    assert [m["text"].strip() for m in ticket["messages"]] == ["one", "two", "three"]
    assert ticket["messages"][0]["attachments"][0]["verdict"] == "accepted"
    assert {m.recipients[0] for m in sink.mails} == {"anna@cust.test", "gina@desk.test"}


@pytest.mark.slow
@pytest.mark.req("IN-23")
def test_a_reply_waits_for_a_relay_that_is_down_and_goes_out_once(running: Running, sink: FakeRelay) -> None:
    sink.stop()
    running.send(mail(), "anna@cust.test", "support@desk.test")
    deadline = time.monotonic() + 60
    while not [row for row in running.json("outbox") if row["state"] == "deferred"] and time.monotonic() < deadline:
        time.sleep(0.2)
    sink.start()
    while len(sink.mails) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    running.drain()
    assert sorted(m.recipients[0] for m in sink.mails) == ["anna@cust.test", "gina@desk.test"]


def test_a_part_that_dies_is_started_again_and_nothing_is_lost(running: Running, sink: FakeRelay) -> None:
    for part in ("filer", "worker"):
        (pid,) = running.processes("postern", part)
        os.kill(pid, signal.SIGKILL)
    running.send(mail(), "anna@cust.test", "support@desk.test")
    deadline = time.monotonic() + 60
    while len(sink.mails) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    running.drain()
    assert len(sink.mails) == 2
    assert "again in" in running.log()


@pytest.mark.slow
def test_the_gateway_on_postgresql(tmp_path: Path, sink: FakeRelay, postgres: str) -> None:
    import os

    from sqlalchemy import create_engine, text

    name = f"postern_running_{os.getpid()}"
    admin = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    with Running(tmp_path, relay=sink.url(), database=postgres.rpartition("/")[0] + f"/{name}") as gateway:
        gateway.load(**PEOPLE)
        for number in range(20):
            gateway.send(mail(f"{number}"), "anna@cust.test", "support@hosting.desk.test", "support@moving.desk.test")
        gateway.drain()
        assert len(gateway.json("tickets")) == 40
        assert [row["outcome"] for row in gateway.json("journal")] == ["new"] * 40
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.mark.slow
@pytest.mark.req("X-06")
def test_a_file_of_fifteen_megabytes_goes_the_whole_way(running: Running) -> None:
    content = b"a;b;c;d\n" * (FIFTEEN_MB // 8)
    message = mail("The whole log.")
    message.add_attachment(content, maintype="text", subtype="csv", filename="log.csv")
    running.send(message, "anna@cust.test", "support@desk.test")
    running.drain()
    (told,) = running.json("ticket", TAG)["messages"]
    assert [(file["filename"], file["size"], file["verdict"]) for file in told["attachments"]] == [
        ("log.csv", FIFTEEN_MB, "accepted")
    ]
