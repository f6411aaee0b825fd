"""One connection to an SMTP relay: opened, secured, logged in; every step's answer judged by itself."""

from __future__ import annotations

import contextlib
import functools
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from store import crash
from store.errors import Permanent, PosternError, Temporary
from store.oauth.bearer import bearer
from workers.relay_words import GREETING, LOGIN, STARTTLS, TOKEN, as_bytes, reason, reply_line, unsafe
from workers.retry import NoSession, TooLarge, Unreachable

_IDLE = 30.0  # seconds; a connection unused for longer may be cut by a firewall that tells nobody
_BLOCK = 64 * 1024
_ABOUT_US = frozenset({530, 534, 535, 538})  # refusals of the session, not of the mail (RFC 4954 section 6)


@dataclass(frozen=True, slots=True)
class Account:
    """Where the relay is. `tls`: implicit (from the first byte), required, auto (STARTTLS when offered) or off."""

    host: str
    port: int
    tls: str = "auto"
    user: str = ""
    password: str = field(default="", repr=False)
    token: Callable[[], str] | None = field(default=None, repr=False)  # instead of a password


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for each kind of answer (RFC 5321 section 4.5.3.2)."""

    connect: float = 30
    command: float = 300
    block: float = 180
    dot: float = 600


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is handed over. `sender` is empty for the null sender; `content` has CRLF lines, the last one too."""

    sender: str
    recipient: str
    content: bytes

    @property
    def utf8(self) -> bool:
        return not (self.sender + self.recipient).isascii()


class Session:
    """One connection, ready for MAIL once made. Used by one thread at a time; `cut` may come from any."""

    def __init__(self, account: Account, patience: Patience, context: ssl.SSLContext) -> None:
        self._account, self._patience = account, patience
        self._used = time.monotonic()
        self._smtp = _connect(account, patience, context)
        if self._smtp.sock is not None:  # else the end of a mail waits 40 ms for the receipt of its middle
            self._smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._wait(patience.command)
            self._greet()
            self._secure(context)
            self._login()
        except BaseException:
            self.cut()
            raise

    @property
    def usable(self) -> bool:
        return self._smtp.sock is not None and time.monotonic() - self._used < _IDLE

    def begin(self, envelope: Envelope) -> None:
        """MAIL. Raises Unreachable when the connection is gone (the relay has nothing), Permanent, Temporary."""
        options = self._options(envelope)
        if envelope.utf8:
            self._smtp.command_encoding = "utf-8"
        self._say(f"MAIL FROM:<{envelope.sender}>{options}", self._patience.command)

    def finish(self, envelope: Envelope) -> str:
        """RCPT, DATA and the content; the relay's words. Raises as `begin`, and Temporary when the end is unknown."""
        self._say(f"RCPT TO:<{envelope.recipient}>", self._patience.command)
        crash.point("O5")
        self._say("DATA", self._patience.command, wanted=3)
        try:
            self._send(envelope.content)
        except (OSError, smtplib.SMTPException) as error:
            self.cut()
            raise Unreachable(f"the connection broke off during the mail: {reason(error)}") from error
        crash.point("O6")
        try:
            self._wait(self._patience.dot)
            code, text = self._smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self.cut()
            raise Temporary(f"the relay did not say whether it took the mail: {reason(error)}") from error
        self._used = time.monotonic()
        return self._judge(code, text, 2, gone=Temporary)

    def cut(self) -> None:
        """Ends the connection at once; a thread that waits on it is woken."""
        connection = self._smtp.sock
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._smtp.close()

    def _greet(self) -> None:
        code, text = self._ask("EHLO", self._smtp.ehlo)
        if code in (500, 502):
            code, text = self._ask("HELO", self._smtp.helo)
        if code != 250:
            raise NoSession(reply_line(code, text), GREETING)

    def _secure(self, context: ssl.SSLContext) -> None:
        tls = self._account.tls
        if tls in ("implicit", "off"):
            return
        if not self._smtp.has_extn("starttls"):
            if tls == "required":
                raise NoSession("the relay offers no STARTTLS, which tls=required asks for; nothing was sent", STARTTLS)
            return
        code, text = self._ask("STARTTLS", functools.partial(self._smtp.starttls, context=context))
        if code != 220:
            raise NoSession(f"the relay offers STARTTLS but does not do it: {reply_line(code, text)}", STARTTLS)
        self._greet()

    def _login(self) -> None:
        if not self._account.user:
            return
        if not isinstance(self._smtp.sock, ssl.SSLSocket) and self._account.tls != "off":
            why = "the relay offers no STARTTLS and the password is not sent in clear (tls=off would)"
            raise NoSession(why, STARTTLS)
        try:
            if self._account.token is None:
                self._smtp.login(self._account.user, self._account.password)
            else:
                self._show_token(self._account.token)
        except smtplib.SMTPResponseException as error:
            words = reply_line(error.smtp_code, as_bytes(error.smtp_error))
            raise NoSession(f"the relay refused the login: {words}", LOGIN) from error
        except (OSError, smtplib.SMTPException) as error:
            raise NoSession(f"the login at the relay failed: {reason(error)}", LOGIN) from error

    def _show_token(self, token: Callable[[], str]) -> None:
        offered = self._smtp.esmtp_features.get("auth", "").upper().split()
        try:
            mechanism, answers = bearer(self._account.user, token(), offered)
        except PosternError as error:
            raise NoSession(f"there is no access token for the relay: {error}", TOKEN) from error
        rest = iter(answers)
        self._smtp.auth(mechanism, lambda _challenge=None: next(rest, ""))

    def _options(self, envelope: Envelope) -> str:
        features = self._smtp.esmtp_features
        size, limit, options = len(envelope.content), features.get("size", ""), ""
        if "size" in features:
            if limit.isascii() and limit.isdigit() and 0 < int(limit) < size:
                raise TooLarge(size, int(limit))
            options += f" SIZE={size}"
        if envelope.utf8:
            if "smtputf8" not in features:
                raise Permanent("the relay does not take addresses with other than ASCII letters (SMTPUTF8)")
            options += " SMTPUTF8"
        if not envelope.content.isascii():
            if "8bitmime" not in features:
                raise Permanent("the relay takes seven-bit mail only, and this one is not")
            options += " BODY=8BITMIME"
        return options

    def _send(self, content: bytes) -> None:
        """All of it and the dot, which goes last: an error means that the relay cannot have the mail."""
        stuffed = content.replace(b"\r\n.", b"\r\n..") + b".\r\n"
        if stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        self._wait(self._patience.block)
        for start in range(0, len(stuffed), _BLOCK):
            self._smtp.send(stuffed[start : start + _BLOCK])

    def _say(self, line: str, seconds: float, wanted: int = 2) -> str:
        self._wait(seconds)
        verb = line.partition(" ")[0]
        code, text = self._ask(verb, lambda: self._smtp.docmd(line))
        return self._judge(code, text, wanted)

    def _ask(self, verb: str, command: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
        """The answer to a command. Raises Unreachable when none comes; a certificate we do not believe is Temporary."""
        try:
            return command()
        except smtplib.SMTPResponseException as error:
            if self._smtp.sock is None:
                raise Unreachable(f"the relay was not understood at {verb}") from error
            return error.smtp_code, as_bytes(error.smtp_error)
        except ssl.SSLError as error:
            raise unsafe("no safe connection to the relay", error) from error
        except (OSError, smtplib.SMTPException) as error:
            self.cut()
            raise Unreachable(f"the relay left at {verb}: {reason(error)}") from error

    def _judge(self, code: int, text: bytes, wanted: int, gone: type[Temporary] = Unreachable) -> str:
        """The relay's words when the first digit is as wanted; else raises, the session ready for another mail."""
        words = reply_line(code, text)
        if code // 100 == wanted:
            return words
        if code == 421 or code // 100 not in (4, 5):
            self.cut()
            raise gone(words)
        try:
            if self._smtp.rset()[0] != 250:
                self.cut()
        except (OSError, smtplib.SMTPException):
            self.cut()
        if code in _ABOUT_US:
            raise NoSession(words, LOGIN)
        raise (Permanent if code >= 500 else Temporary)(words)

    def _wait(self, seconds: float) -> None:
        if self._smtp.sock is not None:
            self._smtp.sock.settimeout(seconds)


def _connect(account: Account, patience: Patience, context: ssl.SSLContext) -> smtplib.SMTP:
    place, name = f"{account.host}:{account.port}", _own_name()
    try:
        if account.tls == "implicit":
            return smtplib.SMTP_SSL(account.host, account.port, name, timeout=patience.connect, context=context)
        return smtplib.SMTP(account.host, account.port, name, timeout=patience.connect)
    except smtplib.SMTPConnectError as error:  # a busy relay or one that does not want us: not this mail's fault
        raise NoSession(reply_line(error.smtp_code, as_bytes(error.smtp_error)), GREETING) from error
    except ssl.SSLError as error:
        raise unsafe(f"no safe connection to the relay {place}", error) from error
    except (OSError, smtplib.SMTPException) as error:
        raise Unreachable(f"the relay {place} cannot be reached: {reason(error)}") from error


@functools.cache
def _own_name() -> str:
    name = socket.getfqdn()
    return name if "." in name else "[127.0.0.1]"  # RFC 5321 section 4.1.3 for a host without a name
