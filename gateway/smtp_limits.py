"""How much the SMTP door gives: connections, recipients, mistakes, room on the disk (threats 14, 15, 18)."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

from gateway.answers import Answer
from gateway.networks import customer_line, read_ip

COMMAND_LINE = 4096  # bytes; RFC 5321 4.5.3.1.4 asks for 512, SMTPUTF8 and parameters for more
RECIPIENTS = 100  # RFC 5321 4.5.3.1.8
BAD_COMMANDS = 5
REFUSALS = 100  # of any kind in one connection; nobody needs to try that many mailboxes
HOPS = 50  # Received lines
PER_CLIENT = 20
STRESS = 60.0  # seconds to wait for a command while most places are taken
SILENT = 1.0  # seconds without a command after which a peer may lose its place to a newcomer
_SPARE = 64 << 20  # bytes that stay free for everything else in the data folder
_MEGABYTE = 1 << 20
_HEAD = 256 * 1024  # bytes looked at; each hop writes above what was there
_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)


class Guests:
    """Who is connected. A client is an IPv4 address or an IPv6 /64, of which everybody has many addresses.

    The empty address is that of a Unix socket: all its peers are the mail server of this machine.
    """

    def __init__(self, most: int, per_client: int | None) -> None:
        self._most = most
        self._per_client = per_client
        self._clients: Counter[str] = Counter()
        self._all = 0

    def enter(self, address: str) -> Answer | None:
        """Counts a connection in; the refusal when it is one too many (it is not counted then)."""
        if self.full or self.has_share(address):
            return Answer.TOO_MANY_CONNECTIONS
        self._clients[customer_line(address)] += 1
        self._all += 1
        return None

    def has_share(self, address: str) -> bool:
        """True when this client has all the connections that one may have."""
        ip = read_ip(address)
        own = ip is not None and ip.is_loopback
        limit = (self._per_client or (None if own else PER_CLIENT)) if address else None
        return limit is not None and self._clients[customer_line(address)] >= limit

    def leave(self, address: str) -> None:
        """Counts a connection out that `enter` let in."""
        client = customer_line(address)
        self._all -= 1
        self._clients[client] -= 1
        if self._clients[client] <= 0:
            del self._clients[client]

    @property
    def full(self) -> bool:
        """True when no place is left."""
        return self._all >= self._most

    @property
    def crowded(self) -> bool:
        """True when four places of five are taken."""
        return self._all * 5 >= self._most * 4


def hops(raw: bytes) -> int:
    """Received lines at the head of a message (RFC 5321 6.3)."""
    head = raw[:_HEAD].partition(b"\r\n\r\n")[0]
    return len(_RECEIVED.findall(head))


def free_bytes(folder: Path) -> int:
    """Bytes an ordinary process may still write below the folder."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def room_for(declared: int, free: int) -> bool:
    """True when a message of the declared size (0: not told) can be journalled and filed without filling the disk."""
    return free >= 2 * max(declared, _MEGABYTE) + _SPARE
