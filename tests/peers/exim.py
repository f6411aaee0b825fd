"""A private Exim: run from its configuration file in a folder below /tmp, on a free port of 127.0.0.1. Needs root."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pytest

from tests.running import free_port

_BINARY = os.environ.get("EXIM") or shutil.which("exim4") or shutil.which("exim")
needs_exim = pytest.mark.skipif(
    os.geteuid() != 0 or _BINARY is None,
    reason="needs root, Exim (unpack exim4-daemon-light and name its binary in $EXIM) and its user Debian-exim",
)
_DELIVERY = re.compile(r"^\S+ \S+ (?:\S+ )?(?P<mark>=>|->|==|\*\*) (?P<to>\S+) (?P<words>.*)$")
# What is said here is the instance alone; how mail is handed over stands in the documents that are tried.
_CONFIGURATION = """
exim_path = {binary}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/spool/exim.pid
primary_hostname = exim.peer.test
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
tls_advertise_hosts =
never_users =
trusted_users = root
exim_user = nobody
exim_group = nogroup
keep_environment =
disable_ipv6
dns_dnssec_ok = 0
smtp_accept_max_per_host = 100
smtp_accept_queue_per_connection = 1000
rfc1413_query_timeout = 0s
smtputf8_advertise_hosts = *
queue_run_max = 10
acl_smtp_rcpt = rcpt
begin acl
{acl}
begin routers
{routers}
begin transports
{transports}
begin retry
* * F,1h,3s
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One line of the log about one recipient; `mark` is Exim's: => and -> delivered, == deferred, ** failed."""

    mark: str
    to: str
    words: str


class Exim:
    """Started on entering, stopped on leaving."""

    def __init__(self, acl: str, routers: str, transports: str) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="exim-"))
        self.folder.chmod(0o755)
        self._parts = {"acl": acl, "routers": routers, "transports": transports}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Exim:
        try:
            for part in ("spool", "log"):
                (self.folder / part).mkdir()
                (self.folder / part).chmod(0o755)  # whatever this process' umask is
                shutil.chown(self.folder / part, "nobody", "nogroup")
            values = {"binary": _BINARY, "folder": self.folder, "port": self.port, **self._parts}
            (self.folder / "exim.conf").write_text(_CONFIGURATION.format(**values))
            (self.folder / "exim.conf").chmod(0o644)
            command = [str(_BINARY), "-C", str(self.folder / "exim.conf"), "-bdf", "-q3s"]
            self._process = subprocess.Popen(command, stderr=(self.folder / "stderr").open("wb"), umask=0o022)
            self._wait_for("listening for SMTP", 30)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._end()

    def _wait_for(self, words: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while words not in self.log():
            assert self._process and self._process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.05)

    def _end(self) -> None:
        try:
            if self._process is not None:
                self._process.terminate()
                self._process.wait(20)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """The main log so far, and behind it what those wrote to stderr that have no right to the log.

        A program that is not set-uid delivers without root's rights under a configuration file of ours.
        """
        files = (self.folder / "log/mainlog", self.folder / "stderr")
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def deliveries(self, *marks: str) -> list[Delivery]:
        """What the log says of each attempt with each recipient, oldest first."""
        found = (_DELIVERY.search(line) for line in self.log().splitlines())
        told = [Delivery(**match.groupdict()) for match in found if match]
        return [one for one in told if not marks or one.mark in marks]

    def waiting(self) -> int:
        """How many mails the queue holds."""
        command = [str(_BINARY), "-C", str(self.folder / "exim.conf"), "-bpc"]
        return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)

    def wait_until_empty(self, seconds: float) -> None:
        """Fails with the end of the log when something still waits then."""
        end = time.monotonic() + seconds
        while left := self.waiting():
            assert time.monotonic() < end, f"{left} wait\n{self.log()[-3000:]}"
            time.sleep(0.2)
