"""A mail with a file of 14 MB read: the CPU against mail-parser, the memory against the mail itself."""

from __future__ import annotations

import subprocess
import sys

import mailparser

from benchmarks import mails
from benchmarks.measure import Figure, compare, cpu_of
from gateway.parse import parse

_SIZE = 14 << 20
# Not getrusage: what it tells of a process goes back to before exec, and so to the memory of this one.
_PEAK = """
import re, sys
from pathlib import Path
from benchmarks import mails
from gateway.parse import parse

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

raw = sys.stdin.buffer.read()
parse(mails.ordinary())
before = peak()
parse(raw)
print(peak() - before)
"""


def measure() -> Figure:
    raw = mails.large(_SIZE)
    return compare(
        "14 MB mail parsed", "<= 1.3", "ms CPU",
        lambda: cpu_of(lambda: parse(raw), 3),
        "mailparser.parse_from_bytes",
        lambda: cpu_of(lambda: mailparser.parse_from_bytes(raw), 3),
    )  # fmt: skip


def measure_memory() -> Figure:
    """What parsing takes at its peak beyond the mail; Linux alone tells."""
    raw = mails.large(_SIZE)
    done = subprocess.run([sys.executable, "-c", _PEAK], input=raw, stdout=subprocess.PIPE, check=True)
    ours, size = int(done.stdout) / 1024, len(raw) / 2**20
    return Figure("14 MB mail parsed, extra memory", "<= 8", "MB", ours, "the mail itself", size, ours / size)
