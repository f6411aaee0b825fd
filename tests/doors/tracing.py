"""The system calls of a real `postern` process, as strace sees them; and strace failing one of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
_CALLS = "fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg,rename,renameat,renameat2"
_LINE = re.compile(r"(?P<pid>\d+) +(?:<\.\.\. )?(?P<name>\w+)(?: resumed>|\()(?P<rest>.*)")


def _usable() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0


needs_strace = pytest.mark.skipif(
    not _usable(), reason="strace is missing or may not trace: nothing proves an fsync here"
)


@dataclass(frozen=True, slots=True)
class Call:
    """One system call: its arguments as strace shows them, and its result. Writes count from their start, all else from its end."""

    name: str
    arguments: str
    result: str

    @property
    def sync(self) -> bool:
        return self.name in ("fsync", "fdatasync")

    @property
    def write(self) -> bool:
        return not self.sync and not self.name.startswith("rename")


@contextmanager
def traced(words: Sequence[str], config: Path, log: Path, *options: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:  # fmt: skip
    """`postern WORDS` under strace with these options; killed at the end of the block if it still runs."""
    command = ["strace", "-D", "-f", "-y", "-s", "48", "-e", f"trace={_CALLS}", "-o", str(log), *options]
    postern = [sys.executable, "-m", "gateway", *words, "--config", str(config)]
    with subprocess.Popen(
        [*command, *postern], cwd=ROOT, env=os.environ | environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def calls(log: Path) -> list[Call]:
    """What was called, in the order in which it counts."""
    found: list[Call] = []
    begun: dict[str, str] = {}
    for line in log.read_text(errors="replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        name, rest = match["name"], match["rest"]
        starts, ends = " resumed>" not in line, not rest.endswith("<unfinished ...>")
        if not starts:
            rest = begun.pop(match["pid"], "") + rest
        if not ends:
            begun[match["pid"]] = rest
        arguments, _, result = rest.rpartition(" = ") if ends else (rest, "", "")
        call = Call(name, arguments, result)
        if starts if call.write else ends:
            found.append(call)
    return found
