"""What the log holds, and what it must never hold."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = r"""
import logging
import structlog
from gateway.cli.logs import set_up

set_up()
secret = "KEY-OF-ALL-SIGNATURES"

def fail(text):
    raise ValueError(text)

for log in (logging.getLogger("postern.filer"), structlog.get_logger("worker")):
    try:
        fail("WORDS-OF-A-CUSTOMER")
    except ValueError:
        log.exception("compose")
structlog.get_logger("worker").info("accept", reply="250 ok\r\n2026-01-01 E forged: line\x1b[31m")
"""


@pytest.mark.threat(60)
@pytest.mark.threat(94)
def test_errors_are_one_line_without_values_and_nobody_can_forge_a_line() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True)
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 3
    assert all("ValueError at" in line for line in lines[:2])
    assert "SIGNATURES" not in done.stderr.decode()
    assert "WORDS-OF" not in done.stderr.decode()
    assert "250 ok 2026-01-01 E forged" in lines[2]
    assert "\x1b" not in lines[2]
