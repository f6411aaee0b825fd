"""A real rspamd on a free port of 127.0.0.1: its own rules, without what asks the Internet and what takes long to compile."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from types import TracebackType

import pytest

from tests.fakes import fair, until
from tests.running import free_port

needs_rspamd = pytest.mark.skipif(shutil.which("rspamd") is None, reason="no rspamd on this machine")
_ASKS_OTHERS = (
    "arc", "asn", "dkim", "dmarc", "fuzzy_check", "hfilter", "mx_check", "once_received", "phishing", "rbl", "redirectors",
    "spf", "surbl",
)  # fmt: skip
# The list of all public suffixes takes twelve seconds of a processor.
_OPTIONS = """
dns { nameserver = ["127.0.0.1:1"]; timeout = 0.2s; retransmits = 1; }
pidfile = false;
disable_hyperscan = true;
url_tld = "{folder}/suffixes";
"""


class Rspamd:
    """Started on entering, stopped on leaving."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(
            tempfile.mkdtemp(prefix="postern-rspamd-")
        )  # not below pytest's, as others than root read it
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Rspamd:
        self.folder.chmod(0o755)
        settings = {
            "options.inc": _OPTIONS.replace("{folder}", str(self.folder)),
            "logging.inc": 'type = "console";\n',
            "worker-normal.inc": f'bind_socket = "127.0.0.1:{self.port}";\ncount = 1;\n',
            **{f"worker-{other}.inc": "enabled = false;\n" for other in ("controller", "proxy", "fuzzy")},
            **{f"{module}.conf": "enabled = false;\n" for module in _ASKS_OTHERS},
        }
        for place in ("local/local.d", "local/override.d", "db", "run", "log"):
            (self.folder / place).mkdir(parents=True)
        for name, text in settings.items():
            (self.folder / "local/override.d" / name).write_text(text)
        (self.folder / "suffixes").write_text("com\norg\ntest\n")
        user = ["-u", "nobody", "-g", "nogroup"] if os.geteuid() == 0 else []
        if user:
            for place in ("db", "run", "log"):
                shutil.chown(self.folder / place, "nobody", "nogroup")
        places = {"LOCAL_CONFDIR": "local", "DBDIR": "db", "RUNDIR": "run", "LOGDIR": "log"}
        words = [f"--var={name}={self.folder / place}" for name, place in places.items()]
        with (self.folder / "said").open("wb") as said:
            self._process = subprocess.Popen(
                ["rspamd", "-f", *user, "-c", "/etc/rspamd/rspamd.conf", *words], stdout=said, stderr=said
            )
        try:
            until(self._answers, fair(60), self.log)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._end()

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, self.log()
        try:
            with urllib.request.urlopen(f"{self.url}/ping", timeout=2) as answer:
                return bool(answer.read().startswith(b"pong"))
        except OSError:
            return False

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """The end of what it said."""
        return (self.folder / "said").read_text(errors="replace")[-3000:]
