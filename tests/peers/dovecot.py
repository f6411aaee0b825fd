"""A real Dovecot on free ports of loopback, with everything it keeps in one folder; as root and as anybody else."""

from __future__ import annotations

import getpass
import grp
import json
import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import trustme

from tests.fakes import until
from tests.running import free_port

PASSWORD = "dove-secret"
HAS_DOVECOT = shutil.which("dovecot") is not None and shutil.which("doveadm") is not None

# Dovecot 2.3, as Debian 12 has it. One setting a line: `{ port = 1; }` on one line is a syntax error.
_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = {name}
log_path = {folder}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
default_login_user = {login_user}
default_internal_user = {user}
default_internal_group = {group}
default_process_limit = 200
first_valid_uid = 0
first_valid_gid = 0
mail_location = maildir:{folder}/mail/%u
mail_uid = {mail_user}
mail_gid = {mail_group}
auth_mechanisms = plain login xoauth2 oauthbearer
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf.ext
}}
userdb {{
  driver = static
  args = uid={mail_user} gid={mail_group} home={folder}/mail/%u/home allow_all_users=yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  {lmtp_user}
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
service imap {{
  chroot =
  process_limit = 200
}}
protocol imap {{
  mail_max_userip_connections = 100
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
{more}
"""
_NOT_ROOT = """
service auth {{
  user = {user}
}}
service auth-worker {{
  user = {user}
}}
"""
_OAUTH = """
introspection_url = http://127.0.0.1:{port}/introspect
introspection_mode = post
username_attribute = username
active_attribute = active
active_value = true
force_introspection = yes
"""


class Dovecot:
    """Started on entering, stopped on leaving. Every user exists and has the password `PASSWORD`; see also `Tokens`."""

    def __init__(self) -> None:
        in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        # Not below pytest's: others than root may not pass through that, and mails are nobody's.
        self.folder = Path(tempfile.mkdtemp(prefix="postern-dovecot-", dir=in_memory))
        self.imap, self.imaps, self.lmtp = free_port(), free_port(), free_port()
        self.tokens = Tokens()
        self._process: subprocess.Popen[bytes] | None = None
        self.authority = trustme.CA()
        self.ca = self.folder / "ca.pem"

    def __enter__(self) -> Dovecot:
        self.folder.chmod(0o755)
        cert = self.authority.issue_cert("localhost", "127.0.0.1")
        self.authority.cert_pem.write_to_path(self.ca)
        cert.private_key_pem.write_to_path(self.folder / "key.pem")
        for blob in cert.cert_chain_pems:
            blob.write_to_path(self.folder / "cert.pem", append=True)
        root = os.geteuid() == 0
        me, mine = getpass.getuser(), grp.getgrgid(os.getegid()).gr_name
        mail_user, mail_group = ("nobody", "nogroup") if root else (me, mine)
        for name in ("mail", "run", "state"):
            (self.folder / name).mkdir()
        if root:
            shutil.chown(self.folder / "mail", mail_user, mail_group)
        self.tokens.start()
        (self.folder / "oauth2.conf.ext").write_text(_OAUTH.format(port=self.tokens.port))
        config = self.folder / "dovecot.conf"
        config.write_text(
            _CONFIG.format(
                folder=self.folder, name=f"postern-{os.getpid()}-{self.imap}", password=PASSWORD, mail_user=mail_user,
                mail_group=mail_group, imap=self.imap, imaps=self.imaps, lmtp=self.lmtp,
                login_user="dovenull" if root else me, user="dovecot" if root else me, group="dovecot" if root else mine,
                lmtp_user="" if root else f"user = {me}", more="" if root else _NOT_ROOT.format(user=me),
            )
        )  # fmt: skip
        self._process = subprocess.Popen(
            ["dovecot", "-F", "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            for port in (self.imap, self.imaps, self.lmtp):
                until(lambda port=port: self._listens(port), 20, self.log)  # type: ignore[misc]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            if self._process.stderr:
                self._process.stderr.close()
            self._process = None
        self.tokens.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _listens(self, port: int) -> bool:
        assert self._process is None or self._process.poll() is None, self.log()
        with socket.socket() as probe, suppress(OSError):
            probe.settimeout(1)
            probe.connect(("127.0.0.1", port))
            return True
        return False

    def log(self) -> str:
        said = self.folder / "dovecot.log"
        head = b""
        if self._process is not None and self._process.poll() is not None and self._process.stderr:
            head = self._process.stderr.read()
        return head.decode() + (said.read_text(errors="replace") if said.exists() else "")

    def doveadm(self, *words: str) -> str:
        """What doveadm prints."""
        done = subprocess.run(
            ["doveadm", "-c", str(self.folder / "dovecot.conf"), *words], capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, f"doveadm {words}: {done.stderr.decode()}"
        return done.stdout.decode()

    def deliver(self, user: str, *mails: bytes, sender: str = "anna@cust.test") -> None:
        """Hands mails over by LMTP."""
        with smtplib.LMTP("127.0.0.1", self.lmtp, timeout=60) as client:
            client.ehlo_or_helo_if_needed()
            for raw in mails:
                client.sendmail(sender, [user], raw)

    def count(self, user: str, *query: str, folder: str = "INBOX") -> int:
        """How many mails of a folder answer a query of doveadm-search."""
        return len(self.doveadm("search", "-u", user, "mailbox", folder, *(query or ("all",))).splitlines())

    def restart_connections(self, user: str) -> None:
        """Kicks everybody who is logged in as this user."""
        with suppress(AssertionError):
            self.doveadm("kick", user)


class Tokens:
    """A small introspection server (RFC 7662): tells Dovecot which token is whose."""

    def __init__(self) -> None:
        self.valid: dict[str, str] = {}
        self.asked: list[str] = []
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    def start(self) -> None:
        tokens = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
                token = form.get("token", [""])[0]
                tokens.asked.append(token)
                user = tokens.valid.get(token)
                told: dict[str, Any] = {"active": "true", "username": user} if user else {"active": "false"}
                body = json.dumps(told).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
