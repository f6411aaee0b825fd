"""What becomes of each recipient's mail, from the relay's first word to the last report about it, and who hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from store import clock
from store.apply import apply
from store.commands import Author, NewMessage, OpenTicket, ResendMail, SupportReply, SuppressAddress
from store.errors import BadInput
from store.rules.tokens import Token, sign
from store.schema import Attachment, Outbox, Undeliverable
from tests.fakes import DROP, FakeRelay, until
from tests.harness import Gateway
from tests.workers.bench import Bench, copies

GINA = Author("gina@desk.test", "Gina")
BACK, LATE, ARF, OLD, FORGED, BARRED = "back", "late", "complaint", "old", "forged", "barred"


@dataclass(frozen=True)
class Case:
    """What the relay says to a mail at a stage, or what is reported later; its state at first, and in the end."""

    stage: str
    said: str
    first: str
    last: str
    copies: int = 1


CASES = (
    Case("dot", "250 2.0.0 taken", "accepted", "accepted"),
    *(Case("RCPT", f"{code} not now", "deferred", "accepted") for code in (421, 450, 451, 452)),
    *(Case("DATA", f"{code} not now", "deferred", "accepted") for code in (421, 451)),
    *(Case("dot", f"{code} not now", "deferred", "accepted") for code in (421, 450, 451, 452)),
    Case("RCPT", DROP, "deferred", "accepted"),
    Case("DATA", DROP, "deferred", "accepted"),
    Case("dot", DROP, "deferred", "accepted", 2),
    Case("RCPT", "530 5.7.0 authentication required", "deferred", "accepted"),
    Case("RCPT", "550 5.1.1 no such user", "failed", "failed", 0),
    Case("RCPT", "551 5.1.6 moved", "failed", "failed", 0),
    Case("RCPT", "552 5.2.2 mailbox full", "failed", "failed", 0),
    Case("RCPT", "553 5.1.3 not an address", "failed", "failed", 0),
    Case("DATA", "554 5.7.1 no", "failed", "failed", 0),
    Case("dot", "550 5.7.1 spam", "failed", "failed", 0),
    Case("dot", "552 5.3.4 too large", "failed", "failed", 0),
    Case("dot", "554 5.6.0 not understood", "failed", "failed", 0),
    Case(BACK, "failed 5.1.1", "accepted", "bounced"),
    Case(BACK, "failed 5.2.2", "accepted", "bounced"),
    Case(LATE, "delayed 4.4.1", "accepted", "delayed"),
    Case(LATE, "delayed 4.4.1,failed 5.4.4", "accepted", "bounced"),
    Case(ARF, "abuse", "accepted", "complained"),
    Case(OLD, "failed 5.1.1", "accepted", "accepted"),
    Case(FORGED, "failed 5.1.1", "accepted", "accepted"),
    Case(BARRED, "", "suppressed", "suppressed", 0),
)  # fmt: skip


class Later:
    """The time, put forward."""

    def __init__(self) -> None:
        self.more = timedelta()

    def __call__(self) -> datetime:
        return clock.now() + self.more


@pytest.fixture
def gateway(bench: Bench) -> Gateway:
    desk = Gateway(bench.config, bench.store)
    desk.load(agents=[{"email": "gina@desk.test", "name": "Gina", "desk": "hosting"}])
    return desk


def address(number: int) -> str:
    return f"p{number}@customer.test"


def promise(bench: Bench, count: int) -> list[int]:
    """Answers of Gina that are due, to as many people, who have had their confirmations; their rows."""
    with bench.store.write() as connection:
        for number in range(count):
            message = NewMessage(Author(address(number)), "It smokes.", message_id=f"m{number}@customer.test")
            command = OpenTicket("hosting", "Printer", message, "Support", "medium", "mail:support@desk.test")
            ticket = apply(connection, bench.config, command, clock.now()).ticket
            assert ticket is not None
            connection.execute(update(Outbox).values(state="accepted"))
            apply(connection, bench.config, SupportReply(ticket, NewMessage(GINA, "Open the window.")), clock.now())
            connection.execute(update(Outbox).where(Outbox.c.template != "staff_reply").values(state="accepted"))
        connection.execute(update(Outbox).where(Outbox.c.template == "staff_reply").values(state="due"))
    return [row.id for row in bench.rows() if row.template == "staff_reply"]


def rows(bench: Bench, template: str = "staff_reply") -> list[Any]:
    return [row for row in bench.rows() if row.template == template]


def report(row: Any, action: str, status: str) -> bytes:
    """What a mail system says of a mail."""
    lines = [
        "From: MAILER-DAEMON@mx.test", "To: support@desk.test", f"Subject: {action}", f"Message-ID: <{action}-{row.id}@mx.test>",
        'MIME-Version: 1.0', 'Content-Type: multipart/report; report-type="delivery-status"; boundary="b"', "",
        "--b", "Content-Type: text/plain", "", "It did not work.",
        "--b", "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.test", "",
        f"Final-Recipient: rfc822; {row.recipient}", f"Action: {action}", f"Status: {status}", "",
        "--b", "Content-Type: text/rfc822-headers", "", f"Message-ID: <{row.header_id}>", "", "--b--", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def complaint(row: Any, kind: str) -> bytes:
    """What the provider of a reader says when they call a mail unwanted (RFC 5965)."""
    lines = [
        "From: feedback@provider.test", "To: support@desk.test", "Subject: FW: Printer", f"Message-ID: <arf-{row.id}@provider.test>",
        "MIME-Version: 1.0", 'Content-Type: multipart/report; report-type=feedback-report; boundary="b"', "",
        "--b", "Content-Type: text/plain", "", "This is an email abuse report.",
        "--b", "Content-Type: message/feedback-report", "", f"Feedback-Type: {kind}", "User-Agent: Provider/1",
        "Version: 1", f"Original-Rcpt-To: <{row.recipient}>", "",
        "--b", "Content-Type: message/rfc822", "", f"Message-ID: <{row.header_id}>", "Subject: Printer", "", "Hello", "--b--", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def verp(bench: Bench, row: Any, secret: bytes | None = None) -> str:
    token = Token("bounce", row.event_id, row.person_id)
    return f"support+{sign(token, secret or bench.config.secret)}@desk.test"


def come_back(bench: Bench, gateway: Gateway, case: Case, row: Any) -> None:
    """What the later servers have to say."""
    if case.stage == ARF:
        gateway.receive(complaint(row, case.said), "support@desk.test")
    elif case.stage == FORGED:
        content = report(row, "failed", "5.1.1").replace(row.header_id.encode(), b"x" + row.header_id[1:].encode())
        gateway.receive(content, verp(bench, row, b"another secret"), sender="")
    elif case.stage in (BACK, LATE, OLD):
        if case.stage == OLD:
            with bench.store.write() as connection:
                ended = clock.now() - timedelta(days=15)
                connection.execute(update(Outbox).where(Outbox.c.id == row.id).values(ended=ended))
        for said in case.said.split(","):
            gateway.receive(report(row, *said.split()), verp(bench, row), sender="")


@pytest.mark.req("BR-04")
@pytest.mark.threat(73)
@pytest.mark.threat(74)
@pytest.mark.threat(75)
@pytest.mark.threat(78)
def test_thirty_outcomes_are_thirty_states(bench: Bench, gateway: Gateway, fake: FakeRelay) -> None:
    """Each state is right; a mail put off arrives once; after silence alone there are two copies, of equal bytes."""
    assert len(CASES) >= 30
    later = Later()
    ids = promise(bench, len(CASES))
    for number, case in enumerate(CASES):
        if case.stage in ("RCPT", "DATA", "dot"):
            fake.script(case.stage, case.said, to=address(number))
        elif case.stage == BARRED:
            gateway.apply(SuppressAddress(address(number), GINA))
    with bench.worker(now=later):
        until(lambda: all(row.state not in ("due", "claimed") for row in rows(bench)), 60, lambda: str(bench.states()))
        assert [row.state for row in rows(bench)] == [case.first for case in CASES]
        words = [row.reply for row in rows(bench)]
        later.more = timedelta(hours=1)
        until(lambda: all(row.state not in ("due", "claimed", "deferred") for row in bench.rows()), 60)
    assert [row.id for row in rows(bench)] == ids
    for case, row in zip(CASES, rows(bench), strict=True):
        come_back(bench, gateway, case, row)
    ended = rows(bench)
    assert [(n, row.state) for n, row in enumerate(ended)] == [(n, case.last) for n, case in enumerate(CASES)]
    for case, said in zip(CASES, words, strict=True):
        assert case.stage not in ("RCPT", "DATA", "dot") or case.said == DROP or said == case.said
    arrived = [mail.message_id for mail in fake.mails]
    assert [arrived.count(f"<{row.header_id}>") for row in ended] == [case.copies for case in CASES]
    assert {len(same) for same in copies(fake).values()} == {1}
    told = [row.facts["about"] for row in rows(bench, "undelivered")]
    wrong = [row.recipient for row in ended if row.state in ("failed", "bounced", "suppressed")]
    assert sorted(told) == sorted(wrong)
    assert {row.recipient for row in rows(bench, "undelivered")} == {"gina@desk.test"}


@pytest.mark.req("BR-04")
def test_the_author_is_told_at_once_and_no_notice_is_about_a_notice(
    bench: Bench, gateway: Gateway, fake: FakeRelay
) -> None:
    promise(bench, 1)
    fake.script("RCPT", "550 5.1.1 no such user", times=5)
    with bench.worker():
        bench.settled("accepted", "failed")
        until(lambda: len(rows(bench, "undelivered")) == 1)
        bench.settled("accepted", "failed")
    assert [row.state for row in rows(bench, "undelivered")] == ["failed"]
    assert [e["new"] for e in gateway.ticket("HO#1001")["events"] if e["kind"] == "delivery_failed"] == [
        "p0@customer.test: 550 5.1.1 no such user", "gina@desk.test: 550 5.1.1 no such user",
    ]  # fmt: skip


@pytest.mark.req("BR-04")
def test_the_notice_says_who_was_not_reached_and_why(bench: Bench, gateway: Gateway, fake: FakeRelay) -> None:
    promise(bench, 1)
    fake.script("RCPT", "550 5.1.1 no such user", to=address(0))
    with bench.worker():
        (mail,) = fake.wait(1)
    assert mail.recipients == ("gina@desk.test",)
    assert b"p0@customer.test: 550 5.1.1 no such user" in mail.content.replace(b"=\r\n", b"")
    assert mail.sender.startswith("no-reply+")  # its own way back, which tells nobody


@pytest.mark.threat(78)
def test_many_reports_about_one_mail_are_told_once(bench: Bench, gateway: Gateway, fake: FakeRelay) -> None:
    promise(bench, 1)
    with bench.worker():
        bench.settled()
    (row,) = rows(bench)
    for number in range(10):
        content = report(row, "failed", "5.1.1").replace(b"failed-", b"failed-%d-" % number)
        assert gateway.receive(content, verp(bench, row), sender="")["outcome"] == "bounce"
    assert len(rows(bench, "undelivered")) == 1
    assert [e["kind"] for e in gateway.ticket("HO#1001")["events"]].count("delivery_failed") == 1
    with bench.store.read() as connection:
        assert connection.execute(select(Undeliverable.c.hard)).scalar_one() == 1


# --- suppression


def strike(bench: Bench, gateway: Gateway, times: int, status: str = "5.1.1", proved: bool = True) -> None:
    """So many mails to one address come back."""
    for number in range(times):
        gateway.support_replies("HO#1001", f"Answer {number}")
        with bench.store.write() as connection:
            connection.execute(update(Outbox).where(Outbox.c.state == "due").values(state="accepted"))
        row = rows(bench)[-1]
        assert row.state == "accepted"
        to = verp(bench, row) if proved else "support@desk.test"
        gateway.receive(report(row, "failed", status), to, sender="")
        assert rows(bench)[-1].state == "bounced"


@pytest.fixture
def returned(bench: Bench, gateway: Gateway) -> Iterator[Gateway]:
    promise(bench, 1)
    with bench.store.write() as connection:
        connection.execute(update(Outbox).values(state="accepted"))
    yield gateway


@pytest.mark.threat(78)
@pytest.mark.parametrize(
    ("times", "status", "proved", "state"),
    [(2, "5.1.1", True, "accepted"), (3, "5.1.1", True, "suppressed"), (4, "5.2.2", True, "accepted"), (4, "5.1.1", False, "accepted")],
)  # fmt: skip
def test_hard_bounces_suppress_an_address_after_some(
    bench: Bench, returned: Gateway, fake: FakeRelay, times: int, status: str, proved: bool, state: str
) -> None:
    """Not those of a full mailbox, nor those that only name a Message-ID, which many people know."""
    strike(bench, returned, times, status, proved)
    returned.support_replies("HO#1001", "Are you there?")
    with bench.worker():
        until(lambda: rows(bench)[-1].state == state, say=lambda: str(rows(bench)[-1]))
    last = rows(bench)[-1]
    assert (last.state == "suppressed") == last.reply.startswith("the address is suppressed: 5.1.1")


def test_a_mail_is_sent_again_as_the_same_mail_and_lifts_the_suppression_only_on_purpose(
    bench: Bench, returned: Gateway, fake: FakeRelay
) -> None:
    strike(bench, returned, 3)
    row = rows(bench)[-1]
    with pytest.raises(BadInput, match="gets no mail"):
        returned.apply(ResendMail(row.id, GINA))
    returned.apply(ResendMail(row.id, GINA, lift=True))
    with bench.worker():
        until(lambda: rows(bench)[-1].state == "accepted")
    assert f"<{row.header_id}>" in [mail.message_id for mail in fake.mails]
    with pytest.raises(BadInput, match="nothing to send again"):
        returned.apply(ResendMail(row.id, GINA))
    assert "resent" in [event["kind"] for event in returned.ticket("HO#1001")["events"]]


def test_a_count_that_was_lifted_begins_anew(bench: Bench, returned: Gateway, fake: FakeRelay, tmp_path: Path) -> None:
    strike(bench, returned, 3)
    returned.apply(ResendMail(rows(bench)[-1].id, GINA, lift=True))
    strike(bench, returned, 2)
    with bench.store.read() as connection:
        assert connection.execute(select(Undeliverable.c.hard, Undeliverable.c.suppressed)).one() == (2, None)


# --- size


@pytest.mark.threat(76)
def test_files_too_large_for_the_relay_become_links_before_sending(bench: Bench, gateway: Gateway) -> None:
    """The relay says at EHLO what it takes (RFC 1870)."""
    with FakeRelay(size=400_000) as small:
        bench.configure(small.url())
        (id_,) = promise(bench, 1)
        with bench.store.write() as connection:
            about = connection.execute(select(Outbox.c.message_id).where(Outbox.c.id == id_)).scalar_one()
            for name, size in (("log.txt", 60_000), ("dump.zip", 500_000)):
                digest = bench.store.blobs.put(name.encode() * (size // len(name)))
                values = {"message_id": about, "filename": name, "content_type": "text/plain", "size": size, "sha256": digest,
                          "inline": False, "verdict": "accepted"}  # fmt: skip
                connection.execute(insert(Attachment), [values])
        with bench.worker():
            bench.settled()
        (mail,) = small.mails
    assert len(mail.content) < 400_000
    message = message_from_bytes(mail.content, policy=policy.default)
    assert [part.get_filename() for part in message.iter_attachments()] == ["log.txt"]  # type: ignore[attr-defined]
    text = message.get_body(("plain",)).get_content()  # type: ignore[attr-defined]
    assert "Also on the ticket:\n- dump.zip (488 KB)" in text.replace("\r", "")
    assert "http://127.0.0.1:8080/t/HO-1001#m" in text


@pytest.mark.threat(76)
def test_a_relay_too_small_for_the_words_alone_is_told_to_the_author(bench: Bench, gateway: Gateway) -> None:
    with FakeRelay(size=1000) as tiny:
        bench.configure(tiny.url())
        promise(bench, 1)
        with bench.worker():
            until(lambda: rows(bench)[0].state == "failed")
    assert "the relay takes 1000 at most" in rows(bench)[0].reply
    assert len(rows(bench, "undelivered")) == 1
