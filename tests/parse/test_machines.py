"""Mail written by machines, and what it says of mail that failed."""

from __future__ import annotations

import pytest

from gateway.parse import BouncedRecipient, as_json, parse
from tests.parse.samples import multipart, read


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"X-Postern-Loop": "1", "Auto-Submitted": "auto-replied"}, "auto-reply"),
        ({"Auto-Submitted": "auto-replied"}, "auto-reply"),
        ({"Auto-Submitted": "auto-generated (x)"}, "auto-generated"),
        ({"Auto-Submitted": "no"}, None),
        ({"X-Autoreply": "yes"}, "auto-reply"),
        ({"Precedence": "auto_reply"}, "auto-reply"),
        ({"Subject": "Automatic reply: Screen"}, "auto-reply"),
        ({"Subject": "Abwesenheitsnotiz: Screen"}, "auto-reply"),
        ({"Subject": "Automatic reply does not work"}, None),
        ({"Subject": "Out of office printers"}, None),
        ({"Precedence": "bulk"}, "list"),
        ({"List-Id": "<l.x.test>"}, "list"),
        ({"List-Unsubscribe": "<mailto:l@x.test>"}, "list"),
        ({"X-Auto-Response-Suppress": "All"}, "auto-generated"),
        ({"X-Auto-Response-Suppress": "None"}, None),
        ({"X-Loop": "help@desk.test"}, "auto-generated"),
        ({"X-Loop": "friend@shop.test"}, None),
        ({"Return-Path": "<>"}, "auto-generated"),
        ({"Return-Path": "<ann@shop.test>"}, None),
        ({"From": "no-reply@shop.test"}, "auto-generated"),
        ({"From": "MAILER-DAEMON@shop.test"}, "bounce"),
        ({"From": "Nora Reply <nora@shop.test>"}, None),
    ],
)
def test_marks_of_machines(fields: dict[str, str], word: str | None) -> None:
    parsed = read(**fields)
    assert parsed.auto == word
    assert parsed.marked == (word is not None and "Subject" not in fields)


def test_a_loop_mark_is_told_and_shown_as_our_own() -> None:
    parsed = read(**{"X-Postern-Loop": "hosting abc"})
    assert (parsed.auto, parsed.loop_mark) == (None, "hosting abc")
    assert as_json(parsed, "x", lambda _file: ("accepted", None))["auto"] == "own"


def report(status: str) -> bytes:
    parts = (
        "\nYour mail failed.",
        f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x.test\n\n{status}",
        "Content-Type: message/rfc822\n\nMessage-ID: <lost@desk.test>\nTo: bob@x.test\n\nold",
    )
    return multipart(*parts, kind="report; report-type=delivery-status", From="<>")


@pytest.mark.parametrize(
    ("status", "recipient"),
    [
        (
            "Final-Recipient: rfc822; Bob@X.test\nAction: failed\nStatus: 5.1.1",
            BouncedRecipient("bob@x.test", "5.1.1", True),
        ),
        (
            "Final-Recipient: rfc822;<bob@x.test>\nAction: delayed\nStatus: 4.4.1 (x)",
            BouncedRecipient("bob@x.test", "4.4.1", False),
        ),
        (
            "Final-Recipient: rfc822; bob@box\nOriginal-Recipient: rfc822; bob@x.test\nAction: failed",
            BouncedRecipient("bob@x.test", None, True),
        ),
        (
            "Final-Recipient: rfc822; bob@x.test\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.7.1 no",
            BouncedRecipient("bob@x.test", "5.7.1", True),
        ),
    ],
)
def test_delivery_status_reports(status: str, recipient: BouncedRecipient) -> None:
    parsed = parse(report(status))
    assert parsed.auto == "bounce"
    assert parsed.bounce is not None
    assert parsed.bounce.recipients == (recipient,)
    assert parsed.bounce.message_ids == ("lost@desk.test",)
    assert parsed.files == ()


def test_a_report_of_success_is_no_bounce() -> None:
    assert parse(report("Final-Recipient: rfc822; bob@x.test\nAction: delivered\nStatus: 2.0.0")).bounce is None


@pytest.mark.parametrize(
    "text",
    [
        "There was an error delivering your mail to <bob@x.test>.\n\n550 5.1.1 no such user",
        "Delivery failed:\n\nbob@x.test: 550 5.1.1 unknown",
        "<bob@x.test>:\nRemote host said: 550 5.1.1 unknown",
        "Could not be delivered.\n>>> RCPT To:<bob@x.test>\n<<< 550 5.1.1 unknown",
    ],
)
def test_reports_in_free_words(text: str) -> None:
    bounce = read(text, From="Mail Delivery System <MAILER-DAEMON@x.test>", Subject="Mail delivery failed").bounce
    assert bounce is not None
    assert bounce.recipients == (BouncedRecipient("bob@x.test", "5.1.1", True),)


@pytest.mark.parametrize(
    "words",
    [
        "could not be delivered:\n\n  bob@x.test\n    retry timeout exceeded",
        "bob@x.test: Envelope expired",
        "failed:\n\n  bob@x.test\n\nThe server did not accept our requests to connect.",
        "Delivery failed 20 attempts: bob@x.test",
    ],
)
def test_a_way_that_was_blocked_says_nothing_against_the_mailbox(words: str) -> None:
    bounce = read(words, From="MAILER-DAEMON@x.test", Subject="Mail delivery failed").bounce
    assert bounce is not None
    assert bounce.recipients == (BouncedRecipient("bob@x.test", None, False),)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (
            "Status: 4.4.7\nDiagnostic-Code: smtp; 452 4.2.2 mailbox full",
            BouncedRecipient("bob@x.test", "4.2.2", False),
        ),
        ("Status: 4.5.0\nDiagnostic-Code: smtp; 550 5.5.0 no", BouncedRecipient("bob@x.test", "5.5.0", True)),
        ("Diagnostic-Code: smtp; connection timed out", BouncedRecipient("bob@x.test", None, False)),
    ],
)
def test_the_last_refusal_tells_more_than_that_the_time_was_up(status: str, told: BouncedRecipient) -> None:
    bounce = parse(report(f"Final-Recipient: rfc822; bob@x.test\nAction: failed\n{status}")).bounce
    assert bounce is not None
    assert bounce.recipients == (told,)


@pytest.mark.parametrize(
    ("sender", "words", "is_bounce"),
    [
        ("<>", "Your mail could not be delivered to: <bob@x.test>\nAs their mailbox is full.", True),
        ("<>", "I am away until Monday. Your mail is below.", False),
        ("<ann@shop.test>", "Your mail could not be delivered to: <bob@x.test>", False),
    ],
)
def test_a_returned_mail_without_marks_is_a_report_when_nobody_sent_it(
    sender: str, words: str, is_bounce: bool
) -> None:
    parts = (f"\n{words}", "Content-Type: message/rfc822\n\nMessage-ID: <lost@desk.test>\nTo: bob@x.test\n\nold")
    parsed = parse(multipart(*parts, Return_Path=sender, From="no-reply@x.test"))
    assert (parsed.bounce is not None) is is_bounce


def test_people_who_quote_a_failure_are_no_bounce() -> None:
    parsed = read("I got this:\n550 5.1.1 <bob@x.test> unknown user", Subject="Mail to Bob")
    assert (parsed.auto, parsed.bounce) == (None, None)


@pytest.mark.parametrize("subject", ["Undeliverable: what does that mean?", "Returned mail: parcel not accepted"])
def test_a_subject_alone_makes_no_report_of_a_mail(subject: str) -> None:
    parsed = read("I get this all the time, please help.", Subject=subject)
    assert (parsed.auto, parsed.bounce) == (None, None)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Unzustellbar: Anfrage", "Ihre Nachricht konnte nicht zugestellt werden.\n\nEmpfänger: karl@firma.test\nGrund: 550 unbekannt"),
        ("Non remis : Router", "Votre message n'a pas pu être remis.\n\nDestinataire : karl@firma.test\nErreur : 550 inconnu"),
        ("Onbestelbaar: Router", "Uw bericht kon niet worden bezorgd.\n\nOntvanger: karl@firma.test\n550 5.1.1 onbekend"),
    ],
)  # fmt: skip
def test_reports_in_other_languages_name_their_recipient(subject: str, text: str) -> None:
    bounce = read(text, From="Mail <ndr@firma.test>", Subject=subject, Content_Type="text/plain; charset=utf-8").bounce
    assert bounce is not None
    assert [(r.address, r.permanent) for r in bounce.recipients] == [("karl@firma.test", True)]


@pytest.mark.parametrize(
    "subject",
    ["Abwesend: Router", "Automatiskt svar: Router", "Automatická odpověď: Router", "Otomatik yanıt: Router", "자동 회신: Router"],
)  # fmt: skip
def test_absence_notes_say_so_in_their_subject(subject: str) -> None:
    assert read("Back on Monday.", Subject=subject).auto == "auto-reply"


FEEDBACK = """--b
Content-Type: text/plain

This is an email abuse report.

--b
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Provider/1
Version: 1
Original-Rcpt-To: <Anna@Cust.test>

--b
Content-Type: message/rfc822

Message-ID: <ours@desk.test>
Subject: Printer

Hello
--b--
"""


@pytest.mark.parametrize(
    ("kind", "complains"), [("abuse", True), ("Fraud", True), ("not-spam", False), ("auth-failure", False)]
)
def test_feedback_of_a_provider_is_a_complaint_when_its_reader_complains(kind: str, complains: bool) -> None:
    """RFC 5965; what says that a mail was no spam, or how it was signed, is none."""
    parsed = read(
        FEEDBACK.format(kind=kind), **{"Content-Type": 'multipart/report; report-type=feedback-report; boundary="b"'}
    )
    assert parsed.auto == "auto-generated"  # the mail did arrive
    if complains:
        assert parsed.bounce is not None and parsed.bounce.complaint
        assert [r.address for r in parsed.bounce.recipients] == ["anna@cust.test"]
        assert parsed.bounce.message_ids == ("ours@desk.test",)
    else:
        assert parsed.bounce is None
