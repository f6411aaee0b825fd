"""A private Postfix: an instance of its own in a folder below /tmp, on a free port of 127.0.0.1. Needs root."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pytest

from tests.running import free_port

needs_postfix = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("postfix") is None, reason="needs root and Postfix (apt-get install postfix)"
)
_DELIVERY = re.compile(
    r"postfix/\S+\[\d+\]: (?P<id>[0-9A-Za-z]+): to=<(?P<to>[^>]*)>, (?:orig_to=<[^>]*>, )?relay=(?P<relay>\S+), .*"
    r"status=(?P<status>\w+) \((?P<words>.*)\)$"
)
# What is said here is the instance alone; how mail is handed over stands in the documents that are tried.
_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log/maillog
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.peer.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
smtpd_tls_security_level = none
alias_maps =
alias_database =
local_recipient_maps =
default_transport = error:no mail leaves this machine
default_process_limit = 20
minimal_backoff_time = 2s
maximal_backoff_time = 4s
queue_run_delay = 2s
bounce_notice_recipient = nobody@peer.test
smtpd_client_connection_rate_limit = 0
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n  -  n  60    1  pickup
cleanup   unix  n  -  n  -     0  cleanup
qmgr      unix  n  -  n  300   1  qmgr
rewrite   unix  -  -  n  -     -  trivial-rewrite
bounce    unix  -  -  n  -     0  bounce
defer     unix  -  -  n  -     0  bounce
trace     unix  -  -  n  -     0  bounce
verify    unix  -  -  n  -     1  verify
flush     unix  n  -  n  1000? 0  flush
proxymap  unix  -  -  n  -     -  proxymap
tlsmgr    unix  -  -  n  1000? 1  tlsmgr
smtp      unix  -  -  n  -     -  smtp
relay     unix  -  -  n  -     -  smtp
showq     unix  n  -  n  -     -  showq
error     unix  -  -  n  -     -  error
retry     unix  -  -  n  -     -  error
discard   unix  -  -  n  -     -  discard
lmtp      unix  -  -  n  -     -  lmtp
anvil     unix  -  -  n  -     1  anvil
scache    unix  -  -  n  -     1  scache
postlog   unix-dgram n - n  -   1  postlogd
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One line of the log about one recipient."""

    id: str
    to: str
    relay: str
    status: str  # sent, deferred or bounced
    words: str


class Postfix:
    """Started on entering, stopped on leaving. `main` and `master` are lines added to the two files.

    The folder is `self.folder`; it exists before the start. `read_all`: what Postfix starts may read any file, as a pipe
    to a Python below /root must.
    """

    def __init__(self, main: str = "", master: str = "", read_all: bool = False) -> None:
        self.port = free_port()
        # Not below pytest's folder: that one is closed to Postfix' own users.
        self.folder = Path(tempfile.mkdtemp(prefix="postfix-"))
        self.folder.chmod(0o755)
        for part in ("etc", "spool", "data", "log"):
            (self.folder / part).mkdir()
            (self.folder / part).chmod(0o755)  # whatever this process' umask is
        self.main, self.master, self._read_all = main, master, read_all

    def __enter__(self) -> Postfix:
        try:
            self._write()
            self._run("start")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._end()

    def _write(self) -> None:
        etc = self.folder / "etc"
        shutil.chown(self.folder / "data", "postfix")
        for name in ("postfix-files", "dynamicmaps.cf"):
            shutil.copy(Path("/etc/postfix") / name, etc / name)
        (etc / "main.cf").write_text(_MAIN.format(folder=self.folder) + self.main)
        (etc / "master.cf").write_text(_MASTER.format(port=self.port) + self.master)

    def _run(self, word: str) -> None:
        command = ["postfix", "-c", str(self.folder / "etc"), word]
        if self._read_all:
            bits = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
            command = ["setpriv", *bits, "--securebits", "+no_setuid_fixup", *command]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, umask=0o022)
        assert done.returncode == 0, done.stderr + self.log()

    def _end(self) -> None:
        master = self.folder / "spool/pid/master.pid"
        try:
            if master.exists():
                self._run("stop")
        except subprocess.TimeoutExpired:  # it logs what it does, and the process that writes the log may be gone
            with suppress(ProcessLookupError):
                os.killpg(int(master.read_text()), signal.SIGKILL)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """The mail log so far."""
        file = self.folder / "log/maillog"
        return file.read_text(errors="replace") if file.exists() else ""

    def deliveries(self, status: str = "") -> list[Delivery]:
        """What the log says of each attempt with each recipient, oldest first."""
        found = (_DELIVERY.search(line) for line in self.log().splitlines())
        told = [Delivery(**match.groupdict()) for match in found if match]
        return [one for one in told if status in ("", one.status)]

    def queue(self) -> list[dict[str, object]]:
        """What waits, as `postqueue -j` tells it."""
        command = ["postqueue", "-c", str(self.folder / "etc"), "-j"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def flush(self) -> None:
        """Tries all that waits, now."""
        subprocess.run(["postqueue", "-c", str(self.folder / "etc"), "-f"], check=True, timeout=60)

    def wait_until_empty(self, seconds: float) -> None:
        """Fails with the queue and the end of the log when something still waits then."""
        end = time.monotonic() + seconds
        while left := self.queue():
            assert time.monotonic() < end, f"{len(left)} wait, such as {left[0]}\n{self.log()[-3000:]}"
            time.sleep(0.2)
