"""For any bytes `parse` returns, in bounded time, and what it returns can be stored."""

from __future__ import annotations

import ast
import dataclasses
import json
import random
import subprocess
import sys
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

    monkeypatch.setattr("gateway.parse.message.get_addresses", fail)
    parsed = parse(mail("the lift is stuck"))
    assert parsed.subject == "Screen"
    assert parsed.text == "the lift is stuck"
    assert parsed.sender is not None
    assert "hard-to-read" in parsed.defects


@pytest.mark.threat(28)
def test_too_many_parts_and_too_deep_nesting_are_flagged() -> None:
    assert "too-many-parts" in parse(multipart(*["\nx"] * 1_200)).defects
    deep = b"".join(
        b'--B%d\nContent-Type: multipart/mixed; boundary="B%d"\n\n' % (n, n + 1) if n else b"" for n in range(1, 200)
    )
    parsed = parse(HEAD + b"Content-Type: multipart/mixed; boundary=B1\n\n" + deep + b"--B200\n\nbottom\n")
    assert "too-deep" in parsed.defects
    assert "bottom" in parsed.text


@pytest.mark.threat(29)
def test_headers_are_cut_before_any_library_reads_them() -> None:
    long = parse(mail(X_Long="x" * 150_000, Cc="a@b.test, " * 20_000))
    assert "header-too-long" in long.defects and len(long.cc) <= 1_000
    many = parse(b"".join(b"X-%d: y\n" % n for n in range(150_000)) + mail("the lift is stuck"))
    assert "headers-too-large" in many.defects and "the lift is stuck" in many.text


SHAPES: dict[str, Callable[[int], bytes]] = {
    "parameters": lambda n: HEAD + b"Content-Type: text/plain" + b";" * n + b"\n\nx",
    "recipients": lambda n: HEAD + b"Cc: " + b"a@b.test," * (n // 9) + b"\n\nx",
    "comments": lambda n: b"From: " + b"(" * n + b"\n\nx",
    "quotes": lambda n: b"From: " + b'"' * n + b"\n\nx",
    "atoms": lambda n: b"From: " + b"a." * (n // 2) + b"@b\n\nx",
    "encoded-words": lambda n: b"Subject: " + b"=?utf-8?q?a?= " * (n // 14) + b"\n\nx",
    "half-words": lambda n: b"Subject: " + b"=?utf-8?q?" * (n // 10) + b"\n\nx",
    "invisible": lambda n: b"Subject: " + b"\xe2\x80\x8b" * (n // 3) + b"\n\nx",
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


@pytest.mark.threat(28)
@pytest.mark.threat(29)
@pytest.mark.threat(30)
@pytest.mark.threat(32)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_takes_long(shape: str) -> None:
    raw = SHAPES[shape](200_000)
    start = time.process_time()
    check(raw)
    assert time.process_time() - start < 1.5


@pytest.mark.threat(28)
@pytest.mark.threat(29)
@pytest.mark.threat(30)
@pytest.mark.threat(32)
@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_length_takes_at_most_twice_the_time(shape: str) -> None:
    # Below the caps of header values, which would hide how time grows.
    once, twice = SHAPES[shape](45_000), SHAPES[shape](90_000)
    short = long = float("inf")
    for _ in range(40):
        # Whatever else the machine does can only make a run slower: the quickest of each tells most.
        short, long = min(short, cpu_of(once)), min(long, cpu_of(twice))
        if long < 2.5 * short:
            break
    assert long < 2.5 * short + 0.002


def cpu_of(raw: bytes) -> float:
    """Seconds of CPU to parse a message."""
    start = time.process_time()
    parse(raw)
    return time.process_time() - start


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="NO /proc: the memory of bombs was not measured")
@pytest.mark.threat(28)
@pytest.mark.threat(34)
def test_bombs_of_parts_stay_small_in_memory() -> None:
    flat = MIXED + b"--XX\n\nx\n" * 400_000
    nested = HEAD + b"".join(
        b'Content-Type: multipart/mixed; boundary="B%d"\n\n--B%d\n' % (n, n) for n in range(60_000)
    )
    for raw in (flat, nested):
        assert peak_of(raw) < 150 * 1024 - len(raw) // 1024


def peak_of(raw: bytes) -> int:
    """KiB of memory that parsing a message takes at its peak, in a process of its own, beyond what it had before."""
    # Not getrusage: what it tells goes back to before exec, and so to the memory of pytest.
    script = (
        "import re, sys; from pathlib import Path; from gateway.parse import parse\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
        "raw = sys.stdin.buffer.read(); parse(raw[:2000]); before = peak(); parse(raw); print(peak() - before)"
    )
    return int(subprocess.run([sys.executable, "-c", script], input=raw, capture_output=True, check=True).stdout)


def test_the_parser_reaches_no_outside_and_no_other_room() -> None:
    allowed = {
        "__future__", "ast", "base64", "binascii", "collections", "cchardet", "dataclasses", "datetime", "email", "flufl",
        "hashlib", "html", "mailparser", "nh3", "re", "struct", "typing", "unicodedata", "urllib",
    }  # fmt: skip
    for path in Path(gateway.parse.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in allowed or name.startswith("gateway.parse"), (path.name, name)
