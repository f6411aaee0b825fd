"""Everything we read of an ordinary mail, against mail-parser alone, which is a part of it."""

from __future__ import annotations

import mailparser

from benchmarks import mails
from benchmarks.measure import Figure, compare, cpu_of
from gateway.parse import parse

_TIMES = 200


def measure() -> Figure:
    raw = mails.ordinary()
    return compare(
        f"{len(raw) / 1024:.0f} KB multipart mail parsed", "<= 1.5", "ms CPU",
        lambda: cpu_of(lambda: parse(raw), _TIMES),
        "mailparser.parse_from_bytes",
        lambda: cpu_of(lambda: mailparser.parse_from_bytes(raw), _TIMES),
    )  # fmt: skip
