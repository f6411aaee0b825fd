"""What becomes of a mail, through the real filer and a real database."""

from __future__ import annotations

import pytest

from gateway import hand
from gateway.cli.demo.files import screenshot
from gateway.studying import Students
from store import journal, ledgers, undelivered, views
from store.clock import now
from store.commands import AddNote, Author, NewMessage, UnsuppressAddress
from store.journal import Incoming
from store.rules.tokens import Token, loop_mark, sign
from tests.conftest import installation
from tests.harness import Gateway, mail
from tests.stores import open_lightly

TAG = "HO#1001"


@pytest.mark.req("BR-01")
@pytest.mark.req("HO-08")
@pytest.mark.req("X-12")
def test_new_mail_is_a_ticket_with_number_origin_and_a_confirmation(gateway: Gateway) -> None:
    row = gateway.receive(mail("My disk is full."))
    assert (row["outcome"], row["ticket"]) == ("new", TAG)
    ticket = gateway.ticket(TAG)
    assert ticket["subject"] == "Printer broken"
    assert ticket["requester"] == "anna@cust.test"
    assert ticket["organization"] == "acme"
    assert ticket["origin"] == "mail:support@desk.test"
    assert ticket["messages"][0]["text"] == "My disk is full."
    assert gateway.told() == [("anna@cust.test", "confirmation"), ("gina@desk.test", "staff_notice")]


@pytest.mark.req("BR-02")
@pytest.mark.req("EQ-39")
@pytest.mark.parametrize("evidence", ["reply_address", "own_message_id", "message_id", "subject_tag"])
def test_each_kind_of_evidence_is_enough_alone(gateway: Gateway, evidence: str) -> None:
    first = mail()
    gateway.receive(first)
    gateway.support_replies(TAG)
    sent = next(row for row in gateway.outbox() if row["template"] == "staff_reply")
    answer = mail("Still broken", subject="no tag at all")
    to = "support@desk.test"
    match evidence:
        case "reply_address":
            to = gateway.reply_address(TAG, "anna@cust.test").upper()
        case "own_message_id":
            answer["In-Reply-To"] = f"<{sent['message_id']}>"
        case "message_id":
            answer["References"] = f"<unknown@x.test> {first['Message-ID']}"
        case "subject_tag":
            answer.replace_header("Subject", f"AW: Re: [HO # 1001] {first['Subject']}")
    row = gateway.receive(answer, to)
    assert (row["outcome"], row["ticket"]) == ("reply", TAG)
    ticket = gateway.ticket(TAG)
    assert [m["text"] for m in ticket["messages"]] == ["Hello", "Please restart it.", "Still broken"]
    assert (ticket["state"], ticket["last_reply_by"]) == ("waiting_support", "customer")


@pytest.mark.req("BR-02")
@pytest.mark.req("X-01")
@pytest.mark.req("EQ-59")
@pytest.mark.threat(39)
def test_a_stranger_with_the_right_tag_gets_a_ticket_of_their_own_and_nothing_else_happens(gateway: Gateway) -> None:
    gateway.receive(mail("the secret"))
    gateway.support_replies(TAG, close=True)
    before = len(gateway.outbox())
    row = gateway.receive(mail("let me in", sender="M <mallory@evil.test>", subject=f"Re: [{TAG}] Printer broken"))
    assert (row["outcome"], row["ticket"]) == ("new", "HO#1002")
    own, named = gateway.ticket("HO#1002"), gateway.ticket(TAG)
    assert own["flags"] == ["stranger"]
    assert own["links"] == [{"kind": "claims", "ticket": TAG}]
    assert named["state"] == "closed"
    assert len(named["messages"]) == 2
    assert [r["recipient"] for r in gateway.outbox()[before:]] == ["gina@desk.test"]


@pytest.mark.threat(39)
def test_two_thousand_numbers_tried_by_a_stranger_open_nothing(gateway: Gateway) -> None:
    gateway.receive(mail())
    for number in (1, 999, 1000, 1002, 5000):
        gateway.receive(mail(sender="m@evil.test", subject=f"[HO#{number}] x"))
    assert len(gateway.ticket(TAG)["messages"]) == 1


@pytest.mark.req("HO-22")
@pytest.mark.req("MV-15")
@pytest.mark.req("X-08")
def test_people_on_cc_get_public_replies_and_may_answer(gateway: Gateway) -> None:
    gateway.receive(mail(Cc="Carl <carl@third.test>, support@desk.test, safety+x@desk.test"))
    assert gateway.ticket(TAG)["cc"] == ["carl@third.test"]
    gateway.support_replies(TAG)
    assert ("carl@third.test", "cc_copy") in gateway.told()
    row = gateway.receive(mail("I agree", sender="carl@third.test", subject=f"Re: [{TAG}]"))
    assert (row["outcome"], row["ticket"]) == ("reply", TAG)


@pytest.mark.req("X-03")
@pytest.mark.threat(35)
def test_the_same_mail_again_changes_nothing_but_a_more_urgent_mailbox_raises(gateway: Gateway) -> None:
    message = mail()
    gateway.receive(message)
    told = gateway.told()
    traced = b"Received: from relay.test by mx.test; Mon, 02 Mar 2026 10:00:01 +0000\r\n" + bytes(message)
    row = gateway.receive(traced, "safety@desk.test")
    assert (row["outcome"], row["ticket"]) == ("duplicate", TAG)
    ticket = gateway.ticket(TAG)
    assert (len(ticket["messages"]), ticket["priority"]) == (1, "urgent")
    assert gateway.told() == [*told, ("gina@desk.test", "staff_notice")]
    gateway.receive(traced, "safety@desk.test")
    assert len(gateway.told()) == len(told) + 1


@pytest.mark.threat(35)
def test_an_equal_message_id_with_other_words_is_another_mail(gateway: Gateway) -> None:
    gateway.receive(mail("one", Message_ID="<same@cust.test>"))
    row = gateway.receive(mail("two", Message_ID="<same@cust.test>"))
    assert row["outcome"] == "new"


@pytest.mark.threat(35)
def test_two_people_may_send_equal_words_without_a_message_id(gateway: Gateway) -> None:
    raw = b"From: anna@cust.test\r\nSubject: x\r\n\r\nhi\r\n"
    assert gateway.receive(raw, sender="anna@cust.test")["outcome"] == "new"
    assert gateway.receive(raw, sender="other@cust.test")["outcome"] == "new"
    assert gateway.receive(raw, sender="other@cust.test")["outcome"] == "duplicate"


@pytest.mark.req("X-04")
@pytest.mark.parametrize(
    "header",
    [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"List_Id": "<news.cust.test>"}],
    ids=["vacation", "bulk", "list"],
)
@pytest.mark.threat(36)
def test_automatic_mail_stays_on_its_ticket_and_changes_nothing(gateway: Gateway, header: dict[str, str]) -> None:
    gateway.receive(mail())
    gateway.support_replies(TAG)
    told = gateway.told()
    row = gateway.receive(mail("I am away", subject=f"Automatic reply: [{TAG}]", **header))
    assert (row["outcome"], row["ticket"]) == ("auto", TAG)
    ticket = gateway.ticket(TAG)
    assert ticket["state"] == "waiting_customer"
    assert ticket["messages"][-1]["side"] == "system"
    assert gateway.told() == told


def test_an_alarm_that_names_no_ticket_is_a_ticket_and_not_answered(gateway: Gateway) -> None:
    row = gateway.receive(mail("disk at 91 %", sender="monitor@cust.test", Auto_Submitted="auto-generated"))
    assert row["outcome"] == "new"
    assert gateway.told() == [("gina@desk.test", "staff_notice")]


@pytest.mark.threat(36)
def test_the_null_sender_is_not_answered(gateway: Gateway) -> None:
    gateway.receive(mail(), sender="")
    assert gateway.told() == [("gina@desk.test", "staff_notice")]


@pytest.mark.req("X-04")
@pytest.mark.parametrize("kind", ["own address", "loop mark", "own Message-ID"])
@pytest.mark.threat(37)
def test_our_own_mail_is_recorded_and_never_answered(gateway: Gateway, kind: str) -> None:
    gateway.receive(mail())
    told = gateway.told()
    message = mail(subject=f"[{TAG}]")
    match kind:
        case "own address":
            message.replace_header("From", "Hosting <support+x@desk.test>")
        case "loop mark":
            message["X-Postern-Loop"] = loop_mark(gateway.config.secret)
        case "own Message-ID":
            message.replace_header("Message-ID", f"<{gateway.outbox()[0]['message_id']}>")
    row = gateway.receive(message)
    assert (row["outcome"], row["ticket"]) == ("auto", None)
    assert gateway.told() == told


def delivery_report(permanent: bool = True) -> bytes:
    action, code = ("failed", "5.1.1") if permanent else ("delayed", "4.4.1")
    lines = [
        "From: MAILER-DAEMON@cust.test", "To: no-reply@desk.test", "Subject: Undelivered Mail Returned to Sender",
        "Message-ID: <dsn1@cust.test>", "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type="delivery-status"; boundary="b"', "",
        "--b", "Content-Type: text/plain", "", "It did not work.",
        "--b", "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.cust.test", "",
        "Final-Recipient: rfc822; anna@cust.test", f"Action: {action}", f"Status: {code}", "", "--b--", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


@pytest.mark.req("X-05")
@pytest.mark.parametrize("permanent", [True, False])
@pytest.mark.threat(78)
def test_a_delivery_report_marks_the_very_mail_it_is_about(gateway: Gateway, permanent: bool) -> None:
    gateway.receive(mail())
    gateway.support_replies(TAG)
    sent = next(row for row in gateway.outbox() if row["template"] == "staff_reply")
    with gateway.store.write() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = 'accepted'")
    token = sign(Token("bounce", sent["event"], gateway.person("anna@cust.test")), gateway.config.secret)
    row = gateway.receive(delivery_report(permanent), f"no-reply+{token}@desk.test", sender="")
    assert (row["outcome"], row["ticket"]) == ("bounce", TAG)
    states = {r["id"]: r["state"] for r in gateway.outbox()}
    assert states[sent["id"]] == ("bounced" if permanent else "delayed")
    ticket = gateway.ticket(TAG)
    assert ticket["state"] == "waiting_customer"
    assert [e["kind"] for e in ticket["events"]][-1] == ("delivery_failed" if permanent else "delivery_delayed")
    assert len(ticket["messages"]) == 2


@pytest.mark.threat(78)
def test_a_delivery_report_about_nothing_of_ours_opens_no_ticket(gateway: Gateway) -> None:
    row = gateway.receive(delivery_report(), sender="")
    assert (row["outcome"], row["ticket"]) == ("bounce", None)
    assert gateway.told() == []


@pytest.mark.req("BR-10")
@pytest.mark.req("EQ-63")
@pytest.mark.req("EQ-64")
@pytest.mark.parametrize(
    ("mailbox", "department", "priority"),
    [
        ("safety", "Safety", "urgent"),
        ("access", "Access", "high"),
        ("login", "Access", "high"),
        ("support", "Support", "medium"),
    ],
)
def test_the_mailbox_in_the_envelope_gives_department_and_priority(
    gateway: Gateway, mailbox: str, department: str, priority: str
) -> None:  # fmt: skip
    gateway.receive(mail(to="undisclosed-recipients:;"), f"{mailbox}@desk.test")
    ticket = gateway.ticket(TAG)
    assert (ticket["department"], ticket["priority"]) == (department, priority)


@pytest.mark.req("HO-03")
def test_the_staff_of_the_department_is_told(gateway: Gateway) -> None:
    gateway.receive(mail(to="billing@desk.test"), "billing@desk.test")
    assert gateway.told()[1:] == [("gina@desk.test", "staff_notice"), ("billy@desk.test", "staff_notice")]


def test_a_mail_to_two_mailboxes_of_a_desk_is_one_ticket_of_the_most_urgent(gateway: Gateway) -> None:
    gateway.receive(mail(), "support@desk.test", "safety@desk.test")
    assert [(t["tag"], t["department"]) for t in gateway.tickets()] == [(TAG, "Safety")]


@pytest.mark.req("HO-39")
def test_the_customer_may_mark_a_mail_as_important_where_the_desk_lets_them(gateway: Gateway) -> None:
    gateway.receive(mail(Importance="high"))
    assert gateway.ticket(TAG)["priority"] == "high"


@pytest.mark.req("IN-18")
@pytest.mark.req("EQ-07")
@pytest.mark.req("BR-03")
def test_the_ticket_keeps_the_text_and_the_good_files_and_names_the_refused(gateway: Gateway) -> None:
    message = mail("See the files.")
    message.add_attachment(screenshot(), maintype="image", subtype="png", filename="screen.png")
    message.add_attachment(b"MZ\x90\0", maintype="application", subtype="octet-stream", filename="setup.exe")
    gateway.receive(message)
    ticket = gateway.ticket(TAG)
    files = {f["filename"]: (f["verdict"], f["reason"]) for f in ticket["messages"][0]["attachments"]}
    assert files["screen.png"] == ("accepted", None)
    assert files["setup.exe"][0] == "refused"
    assert "attachment_refused" in [e["kind"] for e in ticket["events"]]
    digest = ticket["messages"][0]["attachments"][0]["sha256"]
    assert gateway.store.blobs.get(digest) == screenshot()
    facts = _facts(gateway, "confirmation")
    assert [f["filename"] for f in facts["refused"]] == ["setup.exe"]


def test_a_reply_with_a_refused_file_tells_its_known_writer_once(gateway: Gateway) -> None:
    gateway.receive(mail())
    message = mail(subject=f"[{TAG}]")
    message.add_attachment(b"MZ", maintype="application", subtype="octet-stream", filename="setup.exe")
    gateway.receive(message)
    assert gateway.told().count(("anna@cust.test", "attachment_refused")) == 1


@pytest.mark.threat(38)
def test_a_stranger_gets_a_fixed_answer_without_their_own_words(gateway: Gateway) -> None:
    message = mail("BUY NOW", sender="Spam <spam@evil.test>", subject="BUY NOW")
    message.add_attachment(b"MZ", maintype="application", subtype="octet-stream", filename="BUY.exe")
    gateway.receive(message)
    facts = _facts(gateway, "confirmation")
    assert facts["known"] is False
    assert "BUY" not in str({k: v for k, v in facts.items() if k != "references"})


def test_what_is_odd_about_a_ticket_is_frozen_for_staff_alone(gateway: Gateway) -> None:
    gateway.receive(mail())
    gateway.receive(mail(sender="bob@else.test", subject=f"Re: [{TAG}]"))
    gateway.support_replies("HO#1002")
    notice, answer = _facts(gateway, "staff_notice", 1), _facts(gateway, "staff_reply")
    assert (notice["flags"], notice["claims"]) == (["stranger"], TAG)
    assert (answer["flags"], answer["claims"]) == ([], None)


@pytest.mark.parametrize("sender", ["new@evil.test", "anna@cust.test"], ids=["stranger", "known"])
@pytest.mark.threat(36)
@pytest.mark.threat(38)
def test_automatic_answers_to_one_address_are_bounded(gateway: Gateway, sender: str) -> None:
    for number in range(25):
        gateway.receive(mail(str(number), sender=sender))
    answered = [row for row in gateway.told() if row == (sender, "confirmation")]
    assert len(answered) == (3 if sender.startswith("new") else 20)
    assert len(gateway.tickets()) == 25


# --- staff by mail


@pytest.mark.req("EQ-35")
@pytest.mark.req("HO-11")
@pytest.mark.req("IN-20")
def test_staff_answer_by_mail_from_their_signed_address(gateway: Gateway) -> None:
    gateway.receive(mail())
    to = gateway.reply_address(TAG, "gina@desk.test")
    row = gateway.receive(
        mail("Restart it, please.", sender="Gina <gina@desk.test>", to=to, subject="Re: anything"), to
    )
    assert (row["outcome"], row["ticket"]) == ("reply", TAG)
    ticket = gateway.ticket(TAG)
    assert (ticket["messages"][-1]["side"], ticket["label"]) == ("support", "Answered")
    assert gateway.told()[-1] == ("anna@cust.test", "staff_reply")


@pytest.mark.parametrize("how", ["subject", "address of another person", "address of another ticket"])
@pytest.mark.threat(40)
def test_a_staff_address_without_proof_says_nothing_in_the_name_of_support(gateway: Gateway, how: str) -> None:
    gateway.receive(mail())
    gateway.receive(mail("another"))
    to, subject = "support@desk.test", f"Re: [{TAG}]"
    if how == "address of another person":
        to = gateway.reply_address(TAG, "anna@cust.test")
    elif how == "address of another ticket":
        to = gateway.reply_address("HO#1002", "billy@desk.test")
    before = gateway.told()
    row = gateway.receive(mail("Send money", sender="gina@desk.test", to=to, subject=subject), to)
    assert row["ticket"] == "HO#1003"
    assert gateway.ticket("HO#1003")["flags"][:2] == ["held", "unproved-staff"]
    assert len(gateway.ticket(TAG)["messages"]) == 1
    told = gateway.told()[len(before) :]
    assert ("gina@desk.test", "confirm_request") in told
    assert not {who for who, template in told if template != "address_used"} - {"gina@desk.test", "billy@desk.test"}


@pytest.mark.threat(40)
@pytest.mark.threat(41)
def test_a_staff_mail_that_fails_dmarc_is_not_believed(gateway: Gateway) -> None:
    trusted = gateway.config.settings.auth.model_copy(update={"trusted_host": "mx.desk.test"})
    gateway.config.settings = gateway.config.settings.model_copy(update={"auth": trusted})
    gateway.receive(mail())
    to = gateway.reply_address(TAG, "gina@desk.test")
    forged = mail("x", sender="gina@desk.test", Authentication_Results="mx.desk.test; dmarc=fail header.from=desk.test")
    assert gateway.receive(forged, to)["ticket"] == "HO#1002"
    honest = mail("y", sender="gina@desk.test", Authentication_Results="mx.desk.test; dmarc=pass header.from=desk.test")
    assert gateway.receive(honest, to)["ticket"] == TAG


def test_a_signed_address_used_by_somebody_else_is_held(gateway: Gateway) -> None:
    gateway.receive(mail())
    to = gateway.reply_address(TAG, "anna@cust.test")
    row = gateway.receive(mail("forwarded", sender="friend@else.test", subject="x"), to)
    assert (row["outcome"], row["ticket"]) == ("held", "HO#1002")
    assert gateway.ticket("HO#1002")["flags"] == ["held", "stranger"]


def test_a_signed_address_confirms_that_its_person_reads_their_mail(gateway: Gateway) -> None:
    gateway.receive(mail(sender="new@third.test"))
    to = gateway.reply_address(TAG, "new@third.test")
    gateway.receive(mail("yes, it is me", sender="new@third.test"), to)
    gateway.receive(mail("one more", sender="new@third.test"))
    assert _facts(gateway, "confirmation", -1)["known"] is True


# --- reopening, notes, identity


@pytest.mark.req("IN-26")
@pytest.mark.req("IN-30")
def test_a_reply_opens_a_closed_ticket_again(gateway: Gateway) -> None:
    gateway.receive(mail())
    gateway.support_replies(TAG, close=True)
    assert gateway.ticket(TAG)["label"] == "Closed"
    gateway.receive(mail("not yet", subject=f"Re: [{TAG}]"))
    assert gateway.ticket(TAG)["label"] == "Customer-Reply"


@pytest.mark.req("HO-18")
@pytest.mark.threat(47)
def test_notes_are_mailed_to_nobody(gateway: Gateway) -> None:
    gateway.receive(mail())
    told = gateway.told()
    gateway.apply(AddNote(gateway.id_of(TAG), NewMessage(Author("gina@desk.test"), "INTERNAL")))
    assert gateway.told() == told
    with gateway.store.read() as connection:
        row, _ = views.find_ticket(connection, gateway.config, TAG)
        assert "INTERNAL" not in str(views.ticket(connection, gateway.config, row, public_only=True))


@pytest.mark.parametrize(
    "sender",
    [
        "gina@desk.test, mallory@evil.test",
        "Team: gina@desk.test;",
        "=?utf-8?q?gina=40desk.test=3e=20=3c?=mallory@evil.test",
        "",
    ],
)
@pytest.mark.threat(45)
def test_a_from_that_names_nobody_for_certain_is_the_envelope_sender_unverified(gateway: Gateway, sender: str) -> None:
    raw = f"From: {sender}\r\nTo: support@desk.test\r\nSubject: x\r\nMessage-ID: <q@x>\r\n\r\nhi\r\n".encode()
    row = gateway.receive(raw, sender="mallory@evil.test")
    ticket = gateway.ticket(row["ticket"])
    assert (ticket["requester"], ticket["flags"]) == ("mallory@evil.test", ["unverified-sender"])
    assert ("mallory@evil.test", "confirmation") not in gateway.told()


def test_an_empty_mail_is_a_ticket(gateway: Gateway) -> None:
    row = gateway.receive(b"", sender="anna@cust.test")
    assert row["outcome"] == "new"
    assert "unverified-sender" in gateway.ticket(row["ticket"])["flags"]


def test_an_inactive_person_is_kept_for_staff_and_hears_nothing(gateway: Gateway) -> None:
    gateway.receive(mail(sender="gone@cust.test"))
    assert gateway.ticket(TAG)["flags"] == ["inactive-sender"]
    assert gateway.told() == [("gina@desk.test", "staff_notice")]


# --- many desks, one that is gone, errors of our own


@pytest.mark.req("A-38")
def test_a_mail_to_two_desks_is_two_tickets_and_tags_of_other_desks_are_not_ours(tmp_path) -> None:
    gateway = _five_desks(tmp_path)
    both = ("support@hosting.desk.test", "support@moving.desk.test")
    gateway.receive(mail(), *both)
    assert sorted(t["tag"] for t in gateway.tickets()) == ["HO#1001", "MV#1001"]
    gateway.receive(mail(subject="[HO#1001]"), "support@moving.desk.test")
    assert sorted(t["tag"] for t in gateway.tickets()) == ["HO#1001", "MV#1001", "MV#1002"]


def test_mail_of_a_desk_that_was_taken_away_is_held_and_visible(tmp_path) -> None:
    gateway = _five_desks(tmp_path)
    journal.append(gateway.store, [Incoming("smtp", now(), "a@b.test", (("gone", ("x@y.test",)),), bytes(mail()))])
    gateway.receive(mail(), "support@moving.desk.test")
    assert [(r["outcome"], r["ticket"]) for r in gateway.journal()] == [("held", None), ("new", "MV#1001")]


@pytest.mark.parametrize("where", ["subject", "text"])
def test_one_mail_that_breaks_our_own_code_does_not_stop_the_others(gateway: Gateway, monkeypatch, where: str) -> None:
    """A fault in what was understood is got round with the raw bytes; only one that stays is a dead letter."""
    from gateway import filer

    original = filer.decide

    def broken(parsed, facts):  # type: ignore[no-untyped-def]
        if "poison" in getattr(parsed, where):
            raise RuntimeError("a bug")
        return original(parsed, facts)

    monkeypatch.setattr(filer, "decide", broken)
    messages = [mail("poison" if n == 3 else "fine", subject="poison" if n == 3 else f"good {n}") for n in range(6)]
    rows = [Incoming("smtp", now(), "a@b.test", (("hosting", ("support@desk.test",)),), bytes(m)) for m in messages]
    journal.append(gateway.store, rows)
    gateway.file()
    outcomes = [row["outcome"] for row in gateway.journal()]
    assert outcomes == ["new", "new", "new", "new" if where == "subject" else "dead", "new", "new"]
    assert sum("unreadable" in ticket["flags"] for ticket in gateway.tickets()) == (where == "subject")


def test_a_mail_that_kills_its_reader_is_filed_with_its_raw_bytes(gateway: Gateway, monkeypatch) -> None:
    from gateway import studying

    def kill(raw, rules, folder):  # type: ignore[no-untyped-def]
        raise RuntimeError("the child died")

    monkeypatch.setattr(studying, "study", kill)
    message = mail("the words are still there")
    row = gateway.receive(message)
    ticket = gateway.ticket(row["ticket"])
    assert set(ticket["flags"]) >= {"unreadable"}
    assert "the words are still there" in ticket["messages"][0]["text"]
    assert journal.row(gateway.store, row["id"]).raw.replace(b"\r\n", b"\n") == bytes(message)


def test_mails_are_read_in_child_processes_in_order(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hand, "ASIDE", 60.0)  # on a busy machine any of them may take longer
    gateway.filer._students = Students(gateway.store.blobs, workers=2)
    rows = [
        Incoming("smtp", now(), "a@b.test", (("hosting", ("support@desk.test",)),), bytes(mail(subject=f"mail {n}")))
        for n in range(12)
    ]
    journal.append(gateway.store, rows)
    gateway.file()
    gateway.filer._students.close()
    assert [t["subject"] for t in gateway.tickets()][::-1] == [f"mail {n}" for n in range(12)]


def test_explain_names_the_rule_and_its_signals(gateway: Gateway) -> None:
    row = gateway.receive(mail())
    told = ledgers.explain(gateway.store, gateway.config, row["id"])
    assert told["rule"] == "opening"
    assert {"signal": "sender", "value": "anna@cust.test"} in told["signals"]


def _five_desks(folder) -> Gateway:  # type: ignore[no-untyped-def]
    config = installation(folder, ("hosting", "moving"))
    return Gateway(config, open_lightly(config))


def _facts(gateway: Gateway, template: str, place: int = 0):  # type: ignore[no-untyped-def]
    from sqlalchemy import select

    from store.schema import Outbox

    with gateway.store.read() as connection:
        query = select(Outbox.c.facts).where(Outbox.c.template == template).order_by(Outbox.c.id)
        return list(connection.execute(query).scalars())[place]


@pytest.mark.threat(78)
def test_hard_bounces_are_counted_on_both_databases(any_gateway: Gateway) -> None:
    any_gateway.receive(mail(), "support@hosting.desk.test")
    for number in range(3):
        any_gateway.support_replies(TAG)
        sent = next(row for row in reversed(any_gateway.outbox()) if row["template"] == "staff_reply")
        with any_gateway.store.write() as connection:
            connection.exec_driver_sql("UPDATE outbox SET state = 'accepted'")
        token = sign(Token("bounce", sent["event"], any_gateway.person(sent["recipient"])), any_gateway.config.secret)
        report = delivery_report().replace(b"<dsn1@", b"<dsn-%d@" % number)
        any_gateway.receive(report, f"support+{token}@hosting.desk.test", sender="")
    with any_gateway.store.read() as connection:
        (barred,) = undelivered.suppressed(connection)
    assert (barred["address"], barred["hard"], barred["why"]) == (sent["recipient"], 3, "5.1.1 delivery failed")
    any_gateway.apply(UnsuppressAddress(barred["address"], Author("gina@desk.test")))
    with any_gateway.store.read() as connection:
        assert undelivered.suppressed(connection) == []
