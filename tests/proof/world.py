"""The one edge that is not real here: a DNS that answers from a dictionary, and domains that sign with real keys."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from functools import cache

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway.parse import parse
from gateway.parse.authentication import Proof
from gateway.proof.checking import Origin, prove
from gateway.proof.names import Unanswered

PEER = "198.51.99.7"  # of the Internet, and in nobody's documentation range
STRANGER = "45.9.148.3"


@dataclass(frozen=True)
class Zone:
    """Answers for the DNS. A record `None` is a server that does not answer. `asked` lists the questions."""

    records: dict[tuple[str, str], tuple[str, ...] | None] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, name: str, kind: str, seconds: float) -> tuple[str, ...]:
        self.asked.append((name, kind))
        found = self.records.get((name, kind), ())
        if found is None:
            raise Unanswered(name)
        return found


def zone(**records: str | None) -> Zone:
    """TXT records by name, with `__` for the dots and `dmarc__`, `key__` for `_dmarc.` and `s._domainkey.`."""
    named = {
        name.replace("dmarc__", "_dmarc.").replace("key__", "s._domainkey.").replace("__", "."): text
        for name, text in records.items()
    }
    return Zone({(name, "TXT"): None if text is None else (text,) for name, text in named.items()})


@cache
def key(bits: int = 2048) -> tuple[bytes, str]:
    """(a private key in PEM, the record that publishes its other half)."""
    made = rsa.generate_private_key(65537, bits)
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = made.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return pem, f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


KEY = key()[1]


def letter(text: str = "Hello", sender: str = "Anna <anna@cust.example>", **headers: str) -> bytes:
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"From: {sender}\r\nTo: support@desk.test\r\nSubject: Printer\r\n{extra}\r\n{text}\r\n".encode()


def signed(raw: bytes, domain: str = "cust.example", **options: object) -> bytes:
    """The mail with a signature of that domain in front."""
    return bytes(dkim.sign(raw, b"s", domain.encode(), key()[0], **options)) + raw


def proved(
    raw: bytes, zone: Zone, sender: str = "anna@cust.example", peer: str = PEER, helo: str = "mx.cust.example"
) -> Proof:
    return prove(raw, parse(raw), Origin(peer, helo, sender, zone))
