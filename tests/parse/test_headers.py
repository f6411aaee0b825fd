"""Header fields: decoding, broken lines, identifiers, dates, marks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.parse import parse
from tests.parse.samples import mail, read


@pytest.mark.req("BR-01")
@pytest.mark.parametrize(
    ("value", "subject"),
    [
        ("=?iso-8859-2?q?Zg=B3oszenie?=", "Zgłoszenie"),
        ("=?utf-8?b?R3LDtg==?= =?utf-8?b?w59l?=", "Größe"),
        ("=?utf-8?b?R3LD?= =?utf-8?b?tsOfZQ==?=", "Größe"),
        ("=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"),
        ("[HO#=?utf-8?q?10?= =?utf-8?q?01]_x?=", "[HO#1001] x"),
        ("Größe", "Größe"),
        ("=?utf-8?q?a=0D=0ABcc:_x?=", "a Bcc: x"),
        ("a\u202eb\u200bc", "abc"),
        ("[HO#10\u00ad01]", "[HO#10 01]"),
        ("=?nonsense?q?abc?=", "abc"),
        ("=?utf-8?b?%%%?=", ""),
        ("", ""),
    ],
)
def test_subject_is_one_clean_line(value: str, subject: str) -> None:
    assert read(Subject=value).subject == subject


@pytest.mark.threat(33)
def test_the_first_of_two_subjects_counts() -> None:
    parsed = parse(b"Subject: one\n" + mail(Subject="two"))
    assert parsed.subject == "one"
    assert "two-subjects" in parsed.defects


def test_folded_and_long_subjects() -> None:
    assert read(Subject="a\n b\n\tc").subject == "a b c"
    assert len(read(Subject="x" * 5_000).subject) == 998


def test_a_broken_line_does_not_end_the_header() -> None:
    parsed = parse(b"Subject: x\nthis is no field\nFrom: ann@shop.test\nTo: help@desk.test\n\nHi")
    assert parsed.sender is not None
    assert parsed.text == "Hi"
    assert "broken-header" in parsed.defects


def test_text_that_follows_the_header_without_an_empty_line_is_text() -> None:
    parsed = parse(b"From: ann@shop.test\nSubject: x\nDear desk\nthe lift is stuck\n\nAnn")
    assert parsed.subject == "x"
    assert parsed.text.startswith("Dear desk")


def test_identifiers_lose_their_brackets_and_are_capped_at_both_ends() -> None:
    ids = [f"<{n}@x.test>" for n in range(300)]
    parsed = read(Message_ID="<m 1@x.test>", In_Reply_To="<a@x> <b@x>", References=" ".join(ids))
    assert parsed.message_id == "m1@x.test"
    assert parsed.in_reply_to == ("a@x", "b@x")
    assert len(parsed.references) == 100
    assert (parsed.references[0], parsed.references[-1]) == ("0@x.test", "299@x.test")


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("Mon, 02 Mar 2026 10:00:00 +0200", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("Mon, 02 Mar 10000 10:00:00 +0000", None),
        ("Mon, 1 Jan 2026 00:00:00 +000099999999999999", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_date_is_utc_or_none(value: str, date: datetime | None) -> None:
    assert read(Date=value).date == date


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("Importance", "High", "high"),
        ("X-Priority", "1 (Highest)", "high"),
        ("X-MSMail-Priority", "Low", "low"),
        ("X-Priority", "3", None),
    ],
)
def test_importance(name: str, value: str, word: str | None) -> None:
    assert read(**{name: value}).importance == word


def test_hops_and_authentication_results_keep_their_order() -> None:
    parsed = parse(b"Authentication-Results: a.test;\n dmarc=pass\nReceived: x\nReceived: y\n" + mail())
    assert parsed.hops == 2
    assert parsed.auth_results == ("a.test; dmarc=pass",)


def test_the_hash_ignores_delivery_but_not_content() -> None:
    plain = mail("Hi\nAnn")
    traced = b"Return-Path: <a@b>\nReceived: by x\n\tfor y\nX-Envelope-To: z\n" + plain
    assert parse(plain).content_hash == parse(traced).content_hash
    assert parse(plain).content_hash == parse(plain.replace(b"\n", b"\r\n")).content_hash
    assert parse(plain).content_hash != parse(mail("Hi\nBob")).content_hash


def test_old_macintosh_mails_are_told_apart() -> None:
    """Without a single LF the whole mail was one line, which began like a trace field and was left out."""
    one = mail("Hi\nAnn").replace(b"\r\n", b"\n").replace(b"\n", b"\r")
    two = mail("Hi\nBob").replace(b"\r\n", b"\n").replace(b"\n", b"\r")
    trace = b"Return-Path: <ann@shop.test>\r"
    assert parse(trace + one).content_hash == parse(one).content_hash
    assert parse(trace + one).content_hash != parse(trace + two).content_hash


@given(st.text("ab \n.:R", max_size=40), st.text("ab \n.:R", max_size=40), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_other_words_are_another_mail_whatever_the_line_ends(one: str, two: str, end: bytes) -> None:
    def send(body: str) -> str:
        raw = b"Return-Path: <a@b.test>\nSubject: x\n\n" + body.encode()
        return parse(raw.replace(b"\n", end)).content_hash

    assert (send(one) == send(two)) == (one == two)


@pytest.mark.threat(33)
@pytest.mark.parametrize(
    ("name", "one", "two"),
    [
        ("To", "a@x.test", "b@x.test"), ("Date", "Mon, 2 Mar 2026 10:00:00 +0000", "Tue, 3 Mar 2026 10:00:00 +0000"),
        ("Message-ID", "<a@x>", "<b@x>"), ("In-Reply-To", "<a@x>", "<b@x>"), ("Subject", "one", "two"),
    ],
)  # fmt: skip
def test_a_doubled_field_is_flagged_and_the_first_is_used(name: str, one: str, two: str) -> None:
    fields = "".join(f"{name}: {value}\n" for value in (one, two))
    parsed = parse(f"From: ann@shop.test\n{fields}\nHi".encode())
    alone = parse(f"From: ann@shop.test\n{name}: {one}\n\nHi".encode())
    assert f"two-{name.lower()}s" in parsed.defects
    assert (parsed.message_id, parsed.date, parsed.subject) == (alone.message_id, alone.date, alone.subject)
    assert parsed.to[:1] == alone.to and parsed.in_reply_to[:1] == alone.in_reply_to


@pytest.mark.threat(26)
@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbfFrom: ann@shop.test\nSubject: The lift\n\nIt is stuck.",
        b"\xef\xbb\xbf\r\nFrom: ann@shop.test\r\nSubject: The lift\r\n\r\nIt is stuck.",
        "\ufeffFrom: ann@shop.test\nSubject: The lift\n\nIt is stuck.".encode("utf-16-le"),
        b"From : ann@shop.test\nSubject\t: The lift\n\nIt is stuck.",
        b"From: ann@shop.test\nSubject: The\nlift\nTo: help@desk.test\nDate: x\n\nIt is stuck.",
        b"From ann@shop.test Mon Mar 2\nFrom: ann@shop.test\nSubject: The lift\n\nIt is stuck.",
        b"\n\nFrom: ann@shop.test\nSubject: The lift\n\nIt is stuck.",
        b"From: ann@shop.test\rSubject: The lift\r\rIt is stuck.",
    ],
)
def test_headers_that_are_nearly_right_are_read(raw: bytes) -> None:
    parsed = parse(raw)
    assert parsed.sender is not None and parsed.sender.address == "ann@shop.test"
    assert (parsed.subject, parsed.text) == ("The lift", "It is stuck.")


@pytest.mark.threat(31)
@pytest.mark.parametrize(
    ("subject", "codec"),
    [
        ("Größe", "utf-8"), ("Größe", "latin-1"), ("電梯壞了請幫忙", "gbk"), ("日本語", "iso-2022-jp"),
        ("Заявка на ремонт лифта", "koi8-r"), ("Žluťoučký kůň", "cp1250"),
    ],
)  # fmt: skip
def test_headers_in_the_charset_of_the_text_are_read(subject: str, codec: str) -> None:
    raw = f"From: ann@shop.test\nSubject: {subject}\nContent-Type: text/plain; charset={codec}\n\n{subject}"
    parsed = parse(raw.encode(codec))
    assert (parsed.subject, parsed.text) == (subject, subject)
