"""Every sample is a mail the standard library can read, and has what its row says."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache

import pytest

from gateway.cli.demo.composing import MAILS, compose, envelope
from gateway.cli.demo.files import LETTERS, MB
from gateway.cli.demo.sample import Sample, StaffReply
from gateway.cli.demo.story import ACTS, SAMPLES
from tests.demo.stand_in import RAW, our_mail

NOW = datetime(2026, 11, 22, 7, 45, tzinfo=UTC)
BY_NAME = {sample.name: sample for sample in SAMPLES}
WRITTEN = [sample for sample in SAMPLES if sample.stem not in LETTERS and not sample.returned]


@cache
def raw(name: str) -> bytes:
    sample = BY_NAME[name]
    return compose(sample, NOW, our_mail() if sample.answers else None, "HO#1")


@cache
def read(name: str) -> EmailMessage:
    message = message_from_bytes(raw(name), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def files(name: str) -> dict[str, bytes]:
    return {
        part.get_filename(): part.get_payload(decode=True)
        for part in read(name).walk()
        if part.get_filename() and not part.is_multipart()
    }


def test_there_are_enough_samples_with_names_of_their_own():
    names = [step.name for act in ACTS for step in act.steps]
    assert len(set(names)) == len(names)
    assert len(SAMPLES) >= 25


def test_every_file_is_used_and_every_sample_has_one():
    assert {file.stem for file in MAILS.iterdir()} == {sample.stem for sample in WRITTEN}


@pytest.mark.parametrize("sample", WRITTEN, ids=lambda sample: sample.name)
def test_a_written_sample_is_a_sound_mail(sample: Sample):
    message = read(sample.name)
    assert message["From"] and message["Date"] and message["Message-ID"]
    assert message["Date"].datetime == NOW
    assert [part.defects for part in message.walk() if part.defects] == []
    assert [header for header, value in message.items() if value.defects and header != "Message-ID"] == []
    text = message.get_body(("plain", "html"))
    assert text is not None and (text.get_content().strip() or sample.name == "empty-close")


@pytest.mark.parametrize("sample", WRITTEN, ids=lambda sample: sample.name)
def test_on_the_wire_every_line_ends_in_crlf_and_no_placeholder_is_left(sample: Sample):
    content = raw(sample.name)
    assert b"\n" not in content.replace(b"\r\n", b"") and b"\r" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    for name in (
        b"date",
        b"when",
        b"attachment",
        b"reply_to",
        b"their_id",
        b"subject",
        b"tag",
        b"quote",
        b"verp",
        b"close",
    ):
        assert b"{" + name not in content


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_the_files_of_a_sample_are_those_its_ends_name(sample: Sample):
    for end in sample.ends:
        named = {*end.accepted, *end.refused}
        assert named <= files(sample.name).keys()
        if named:
            assert named == files(sample.name).keys()


@pytest.mark.parametrize("sample", [s for s in WRITTEN if s.sender and s.door == "250"], ids=lambda sample: sample.name)
def test_the_envelope_sender_is_the_writer(sample: Sample):
    if sample.name != "mailing-list":
        assert read(sample.name)["From"].addresses[0].addr_spec == sample.sender


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [
        ("outlook-desktop", "Thread-Index", "Adt"),
        ("apple-mail", "X-Mailer", "Apple Mail"),
        ("iphone", "X-Mailer", "iPhone Mail"),
        ("thunderbird", "User-Agent", "Mozilla Thunderbird"),
        ("yahoo", "X-Mailer", "YMail"),
        ("samsung", "Message-ID", "@email.android.com"),
        ("polish", "User-Agent", "Roundcube"),
        ("japanese", "X-Mailer", "Becky!"),
        ("mailing-list", "List-Id", "operators"),
        ("vacation", "Auto-Submitted", "auto-replied"),
        ("machine", "Auto-Submitted", "auto-generated"),
        ("important", "Importance", "High"),
        ("safety", "To", "safety@equipment.desk.test"),
        ("login", "To", "login@equipment.desk.test"),
        ("own-address", "From", "support@hosting.desk.test"),
    ],
)
def test_a_sample_has_the_header_it_is_there_for(name: str, header: str, value: str):
    assert value in str(read(name)[header])


@pytest.mark.parametrize(
    ("name", "charset", "words"),
    [
        ("german", "iso-8859-1", "Größe der Tabelle"),
        ("outlook-web", "iso-8859-1", "Zoë and André"),
        ("polish", "iso-8859-2", "Dzień dobry"),
        ("japanese", "iso-2022-jp", "桜精機の田中です"),
        ("french", "utf-8", "étiqueteuse grince"),
    ],
)
def test_a_sample_of_another_language_is_in_its_charset(name: str, charset: str, words: str):
    body = read(name).get_body(("plain",))
    assert body is not None and body.get_content_charset() == charset and words in body.get_content()


def test_html_alone_has_no_text_part():
    assert read("html-only").get_body(("plain",)) is None
    assert read("html-only")["Content-Type"].content_type == "text/html"


def test_the_empty_subject_is_there_and_empty():
    assert read("empty-subject")["Subject"] == ""


def test_a_blind_copy_names_no_desk():
    assert ".desk.test" not in str(read("bcc")["To"]) and BY_NAME["bcc"].to == ("support@infrastructure.desk.test",)


def test_the_programs_are_programs_whatever_they_are_called():
    assert files("program")["conncheck.exe"].startswith(b"MZ")
    assert files("program-as-pdf")["order-signed.pdf"].startswith(b"MZ")
    assert files("answer-refused-file")["player.scr"].startswith(b"MZ")


def test_the_pictures_and_documents_are_what_they_say():
    photo = files("iphone")["IMG_4471.jpeg"]
    assert photo.startswith(b"\xff\xd8\xff") and photo.endswith(b"\xff\xd9")
    assert files("thunderbird")["cart.png"].startswith(b"\x89PNG")
    assert files("thunderbird")["Testrapport kassa åäö.pdf"].startswith(b"%PDF-")


def test_the_big_ones_stand_on_either_side_of_the_limits():
    assert len(files("big-file")["inventory.zip"]) > 15 * MB and len(raw("big-file")) < 40 * MB
    assert len(raw("over-size")) > 40 * MB


def test_the_same_mail_again_is_the_same_to_the_byte():
    assert raw("gmail-web-again") == raw("gmail-web") and raw("answer-gmail-again") == raw("answer-gmail")


def test_the_bounce_is_a_delivery_report_about_the_mail_that_went_out():
    report = read("bounce")
    assert report.get_content_type() == "multipart/report" and report.get_param("report-type") == "delivery-status"
    assert b"Final-Recipient: rfc822; dora.finch@yahoo.example" in raw("bounce")
    assert envelope(BY_NAME["bounce"], our_mail()) == ("", ("no-reply+btoken@moving.desk.test",))


def test_an_answer_goes_to_the_signed_address_and_quotes_what_it_answers():
    sample = BY_NAME["answer-gmail"]
    assert envelope(sample, our_mail()) == (sample.sender, ("support+rtoken@hosting.desk.test",))
    assert read("answer-gmail")["In-Reply-To"] == "<abc.def@hosting.desk.test>"
    plain, html = (read("answer-gmail").get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "> it works – for now & <here>." in plain and "it works – for now &amp; &lt;here&gt;." in html


def test_three_answers_each_carry_one_evidence_alone():
    by_id, by_subject, by_address = (read(f"answer-{name}") for name in ("outlook", "subject", "address"))
    assert by_id["In-Reply-To"] and "[HO#1]" not in by_id["Subject"] and "+" not in by_id["To"]
    assert "[HO#1]" in by_subject["Subject"] and not by_subject["In-Reply-To"] and "+" not in by_subject["To"]
    assert "+rtoken" in by_address["To"] and not by_address["In-Reply-To"] and "[HO#1]" not in by_address["Subject"]


def test_a_mail_that_comes_back_is_as_it_went_out():
    assert raw("own-mail-returns") == RAW.partition(b"dora.finch@yahoo.example>\r\n")[2]


def test_all_five_desks_take_part_and_every_outcome_is_seen():
    ends = [end for sample in SAMPLES for end in sample.ends]
    assert {end.desk for end in ends} == {"equipment", "infrastructure", "devices", "moving", "hosting"}
    assert {"new", "reply", "auto", "bounce", "duplicate", "held", "command"} <= {end.outcome for end in ends}
    assert {sample.door for sample in SAMPLES} == {"250", "552", "550 5.1.1", "550 5.7.1"}


def test_later_steps_speak_of_tickets_that_earlier_ones_opened():
    opened: set[str] = set()
    for act in ACTS:
        for step in act.steps:
            ends = [step.end] if isinstance(step, StaffReply) else step.ends
            assert {name for end in ends for name in (end.ticket, end.linked) if name} <= opened
            if isinstance(step, Sample):
                opened |= {step.opens(end) for end in ends if end.outcome == "new"}
