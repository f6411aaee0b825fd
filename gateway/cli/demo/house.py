"""One installation of the gateway in a folder of its own, used only through its commands as anybody would."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import IO, Any

PEOPLE = Path(__file__).parent / "people.json"
ON_CALL = "on-call@crew.example"
_MARK = ".postern-demo"  # only a folder that a demo made is ever emptied
_ROOT = Path(__file__).parents[3]
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Trouble(Exception):
    """The demo cannot go on; the text says why."""


class House:
    """The folder, the commands, and the gateway as a child process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.config = self.folder / "postern.toml"
        self.smtp_port, self.portal_port = _free_ports(2)
        self._child: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def portal(self) -> str:
        return f"http://127.0.0.1:{self.portal_port}"

    @property
    def maildir(self) -> Path:
        """Where the relay writes what it would send."""
        return self.folder / "data" / "mail" / "new"

    def build(self) -> None:
        """A fresh folder with all five desks and its own ports. Raises Trouble."""
        self._claim()
        if self.folder.exists() and any(self.folder.iterdir()):
            if not (self.folder / _MARK).exists():
                raise Trouble(f"{self.folder} holds something that no demo made; name another folder")
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / _MARK).touch()
        self.postern("init", str(self.folder))
        text = self.config.read_text(encoding="utf-8")
        for section, key, value in (
            ("postern", "data", "data"),
            ("postern", "base_url", self.portal),
            ("smtp", "listen", f"127.0.0.1:{self.smtp_port}"),
            ("portal", "listen", f"127.0.0.1:{self.portal_port}"),
        ):
            text = set_key(text, section, key, value)
        self.config.write_text(text, encoding="utf-8")
        desk = self.folder / "desks" / "equipment.toml"
        text = desk.read_text(encoding="utf-8")
        desk.write_text(text.replace("alerts = []", f'alerts = ["{ON_CALL}"]'), encoding="utf-8")
        self.postern("load", str(PEOPLE))

    def start(self, patience: float = 30) -> None:
        """Starts `postern serve` and waits until it is well. Raises Trouble with the end of its log."""
        log = self.folder / "serve.log"
        with log.open("wb") as out:
            # A session of its own: Ctrl-C reaches this process alone, which then stops the child in order.
            self._child = subprocess.Popen(
                _command("serve"), env=self._environment(), stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
        deadline = time.monotonic() + patience
        while not self._is_well():
            if self._child.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                raise Trouble(f"postern serve did not come up; the end of {log}:\n{tail}")
            time.sleep(0.1)

    def wait(self) -> None:
        """Until the gateway ends by itself."""
        if self._child:
            self._child.wait()

    def stop(self) -> None:
        """Asks the gateway to end; kills it when it takes over 35 seconds. Lets go of the folder."""
        child, self._child = self._child, None
        if child and child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(35)  # its own parts have 30
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        if self._lock:
            self._lock.close()

    def postern(self, *words: str, text: str | None = None) -> str:
        """Runs one command; its output. Raises Trouble with what it complained of."""
        done = subprocess.run(
            _command(*words), env=self._environment(), input=text, capture_output=True, text=True, encoding="utf-8"
        )
        if done.returncode:
            complaint = (done.stderr or done.stdout).strip() or "it said nothing"
            raise Trouble(f"postern {' '.join(words)} ended with {done.returncode}: {complaint[-2000:]}")
        return done.stdout

    def read(self, *words: str) -> Any:
        """What a command prints with --json."""
        return json.loads(self.postern(*words, "--json"))

    def health(self) -> dict[str, Any]:
        """What /healthz says. Raises OSError while nobody answers."""
        with _DIRECT.open(f"{self.portal}/healthz", timeout=2) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    def _is_well(self) -> bool:
        try:
            self.health()
            socket.create_connection(("127.0.0.1", self.smtp_port), 1).close()
        except (OSError, ValueError):
            return False
        return True

    def _claim(self) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self.folder.with_name(self.folder.name + ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Trouble(f"another demo runs in {self.folder}; end it with Ctrl-C first") from None

    def _environment(self) -> dict[str, str]:
        """This process's, without settings that would lead the demo to another installation."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
        paths = [str(_ROOT), *filter(None, [kept.get("PYTHONPATH")])]
        return kept | {"POSTERN_CONFIG": str(self.config), "PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"}


def set_key(text: str, section: str, key: str, value: str) -> str:
    """A TOML text with one key set, in its place when it stands there, also as a comment."""
    line = f'{key} = "{value}"'
    head = re.search(rf"^\[{section}\][^\n]*\n", text, re.MULTILINE)
    if head is None:
        return f"{text.rstrip()}\n\n[{section}]\n{line}\n"
    end = re.compile(r"^\[", re.MULTILINE).search(text, head.end())
    body = text[head.end() : end.start() if end else len(text)]
    changed, count = re.subn(rf"^#?[ \t]*{key}[ \t]*=[^\n]*", lambda _: line, body, count=1, flags=re.MULTILINE)
    body_end = head.end() + len(body)
    return text[: head.end()] + (changed if count else f"{line}\n{body}") + text[body_end:]


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "gateway", *words]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports
