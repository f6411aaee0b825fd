"""Signed tokens: what one is for (kind, id, person, action) with an HMAC, in base32, either case (design 3).

A token is small enough for the local part of an address (RFC 5321 4.5.3.1.1: 64 octets with the mailbox name).
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Literal

Kind = Literal["reply", "copy", "bounce", "close", "confirm", "unsubscribe", "alert", "renew", "cancel", "probe"]
_KINDS: dict[Kind, int] = {
    "reply": 1, "copy": 2, "bounce": 3, "close": 4, "confirm": 5, "unsubscribe": 6, "alert": 7, "renew": 8, "cancel": 9, "probe": 10,
}  # fmt: skip
_NAMES = {number: kind for kind, number in _KINDS.items()}
_MAC = 10  # bytes: 80 bits, guessed at one in 2**80 a try
_LONGEST = 48


@dataclass(frozen=True, slots=True)
class Token:
    """What a mail to it means, for the one person it was made for.

    `reply`: writing on the ticket `id`; `close`: closing it; `confirm`: giving one's word to the parked request `id`.
    `copy` and `bounce`: a mail of ours about the event `id`, by its Message-ID and by its envelope. `unsubscribe`: no more
    mails of the categories that are the bits of `id`. `alert`: an answer to the alert `id`; `renew` and `cancel`: the
    devices in it are to be renewed, or to end. `probe`: the probe `id` of a mailbox, and `person` its number.
    """

    kind: Kind
    id: int
    person: int


def sign(token: Token, secret: bytes) -> str:
    """The token as text for an address or a Message-ID: lower-case base32 without padding."""
    body = bytes([_KINDS[token.kind]]) + _varint(token.id) + _varint(token.person)
    return _spell(body + _mac(body, secret))


def verify(text: str, secret: bytes) -> Token | None:
    """The token a text holds, or None when it is no token of this installation; constant-time compare."""
    if not 16 < len(text) <= _LONGEST or not text.isascii():
        return None
    try:
        raw = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except ValueError:
        return None
    body, mac = raw[:-_MAC], raw[-_MAC:]
    if not hmac.compare_digest(mac, _mac(body, secret)) or _spell(raw) != text.lower():
        return None
    kind = _NAMES.get(body[0])
    number, rest = _read_varint(body[1:])
    person, _ = _read_varint(rest)
    return Token(kind, number, person) if kind else None


@cache
def loop_mark(secret: bytes) -> str:
    """What marks the mails of this installation, and of no other, when they come back (threats 36)."""
    return _spell(hmac.digest(secret, b"postern loop", sha256)[:_MAC])


def _spell(raw: bytes) -> str:
    """The one spelling of these bytes; base32 otherwise lets the last character vary in unused bits."""
    return base64.b32encode(raw).decode("ascii").rstrip("=").lower()


def _mac(body: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, b"postern token\0" + body, sha256)[:_MAC]


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(raw: bytes) -> tuple[int, bytes]:
    number = 0
    for place, byte in enumerate(raw):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, raw[place + 1 :]
    return number, b""
