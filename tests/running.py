"""A whole gateway as its users run it: `postern serve` as a process, mail in by SMTP, mail out to a receiving server."""

from __future__ import annotations

import json
import os
import shutil
import smtplib
import socket
import subprocess
import sys
import time
import urllib.request
from email.message import EmailMessage
from pathlib import Path
from typing import Any

POSTERN = [sys.executable, "-m", "gateway"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running:
    """Started on entering, stopped by SIGTERM on leaving."""

    def __init__(
        self, folder: Path, *desks: str, relay: str = "maildir:", database: str = "sqlite", **extra: str
    ) -> None:
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
        self._desks = desks
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Running:
        chosen = [word for desk in self._desks for word in ("--desk", desk)]
        self.run("init", str(self.folder), *chosen)
        if self.environment["POSTERN_STORE__DATABASE"] != "sqlite":
            self.run("migrate")
        log = (self.folder / "serve.log").open("wb")
        self._process = subprocess.Popen([*POSTERN, "serve"], env=self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not self.healthy():
            assert self._process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process
        self._process.terminate()
        code = self._process.wait(40)
        assert code == 0, self.log()

    def log(self) -> str:
        return (self.folder / "serve.log").read_text(errors="replace")

    def healthy(self) -> bool:
        try:
            return bool(self.health()["status"] == "ok")
        except (OSError, ValueError, KeyError):
            return False

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.portal_port}/healthz", timeout=5) as answer:
            return dict(json.load(answer))

    def run(self, *words: str, text: str = "", check: bool = True) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [*POSTERN, *words], env=self.environment, input=text.encode(), capture_output=True, check=False
        )
        assert done.returncode == 0 or not check, done.stderr.decode()
        return done

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)

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
