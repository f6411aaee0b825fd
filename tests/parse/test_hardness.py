"""For any bytes `parse` returns, in bounded time, and what it returns can be stored."""

from __future__ import annotations

import ast
import dataclasses
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gateway.parse
from gateway.parse import as_json, parse
from tests.parse.samples import PDF, TEXT, mail, multipart

HEAD = b"From: ann@shop.test\nTo: help@desk.test\nSubject: x\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=XX\n\n"


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from strings(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from strings(item)


def check(raw: bytes) -> None:
    parsed = parse(raw)
    for text in strings(parsed):
        text.encode("utf-8")
        assert "\0" not in text
        assert "\r" not in text
    for name in ("subject", *("filename" for _ in parsed.files)):
        assert "\n" not in getattr(parsed, name, "")
    json.dumps(as_json(parsed, "x.eml", lambda file: ("accepted", None)))


PIECES = st.sampled_from(
    [
        b"From: ", b"To: ", b"Subject: ", b"Date: ", b"Cc: ", b"Message-ID: <", b"References: ", b"Content-Type: ",
        b"multipart/mixed; boundary=XX", b"multipart/report; boundary=XX", b"text/html; charset=", b"utf-7",
        b"punycode", b"message/rfc822", b"message/delivery-status", b"Final-Recipient: rfc822;", b"\n--XX\n",
        b"--XX--", b"\n", b"\r\n", b"\r", b"\n\n", b" ", b"<", b">", b"@", b"a@b.test", b",", b";", b":",
        b"=?utf-8?q?", b"=?utf-8?b?", b"?=", b'"', b"\\", b"(", b")", b"[", b"filename*0*=", b"filename=", b"'", b"%",
        b"\xff", b"\xc3", b"\0", b"\xed\xa0\x80", b"Content-Transfer-Encoding: ", b"base64", b"quoted-printable",
        b"x-uuencode", b"=", b"> ", b"On 1/1/2026 wrote:", b"MAILER-DAEMON@x", b"Content-Disposition: attachment; ",
        b"<div>", b"&#x110000;", b"&#0;", b"<!--", b"Parse: x\n",
    ]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=20), max_size=40).map(b"".join))
def test_any_bytes_give_storable_values(raw: bytes) -> None:
    check(raw)


def test_damaged_mails_give_storable_values() -> None:
    chance = random.Random(7)
    samples = [multipart(TEXT, PDF), mail("> a\n--\nb", Date="Mon, 2 Mar 2026 10:00:00 +0000", Message_ID="<a@b>")]
    for _ in range(600):
        raw = bytearray(chance.choice(samples))
        for _ in range(chance.randint(1, 30)):
            at = chance.randrange(len(raw))
            raw[at : at + chance.choice((0, 0, 1, 9))] = bytes([chance.randrange(256)] * chance.choice((0, 1, 2)))
        check(bytes(raw))


@pytest.mark.parametrize(
    "raw", [b"", b"\n", b"\r", b"\0", b"From: <", b"From: .:\n\n", b"\xff\xfe", b"Subject", b":\n:"]
)
def test_scraps_are_read(raw: bytes) -> None:
    check(raw)


def test_an_error_inside_leaves_the_text_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("gateway.parse.message.bound_message", fail)
    parsed = parse(mail("the lift is stuck"))
    assert "unreadable" in parsed.defects
    assert "the lift is stuck" in parsed.text


def test_a_failure_of_mail_parser_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr("mailparser.parse_from_bytes", fail)
    parsed = parse(mail("the lift is stuck"))
    assert parsed.subject == "Screen"
    assert parsed.text == "the lift is stuck"
    assert parsed.sender is not None
    assert "hard-to-read" in parsed.defects


def test_too_many_parts_and_too_deep_nesting_are_flagged() -> None:
    assert "too-many-parts" in parse(multipart(*["\nx"] * 1_200)).defects
    deep = b"".join(
        b'--B%d\nContent-Type: multipart/mixed; boundary="B%d"\n\n' % (n, n + 1) if n else b"" for n in range(1, 200)
    )
    parsed = parse(HEAD + b"Content-Type: multipart/mixed; boundary=B1\n\n" + deep + b"--B200\n\nbottom\n")
    assert "too-deep" in parsed.defects
    assert "bottom" in parsed.text


SHAPES: dict[str, Callable[[int], bytes]] = {
    "parameters": lambda n: HEAD + b"Content-Type: text/plain" + b";" * n + b"\n\nx",
    "recipients": lambda n: HEAD + b"Cc: " + b"a@b.test," * (n // 9) + b"\n\nx",
    "comments": lambda n: b"From: " + b"(" * n + b"\n\nx",
    "quotes": lambda n: b"From: " + b'"' * n + b"\n\nx",
    "atoms": lambda n: b"From: " + b"a." * (n // 2) + b"@b\n\nx",
    "encoded-words": lambda n: b"Subject: " + b"=?utf-8?q?a?= " * (n // 14) + b"\n\nx",
    "half-words": lambda n: b"Subject: " + b"=?utf-8?q?" * (n // 10) + b"\n\nx",
    "references": lambda n: b"References: " + b"<a@b> " * (n // 6) + b"\n\nx",
    "segments": lambda n: MIXED + b"--XX\nContent-Disposition: attachment; "
    + b"; ".join(b"filename*%d=a" % i for i in range(n // 16)) + b"\n\nx\n--XX--",
    "received": lambda n: b"Received: from a by b; x\n" * (n // 25) + HEAD + b"\nx",
    "fields": lambda n: b"".join(b"X-%d: y\n" % i for i in range(n // 9)) + HEAD + b"\nx",
    "date": lambda n: b"Date: " + b"1 " * (n // 2) + b"\n\nx",
    "delimiters": lambda n: MIXED + b"--XX\n" * (n // 5),
    "dashes": lambda n: MIXED + b"--YY\n" * (n // 5),
    "messages": lambda n: HEAD + b"Content-Type: message/rfc822\n\n" * (n // 30),
    "tags": lambda n: HEAD + b"Content-Type: text/html\n\n" + b"<div>" * (n // 5),
    "scripts": lambda n: HEAD + b"Content-Type: text/html\n\n" + b"<script>" * (n // 8),
    "remarks": lambda n: HEAD + b"Content-Type: text/html\n\n" + b"<!--" * (n // 4),
    "references-in-html": lambda n: HEAD + b"Content-Type: text/html\n\n" + b"&" * n,
    "announcements": lambda n: HEAD + b"\n" + b"On 1/1/2026\n" * (n // 12),
    "signatures": lambda n: HEAD + b"\nx\n" + b"--\n\n" * (n // 4),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_time_grows_with_length_only(shape: str) -> None:
    raw = SHAPES[shape](200_000)
    start = time.process_time()
    check(raw)
    assert time.process_time() - start < 1.5


def test_the_parser_reaches_no_outside_and_no_other_room() -> None:
    allowed = {
        "__future__", "ast", "binascii", "collections", "cchardet", "dataclasses", "datetime", "email", "flufl",
        "hashlib", "html", "mailparser", "nh3", "re", "typing", "unicodedata", "urllib",
    }  # fmt: skip
    for path in Path(gateway.parse.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in allowed or name.startswith("gateway.parse"), (path.name, name)
