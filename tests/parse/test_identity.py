"""Who wrote the mail: one reading or none."""

from __future__ import annotations

import pytest

from gateway.parse import parse
from tests.parse.samples import mail, multipart, read


@pytest.mark.parametrize(
    ("value", "address", "name"),
    [
        ("Ann Lee <ann@shop.test>", "ann@shop.test", "Ann Lee"),
        ("ANN@Shop.TEST", "ann@shop.test", ""),
        ('"Lee, Ann" <ann@shop.test>', "ann@shop.test", "Lee, Ann"),
        ("ann@shop.test (Ann Lee)", "ann@shop.test", "Ann Lee"),
        ("=?utf-8?q?Zo=C3=AB?= <zoe@shop.test>", "zoe@shop.test", "Zoë"),
        ("=?utf-8?q?Desk:_Ann?= <ann@shop.test>", "ann@shop.test", "Desk: Ann"),
        ("=?utf-8?q?boss=40desk.test?= <ann@shop.test>", "ann@shop.test", "boss@desk.test"),
        ("=?utf-8?q?Ann=0D=0ABcc:_x=40y.test?= <ann@shop.test>", "ann@shop.test", "Ann Bcc: x@y.test"),
        ('"ann"@shop.test', "ann@shop.test", ""),
        ("Jörg <jörg@bücher.test>", "jörg@xn--bcher-kva.test", "Jörg"),
        ("Ann <ann@\u0441hop.test>", "ann@xn--hop-3ed.test", "Ann"),
    ],
)
def test_an_unambiguous_from_names_the_sender(value: str, address: str, name: str) -> None:
    sender = read(From=value).sender
    assert sender is not None
    assert (sender.address, sender.name) == (address, name)


@pytest.mark.threat(45)
@pytest.mark.parametrize(
    "value",
    [
        "boss@desk.test, ann@shop.test",
        "Staff: boss@desk.test;",
        "Staff: boss@desk.test, ann@shop.test;",
        "=?utf-8?q?boss=40desk.test=3E=20=3C?=ann@shop.test",
        "=?utf-8?b?Ym9zc0BkZXNrLnRlc3QsIA==?= ann@shop.test",
        "boss@desk.test <ann@shop.test>",
        "<boss@desk.test> <ann@shop.test>",
        "Ann <boss@desk.test@shop.test>",
        "<@desk.test:ann@shop.test>",
        'Ann "<boss@desk.test>" ann@shop.test',
        "ann",
        "<>",
        "(" * 3_000,
        "a" * 70 + "@shop.test",
    ],
)
def test_a_from_with_two_readings_names_nobody(value: str) -> None:
    parsed = read(From=value)
    assert parsed.sender is None
    assert "no-sender" in parsed.defects


@pytest.mark.threat(45)
def test_two_from_fields_name_nobody() -> None:
    parsed = parse(b"From: boss@desk.test\n" + mail())
    assert parsed.sender is None
    assert "two-froms" in parsed.defects


@pytest.mark.threat(45)
def test_a_from_behind_a_lone_cr_is_not_a_field() -> None:
    parsed = parse(b"Subject: x\rFrom: boss@desk.test\nFrom: ann@shop.test\n\nHi")
    assert parsed.sender is not None
    assert parsed.sender.address == "ann@shop.test"


@pytest.mark.threat(45)
def test_the_address_in_angle_brackets_is_shown_when_the_name_holds_another() -> None:
    parsed = read(From="boss@desk.test <ann@shop.test>")
    assert parsed.from_ is not None
    assert parsed.from_.address == "ann@shop.test"


def test_recipients_of_all_fields_are_joined_and_groups_opened() -> None:
    parsed = parse(b"Cc: a@x.test\nCc: Team: b@x.test, C <c@x.test>;\n" + mail(Cc="d@x.test"))
    assert [a.address for a in parsed.cc] == ["a@x.test", "b@x.test", "c@x.test", "d@x.test"]


def test_recipients_are_capped() -> None:
    assert len(read(To=", ".join(f"u{n}@x.test" for n in range(1_500))).to) == 1_000


@pytest.mark.threat(45)
def test_a_line_without_a_fold_makes_nobody_of_a_broken_from() -> None:
    parsed = parse(b"From: Gina <\nmallory@evil.test>\nSubject: x\nTo: help@desk.test\nDate: x\n\nHi")
    assert parsed.sender is None


@pytest.mark.threat(46)
@pytest.mark.parametrize("sign", "\u202a\u202e\u2066\u2069\u200b\u200f\u00ad\ufeff")
def test_signs_that_turn_or_hide_text_are_shown_nowhere(sign: str) -> None:
    """The bytes of the mail are kept in the journal as they came."""
    part = f"Content-Type: application/pdf; name=a{sign}b.pdf\n\nx"
    parsed = parse(multipart(part, From=f"An{sign}n <ann@shop.test>", Subject=f"Scr{sign}een"))
    assert parsed.subject == "Screen"
    assert parsed.from_ is not None and parsed.from_.name == "Ann"
    assert parsed.files[0].filename == "ab.pdf"


@pytest.mark.threat(46)
def test_look_alike_domains_are_compared_as_they_travel() -> None:
    parsed = read(From="Ann <ann@shоp.test>")  # with a Cyrillic letter
    assert parsed.sender is None or parsed.sender.address == "ann@" + "shоp.test".encode("idna").decode()
