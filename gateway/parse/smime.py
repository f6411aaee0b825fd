"""The signed mail inside an S/MIME envelope (RFC 8551 section 3.5.2, RFC 5652); no signature is checked here."""

from __future__ import annotations

_OID, _OCTETS, _SEQUENCE, _FIRST = 0x06, 0x04, 0x30, 0xA0
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_MAX_DEPTH = 8


def read_signed(data: bytes) -> bytes | None:
    """The MIME message that was signed, None when `data` is encrypted, damaged or something else."""
    try:
        return _read(data)
    except (IndexError, ValueError):
        return None


def _read(data: bytes) -> bytes | None:
    at = _enter(data, 0, _SEQUENCE)
    oid, at = _take(data, at, _OID)
    if oid != _SIGNED_DATA:
        return None
    at = _enter(data, at, _FIRST)
    at = _enter(data, at, _SEQUENCE)
    at = _skip(data, at)  # version
    at = _skip(data, at)  # digest algorithms
    at = _enter(data, at, _SEQUENCE)
    at = _skip(data, at)  # content type
    at = _enter(data, at, _FIRST)
    return _octets(data, at)


def _head(data: bytes, at: int) -> tuple[int, int, int | None]:
    """(tag, where the content starts, where it ends; None when an end mark closes it) of a BER element."""
    tag, size = data[at], data[at + 1]
    if size < 0x80:
        return tag, at + 2, at + 2 + size
    if size == 0x80:
        return tag, at + 2, None
    width = size & 0x7F
    if width > 4:
        raise ValueError
    start = at + 2 + width
    end = start + int.from_bytes(data[at + 2 : start], "big")
    if end > len(data):
        raise ValueError
    return tag, start, end


def _enter(data: bytes, at: int, tag: int) -> int:
    found, start, _ = _head(data, at)
    if found != tag:
        raise ValueError
    return start


def _take(data: bytes, at: int, tag: int) -> tuple[bytes, int]:
    found, start, end = _head(data, at)
    if found != tag or end is None:
        raise ValueError
    return data[start:end], end


def _skip(data: bytes, at: int, depth: int = 0) -> int:
    _, at, end = _head(data, at)
    if end is not None:
        return end
    if depth > _MAX_DEPTH:
        raise ValueError
    while data[at : at + 2] != b"\0\0":
        at = _skip(data, at, depth + 1)
    return at + 2


def _octets(data: bytes, at: int) -> bytes | None:
    tag, start, end = _head(data, at)
    if tag == _OCTETS and end is not None:
        return data[start:end]
    if tag != _OCTETS | 0x20:
        return None
    chunks: list[bytes] = []
    at = start
    while (at < end) if end is not None else (data[at : at + 2] != b"\0\0"):
        chunk, at = _take(data, at, _OCTETS)
        chunks.append(chunk)
    return b"".join(chunks)
