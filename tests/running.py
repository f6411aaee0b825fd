"""A whole gateway as its users run it: `postern serve` as a process, mail in by SMTP, mail out to a receiving server."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from gateway.cli import app
from tests.harness import tell_at_once

POSTERN = [sys.executable, "-m", "gateway"]


def free_port() -> int:
    """One that no outgoing connection is given meanwhile, so that a gateway can have it again after a kill."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_768)  # below ip_local_port_range
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Running:
    """Started on entering, stopped by SIGTERM on leaving; may be stopped or killed and started again meanwhile."""

    def __init__(
        self, folder: Path, *desks: str, relay: str = "maildir:", database: str = "sqlite",
        at_once: bool = False, **extra: str,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.smtp_port, self.portal_port = free_port(), free_port()
        self.environment = os.environ | {
            "POSTERN_CONFIG": str(folder / "postern.toml"),
            "POSTERN_SMTP__LISTEN": f"127.0.0.1:{self.smtp_port}",
            "POSTERN_PORTAL__LISTEN": f"127.0.0.1:{self.portal_port}",
            "POSTERN_POSTERN__BASE_URL": f"http://127.0.0.1:{self.portal_port}",
            "POSTERN_RELAY__URL": relay,
            "POSTERN_STORE__DATABASE": database,
            **extra,
        }
        self._desks, self._at_once = desks, at_once
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Running:
        chosen = [word for desk in self._desks for word in ("--desk", desk)]
        self.run("init", str(self.folder), *chosen)
        if self._at_once:
            tell_at_once(self.folder)
        if self.environment["POSTERN_STORE__DATABASE"] != "sqlite":
            self.run("migrate")
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if self._process is not None and kind is None:
                self.stop()
        finally:
            self.kill()

    def start(self, wait: bool = True) -> None:
        """Starts it; what `extra` gave for a crash counts for the first start alone."""
        with (self.folder / "serve.log").open("ab") as log:
            self._process = subprocess.Popen([*POSTERN, "serve"], env=self.environment, stdout=log, stderr=log)
        self.environment.pop("POSTERN_CRASH", None)
        if wait:
            self.wait_until(self.healthy, 120)

    def stop(self, times: int = 1) -> None:
        """Asks it to end, as often as wanted, and waits."""
        assert self._process
        for _ in range(times):
            self._process.terminate()
            time.sleep(0.05)
        code = self._process.wait(40)
        self._process = None
        assert code == 0, self.log()

    def kill(self) -> None:
        """SIGKILL to the whole tree at one moment, whoever is whose child."""
        while pids := list(self.processes()):
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in pids:
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)
            self._reap()
        self._reap()
        self._process = None

    def kill_parent(self) -> None:
        """SIGKILL to `postern serve` alone."""
        assert self._process
        self._process.kill()
        self._reap()
        self._process = None

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait(10)

    def processes(self, *words: str) -> dict[int, str]:
        """What runs of this gateway, by its environment and so whoever its parent is now: each with its command line."""
        mark = f"POSTERN_CONFIG={self.folder / 'postern.toml'}".encode()
        found = {}
        for place in Path("/proc").iterdir():
            with suppress(OSError):
                if place.name.isdigit() and mark in (place / "environ").read_bytes().split(b"\0"):
                    command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if all(word in command.split() for word in words):
                        found[int(place.name)] = command
        return found

    def children(self, parent: int) -> list[int]:
        """All below a process, at whatever depth."""
        below = []
        for pid in self.processes():
            with suppress(OSError):
                if int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) == parent:
                    below += [pid, *self.children(pid)]
        return below

    def wait_until_gone(self, seconds: float = 5) -> None:
        """Fails when any process of the tree is left; the server that forks readers sees its filer's end a moment later."""
        deadline = time.monotonic() + seconds
        while left := self.processes():
            assert time.monotonic() < deadline, left
            time.sleep(0.05)

    def wait_until(self, true: Callable[[], object], seconds: float = 120) -> None:
        """Fails with the log when it does not become true, or the gateway ends meanwhile."""
        deadline = time.monotonic() + seconds
        while not true():
            assert self._process is None or self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def log(self) -> str:
        return (self.folder / "serve.log").read_text(errors="replace")

    def healthy(self) -> bool:
        try:
            return bool(self.health()["status"] == "ok")
        except (OSError, ValueError, KeyError):
            return False

    def health(self) -> dict[str, Any]:
        """What /healthz says, well or not. Raises OSError while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.portal_port}/healthz", timeout=10) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as degraded:
            return dict(json.load(degraded))

    def run(self, *words: str, text: str = "") -> str:
        """What a command prints; raises what it fails of. In this process: one of its own takes most of a second to start."""
        done = CliRunner().invoke(app, words, input=text, env=self.environment)
        if done.exception:
            raise done.exception
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))

    def load(self, **everything: Any) -> None:
        file = self.folder / "load.json"
        file.write_text(json.dumps(everything))
        self.run("load", str(file))

    def send(self, message: EmailMessage | bytes, sender: str, *to: str) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=20) as client:
            raw = message if isinstance(message, bytes) else bytes(message)
            client.sendmail(sender, list(to), raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

    def swaks(self, *words: str) -> None:
        done = subprocess.run(
            ["swaks", "--server", f"127.0.0.1:{self.smtp_port}", "--hide-all", *words], capture_output=True, check=False
        )  # fmt: skip
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()

    def drain(self) -> None:
        self.run("drain", "--timeout", "30")


has_swaks = shutil.which("swaks") is not None
