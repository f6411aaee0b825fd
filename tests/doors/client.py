"""An SMTP peer that does exactly what it is told, right or wrong."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

MAIL = b"From: alice@cust.test\r\nSubject: printer\r\n\r\nIt smokes.\r\n"


class Peer:
    """A connection, to a Unix socket where the address is a path; replies are read as lines, so a test sees each of them."""

    hello = "EHLO c.test"

    def __init__(self, address: tuple[str, int] | Path, timeout: float = 20.0, greet: bool = True) -> None:
        self.socket: socket.socket
        if isinstance(address, Path):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(str(address))
        else:
            self.socket = socket.create_connection(address, timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self.socket.makefile("rb")
        if greet:
            assert self.reply().startswith("220 ")

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def send(self, *commands: str | bytes) -> None:
        """Commands as one write; a str gets its CRLF, bytes go as they are."""
        self.raw(b"".join(c if isinstance(c, bytes) else c.encode() + b"\r\n" for c in commands))

    def raw(self, content: bytes) -> None:
        self.socket.sendall(content)

    def reply(self) -> str:
        """The next reply, its lines joined by LF; empty when the door has closed."""
        lines = []
        while True:
            try:
                line = self._file.readline()
            except ConnectionError:
                line = b""
            lines.append(line.decode().rstrip("\r\n"))
            if line[3:4] != b"-":
                return "\n".join(lines)

    def ask(self, *commands: str | bytes) -> list[str]:
        """Sends commands as one write and reads one reply for each."""
        self.send(*commands)
        return [self.reply() for _ in commands]

    def envelope(self, to: str = "support@desk.test", sender: str = "alice@cust.test") -> None:
        """Up to and including the 354 of DATA."""
        replies = self.ask(self.hello, f"MAIL FROM:<{sender}>", f"RCPT TO:<{to}>", "DATA")
        assert [r[:3] for r in replies] == ["250", "250", "250", "354"], replies

    def deliver(self, content: bytes = MAIL, to: str = "support@desk.test") -> str:
        """A whole mail; the reply after the dot."""
        self.envelope(to)
        self.raw(stuffed(content) + b".\r\n")
        return self.reply()

    def start_tls(self) -> None:
        """The client side of the handshake; certificates are not looked at."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._file.close()
        self.socket = context.wrap_socket(self.socket)
        self._file = self.socket.makefile("rb")

    def reset(self) -> None:
        """Ends the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self._file.close()
        self.socket.close()


def connected(port: int, seconds: float = 10.0) -> Peer:
    """A peer of a door on this machine, as soon as it is open."""
    end = time.monotonic() + seconds
    while True:
        try:
            return Peer(("127.0.0.1", port))
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def stuffed(content: bytes) -> bytes:
    """Content with its dots doubled (RFC 5321 4.5.2)."""
    return (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]


def eventually(check: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether something becomes true in this time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(0.01)
    return check()
