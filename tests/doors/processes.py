"""A door as a process of its own, so that its memory and its log are nobody else's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.config import Config
from tests.doors.tracing import ROOT

_DOOR = """
import logging, sys
from gateway import lmtp, smtp
from store import crash
from store.config import load
from store.database import open_store
logging.basicConfig()
crash.arm(sys.argv[3])
config = load(sys.argv[2])
{"smtp": smtp, "lmtp": lmtp}[sys.argv[1]].run(config, open_store(config))
"""


@contextmanager
def door_process(
    config: Config, kind: str = "smtp", lmtp: int | Path | None = None, arm: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs the door of this kind; `lmtp` is the port or socket of that one, `arm` a crash point."""
    listen = f"127.0.0.1:{lmtp}" if isinstance(lmtp, int) else str(lmtp or "")
    command = [sys.executable, "-c", _DOOR, kind, str(config.file), arm]
    environment = os.environ | ({"POSTERN_LMTP__LISTEN": listen} if listen else {})
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as door:
        try:
            yield door
        finally:
            door.kill()


def memory(door: subprocess.Popen[bytes], highest: bool = False) -> float:
    """The resident memory of a process in MB, now or at its highest."""
    status = Path(f"/proc/{door.pid}/status").read_text()
    found = re.search(rf"{'VmHWM' if highest else 'VmRSS'}:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024
