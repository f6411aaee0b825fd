"""The body of a signed mail as DKIM hashes it (RFC 6376 section 3.4): in pieces, in time and memory linear in its size.

dkimpy takes a body apart into lines and words; 10 MB of text cost it 400 MB, and a long run of blanks minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_BLANKS = re.compile(rb"[\t ]+")
_PIECE = 1 << 20


def canonical_body(raw: bytes, start: int, relaxed: bool) -> bytes:
    """The body that begins at `start` of a message, its line ends made CRLF."""
    body = b"".join(_relax(piece) if relaxed else piece for piece in _pieces(raw, start))
    bare = body.rstrip(b"\r\n")
    tail = body[len(bare) :]
    kept = len(tail) if tail.endswith(b"\r") else tail.rfind(b"\r\r") + 1  # a CR alone ends no line
    body = bare + tail[:kept]
    return body if relaxed and not body else body + b"\r\n"


def _pieces(raw: bytes, start: int) -> Iterator[bytes]:
    """Whole lines, about a megabyte at a time."""
    while start < len(raw):
        end = raw.find(b"\n", start + _PIECE) + 1 or len(raw)
        yield raw[start:end].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        start = end


def _relax(piece: bytes) -> bytes:
    return _BLANKS.sub(b" ", piece).replace(b" \r\n", b"\r\n")
