"""Thread-Index, by which Outlook groups mails ([MS-OXOMSG] 2.2.1.3): a head of 22 bytes that a conversation has in common.

The head is a time and a GUID; each mail below the first adds a block of five bytes that says when it was written.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from datetime import UTC, datetime, timedelta

_SINCE = datetime(1601, 1, 1, tzinfo=UTC)  # FILETIME counts units of 100 ns from here
_ROUND = 16  # bits of the time that a head leaves out
_STEP = 18  # bits of the time between head and mail that a block leaves out


def make_head(secret: bytes, ticket_id: int, created: datetime) -> str:
    """The head of a ticket's conversation, in hex; tells nothing of the ticket."""
    guid = hmac.digest(secret, b"postern conversation\0%d" % ticket_id, "sha256")[:16]
    return (_filetime(created).to_bytes(8, "big")[:6] + guid).hex()


def make_index(head: str, event_id: int, at: datetime) -> str:
    """The Thread-Index of a mail about an event; equal arguments give equal values."""
    raw = bytes.fromhex(head)
    passed = max(_filetime(at) - (int.from_bytes(raw[:6], "big") << _ROUND), 0) >> _STEP
    block = (passed & 0x7FFFFFFF).to_bytes(4, "big") + bytes([event_id & 0xFF])
    return b64encode(raw + block).decode("ascii")


def _filetime(at: datetime) -> int:
    return (at - _SINCE) // timedelta(microseconds=1) * 10
