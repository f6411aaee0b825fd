"""Mail that is meant to fool, flood or leak, and honest mail that only looks like it."""

from __future__ import annotations

import errno
from email import message_from_bytes, policy
from email.message import EmailMessage
from hashlib import sha256

import pytest

from gateway import studying
from store import journal, views
from store.clock import now
from store.errors import Temporary
from store.journal import Incoming
from store.rules.tokens import Token, sign
from templates.words import NOTICE_MARKS
from tests import one_row
from tests.harness import Gateway, mail
from workers.compose import compose

TAG = "HO#1001"


def incoming(message: EmailMessage) -> Incoming:
    raw = bytes(message).replace(b"\n", b"\r\n")
    return Incoming("smtp", now(), "env@cust.test", (("hosting", ("support@desk.test",)),), raw)


# --- honest mail is never swallowed


@pytest.mark.parametrize(
    "subject",
    [
        "Delivery failure: my boxes never arrived",
        "Mail delivery failed for our whole domain, please help",
        "Undeliverable: mails to our customers",
        "Out of office: I cannot switch it off",
        "Failure notice",
    ],
)
def test_words_like_those_of_a_machine_never_cost_a_person_the_ticket(gateway: Gateway, subject: str) -> None:
    row = gateway.receive(mail("Please help", subject=subject))
    assert (row["outcome"], row["ticket"]) == ("new", TAG)


def test_a_forwarding_service_may_use_our_mailbox_as_envelope_sender(gateway: Gateway) -> None:
    row = gateway.receive(mail(), sender="support+caf_=support=desk.test@desk.test")
    assert row["outcome"] == "new"


@pytest.mark.threat(37)
def test_the_loop_mark_of_another_installation_is_not_ours(gateway: Gateway) -> None:
    gateway.receive(mail())
    row = gateway.receive(mail("a human answer", subject=f"Re: [{TAG}]", X_Postern_Loop="hosting abcdef"))
    assert (row["outcome"], row["ticket"]) == ("reply", TAG)


def test_an_alarm_without_message_id_may_repeat_after_days(gateway: Gateway) -> None:
    raw = b"From: cron@cust.test\r\nSubject: disk full\r\n\r\ndisk full\r\n"
    assert gateway.receive(raw, sender="cron@cust.test")["outcome"] == "new"
    assert gateway.receive(raw, sender="cron@cust.test")["outcome"] == "duplicate"
    with gateway.store.write() as connection:
        connection.exec_driver_sql("UPDATE outcome SET at = '2020-01-01 00:00:00'")
    assert gateway.receive(raw, sender="cron@cust.test")["outcome"] == "new"


def test_an_absence_note_to_the_envelope_address_is_no_delivery_report(gateway: Gateway) -> None:
    gateway.receive(mail())
    gateway.support_replies(TAG)
    sent = next(row for row in gateway.outbox() if row["template"] == "staff_reply")
    token = sign(Token("bounce", sent["event"], gateway.person("anna@cust.test")), gateway.config.secret)
    note = mail("I am away", subject=f"Automatic reply: [{TAG}]", Auto_Submitted="auto-replied")
    row = gateway.receive(note, f"no-reply+{token}@desk.test", sender="")
    assert (row["outcome"], row["ticket"]) == ("auto", TAG)


# --- nobody joins, floods or reads along


@pytest.mark.threat(42)
def test_whoever_knows_only_the_number_cannot_put_people_on_the_ticket(gateway: Gateway) -> None:
    gateway.receive(mail("my password is secret"))
    forged = mail("me again", subject=f"Re: [{TAG}]", Cc="Mallory <mallory@evil.test>")
    assert gateway.receive(forged)["ticket"] == TAG
    gateway.support_replies(TAG, "for Anna alone")
    assert "mallory@evil.test" not in [who for who, _ in gateway.told()]
    ticket = gateway.ticket(TAG)
    assert ticket["cc"] == []
    assert ("cc_left_out", "mallory@evil.test") in [(e["kind"], e["new"]) for e in ticket["events"]]


@pytest.mark.req("HO-22")
def test_a_reply_to_the_signed_address_adds_its_cc(gateway: Gateway) -> None:
    gateway.receive(mail())
    to = gateway.reply_address(TAG, "anna@cust.test")
    gateway.receive(mail("please copy Carl", Cc="carl@third.test"), to)
    assert gateway.ticket(TAG)["cc"] == ["carl@third.test"]


@pytest.mark.threat(38)
def test_a_forged_opener_is_not_mailed_by_writing_on_their_ticket(gateway: Gateway) -> None:
    gateway.receive(mail(sender="victim@victim.test", Cc="mallory@evil.test"))
    for number in range(12):
        gateway.receive(mail(f"again {number}", sender="mallory@evil.test", subject=f"Re: [{TAG}]"))
    assert [t for who, t in gateway.told() if who == "victim@victim.test"] == ["confirmation"]


@pytest.mark.threat(39)
def test_a_message_id_used_again_does_not_draw_the_owners_mail_to_a_stranger(gateway: Gateway) -> None:
    first = mail("my first")
    gateway.receive(first)
    stolen = mail("mine", sender="mallory@evil.test", Message_ID=str(first["Message-ID"]), Cc="anna@cust.test")
    gateway.receive(stolen)
    row = gateway.receive(mail("a secret", subject="one more thing", In_Reply_To=str(first["Message-ID"])))
    assert row["ticket"] == TAG


def test_a_header_that_names_an_agent_does_not_keep_the_notice_from_them(gateway: Gateway) -> None:
    gateway.receive(mail(to="support@desk.test, gina@desk.test"))
    assert ("gina@desk.test", "staff_notice") in gateway.told()


# --- an answer of support never carries the notice it answers


def notice(gateway: Gateway, ticket: str) -> str:
    rows = [r for r in gateway.outbox() if r["recipient"] == "gina@desk.test" and r["ticket"] == ticket]
    for row in rows:  # in the order they go out
        if taken := one_row.claim(gateway.store, row["id"], "test", now()):
            letter = taken
            one_row.accept(gateway.store, row["id"], "test", "250 ok", now())
    desk = gateway.config.desks["hosting"]
    sent = compose(letter, desk, secret=gateway.config.secret, read_blob=gateway.store.blobs.get)
    body = message_from_bytes(sent.content, policy=policy.default).get_body(("plain",))  # type: ignore[attr-defined]
    return str(body.get_content())


@pytest.mark.req("IN-20")
@pytest.mark.parametrize("shape", ["only the quotation", "the bare notice", "nothing"])
def test_an_answer_without_words_of_its_own_is_kept_as_a_note_and_its_author_is_told(
    gateway: Gateway, shape: str
) -> None:
    gateway.receive(mail())
    text = notice(gateway, TAG)
    assert NOTICE_MARKS["en"] in text
    body = {
        "only the quotation": "\n".join(f"> {line}" for line in text.splitlines()),
        "the bare notice": text,
        "nothing": "",
    }[shape]
    before = len(gateway.told())
    row = gateway.receive(mail(body, sender="gina@desk.test"), gateway.reply_address(TAG, "gina@desk.test"))
    assert (row["outcome"], row["ticket"]) == ("reply", TAG)
    ticket = gateway.ticket(TAG)
    assert ticket["messages"][-1]["note"]
    assert ticket["state"] == "new"
    assert gateway.told()[before:] == [("gina@desk.test", "staff_notice")]
    assert "was not sent" in " ".join(notice(gateway, TAG).split())


@pytest.mark.parametrize("shape", ["known", "header block", "bare", "quoted and wrapped"])
@pytest.mark.threat(47)
def test_the_notice_below_an_answer_reaches_no_customer_however_a_client_quotes_it(
    gateway: Gateway, shape: str
) -> None:
    gateway.receive(mail())
    text = notice(gateway, TAG)
    quoted = "\n".join(f"> {line}" for line in text.splitlines())
    body = {
        "known": f"Restart it.\n\nOn Mon, 2 Mar 2026 at 10:00, Hosting support <support@desk.test> wrote:\n{quoted}",
        "header block": f"Restart it.\n\n________\nVan: Hosting\nAan: Gina\nOnderwerp: x\n\n{text}",
        "bare": f"Restart it.\n\n{text}",
        "quoted and wrapped": "Restart it.\n\n"
        + quoted.replace("Please write your answer", "Please write your\n> answer"),
    }[shape]
    gateway.receive(mail(body, sender="gina@desk.test"), gateway.reply_address(TAG, "gina@desk.test"))
    with gateway.store.read() as connection:
        row, _ = views.find_ticket(connection, gateway.config, TAG)
        public = views.ticket(connection, gateway.config, row, public_only=True)
    answer = public["messages"][-1]
    assert answer["side"] == "support"
    assert answer["text"].startswith("Restart it.")
    assert "Came in by" not in str(public) and "above this line" not in str(public)
    assert "Came in by" in gateway.ticket(TAG)["messages"][-1]["hidden"]
    assert gateway.told()[-1] == ("anna@cust.test", "staff_reply")


@pytest.mark.threat(47)
def test_what_staff_quote_between_their_answers_reaches_no_customer(gateway: Gateway) -> None:
    """Even where the client left out what marks the notice."""
    gateway.receive(mail())
    body = "> Came in by mail:support\nRestart it.\n  > evidence-disagrees\nThen call us."
    gateway.receive(mail(body, sender="gina@desk.test"), gateway.reply_address(TAG, "gina@desk.test"))
    with gateway.store.read() as connection:
        row, _ = views.find_ticket(connection, gateway.config, TAG)
        public = views.ticket(connection, gateway.config, row, public_only=True)
    assert public["messages"][-1]["text"].split("\n") == ["Restart it.", "Then call us."]
    assert "evidence-disagrees" not in str(public)


def test_an_answer_through_a_group_address_to_the_signed_address_is_an_answer(gateway: Gateway) -> None:
    gateway.receive(mail())
    gateway.support_replies(TAG)
    to = gateway.reply_address(TAG, "anna@cust.test")
    row = gateway.receive(mail("yes", List_Id="<all.cust.test>", Precedence="list"), to)
    assert (row["outcome"], gateway.ticket(TAG)["state"]) == ("reply", "waiting_support")


# --- trouble of our own costs no mail


@pytest.mark.threat(87)
def test_a_full_disk_is_waited_for_and_every_mail_is_then_read_in_full(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = iter(range(8))
    put = studying.Blobs.put

    def full(blobs: studying.Blobs, content: bytes, digest: str | None = None) -> str:
        if next(fails, None) is not None:
            raise OSError(errno.ENOSPC, "no space left")
        return put(blobs, content, digest)

    monkeypatch.setattr(studying.Blobs, "put", full)
    message = mail("with a file")
    message.add_attachment(b"hello", maintype="text", subtype="plain", filename="log.txt")
    journal.append(gateway.store, [incoming(message), incoming(mail("a neighbour", sender="boss@cust.test"))])
    waits = 0
    while len(gateway.tickets()) < 2 and waits < 20:
        try:
            gateway.filer.file_next()
        except Temporary:
            waits += 1
    assert waits >= 4
    tickets = [gateway.ticket(t["tag"]) for t in reversed(gateway.tickets())]
    assert [t["requester"] for t in tickets] == ["anna@cust.test", "boss@cust.test"]
    assert [len(t["messages"][0]["attachments"]) for t in tickets] == [1, 0]
    assert all("unreadable" not in t["flags"] for t in tickets)


def test_a_mail_whose_bytes_are_gone_does_not_stop_the_next(gateway: Gateway) -> None:
    big = incoming(mail("x" * 200_000))
    journal.append(gateway.store, [big])
    gateway.store.blobs.path(sha256(big.raw).hexdigest()).unlink()
    gateway.receive(mail("the next mail"))
    assert [row["outcome"] for row in gateway.journal()] == ["dead", "new"]
    assert "missing" in gateway.journal()[0]["reason"]


def test_a_mail_that_kills_filers_is_taken_alone_and_in_the_end_only_salvaged(gateway: Gateway) -> None:
    """Each new filer finds rows that its predecessor died with."""
    from gateway.filer import DEATHS, Filer
    from gateway.studying import Students
    from store import outcomes

    journal.append(gateway.store, [incoming(mail(f"mail {n}")) for n in range(3)])
    rows = journal.rows_after(gateway.store, 0, 10)
    outcomes.count_attempts(gateway.store, rows, now())
    for _ in range(DEATHS):
        outcomes.count_attempts(gateway.store, rows[:1], now())
    filer = Filer(gateway.config, gateway.store, Students(gateway.store.blobs, workers=0))
    assert [filer.file_next() for _ in range(4)] == [1, 1, 1, 0]
    flags = [ticket["flags"] for ticket in reversed(gateway.tickets())]
    assert ["unreadable" in flag for flag in flags] == [True, False, False]


def test_a_filer_that_stops_in_good_order_takes_its_attempts_back(gateway: Gateway) -> None:
    from store import outcomes

    class Stopped:
        def is_set(self) -> bool:
            return True

        def wait(self, _seconds: float) -> bool:
            return True

    journal.append(gateway.store, [incoming(mail())])
    assert gateway.filer._leads()
    gateway.filer._take()
    assert outcomes.progress(gateway.store) == (0, set(), {1: 1})
    gateway.filer.run(Stopped())
    assert outcomes.progress(gateway.store) == (0, set(), {})
