"""imapclient's connection with limits: how large a literal may be, how much may come and how long a command may take.

A server that is broken or hostile must neither fill the memory nor hold a connection for ever (threats 22, 24).
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from imapclient import IMAPClient, SocketTimeout, imap4, tls

from store import crash

logging.getLogger("imapclient").setLevel(
    logging.WARNING
)  # what it tells of a conversation is nobody's business (threats 94)
CONNECT = 30.0  # seconds
_STEP = 0.5  # seconds between looks whether to go on waiting
_BLOCK = 1 << 16
_CHATTER = 16 << 20  # bytes a command may bring beside the mail that was asked for


class _Bounded:
    """Mixed into imaplib's connection; `allow` opens the allowance for the next command."""

    until = float("inf")
    room = _CHATTER
    marking = 0  # mails whose mark is being set by the command that was sent

    def allow(self, seconds: float, size: int) -> None:
        self.until = time.monotonic() + seconds
        self.room = size + _CHATTER

    def read(self, size: int) -> bytes:
        self._spend(size)
        blocks = []
        while size > 0:
            block: bytes = super().read(min(size, _BLOCK))  # type: ignore[misc]
            if not block:
                raise self.abort("the server hung up in the middle of a mail")  # type: ignore[attr-defined]
            blocks.append(block)
            size -= len(block)
            self._spend(0)
        return b"".join(blocks)

    def readline(self) -> bytes:
        line: bytes = super().readline()  # type: ignore[misc]
        self._spend(len(line))
        return line

    def _spend(self, size: int) -> None:
        self.room -= size
        if self.room < 0:
            raise self.abort("the server sends more than was asked for")  # type: ignore[attr-defined]
        if time.monotonic() > self.until:
            raise TimeoutError

    def _command_complete(self, name: str, tag: bytes) -> Any:
        for _ in range(self.marking):
            crash.point("M4")
        return super()._command_complete(name, tag)  # type: ignore[misc]


class _Plain(_Bounded, imap4.IMAP4WithTimeout):  # type: ignore[misc]
    pass


class _Tls(_Bounded, tls.IMAP4_TLS):  # type: ignore[misc]
    pass


class Wire(IMAPClient):  # type: ignore[misc]
    """A connection; each step ends within `patience` seconds, or raises TimeoutError."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None, patience: float) -> None:
        self.patience = patience
        super().__init__(
            host, port, ssl=context is not None, ssl_context=context, timeout=SocketTimeout(CONNECT, patience)
        )
        self.normalise_times = False  # aware, as the server says them
        self._imap.debug = 0  # imaplib would write passwords into a log of its own (threats 94)

    def _create_IMAP4(self) -> Any:
        kind = _Tls if self.ssl else _Plain
        args = (self.ssl_context, CONNECT) if self.ssl else (CONNECT,)
        # The greeting may lie as well as everything behind it: the limits hold from the first byte.
        return kind(self.host, self.port, *args)

    def allow(self, seconds: float = 0.0, size: int = 0) -> None:
        """The next command may take so many seconds (`patience` by default) and bring so many bytes of mail."""
        self._imap.allow(seconds or self.patience, size)

    def marking(self, mails: int) -> None:
        """The next commands set marks of so many mails; 0: they do not."""
        self._imap.marking = mails

    def wait(self, seconds: float, go_on: Callable[[], bool]) -> bool:
        """IDLE (RFC 2177) for so long at most, or until `go_on` says no; whether the server told of anything.

        Written anew because imapclient's own overlooks what came together with the answer before it.
        """
        self.allow()
        tag = self._imap._command("IDLE")
        news = False
        while self._imap._get_response() is not None:
            if self._imap.tagged_commands[tag]:
                raise self.Error("the server does not want IDLE")
            news = True
        until = time.monotonic() + seconds
        while not (news := news or self._has_news()) and (left := until - time.monotonic()) > 0 and go_on():
            _readable(self.socket(), min(left, _STEP))
        self.allow()
        self._imap.send(b"DONE\r\n")
        self._imap._command_complete("IDLE", tag)
        return news

    def _has_news(self) -> bool:
        """Whether something lies ready to be read; an end of the connection counts, the next command meets it."""
        sock = self.socket()
        sock.setblocking(False)
        try:
            if self._imap.file.peek(1):
                return True
            return _readable(sock, 0)
        except (ssl.SSLWantReadError, BlockingIOError):
            return False
        finally:
            sock.settimeout(self.patience)

    def cut(self) -> None:
        """Ends the connection at once; a thread that waits on it is woken."""
        with contextlib.suppress(OSError, AttributeError):
            self.socket().shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError, AttributeError):
            self._imap.file.close()
            self.socket().close()


def _readable(sock: socket.socket, seconds: float) -> bool:
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return bool(poller.poll(seconds * 1000))
