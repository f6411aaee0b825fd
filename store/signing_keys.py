"""The private keys of DKIM (RFC 6376, RFC 8463), read when the configuration is, so that a wrong one stops the start."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dkim.crypto import UnparsableKeyError, parse_pem_private_key
from nacl.signing import SigningKey

_LEAST = 1024  # bits; verifiers take shorter ones for no signature (RFC 8301 section 3.2)


@dataclass(frozen=True, slots=True)
class DkimKey:
    """What mails from a domain are signed with; `content` is the key as dkimpy reads it."""

    domain: str
    selector: str
    algorithm: Literal["rsa-sha256", "ed25519-sha256"]
    content: bytes = field(repr=False)


def read_key(domain: str, selector: str, file: Path) -> DkimKey:
    """An RSA key in PEM, or an Ed25519 key as `dknewkey` writes it, in base64. Raises ValueError saying what is wrong."""
    try:
        content = file.read_bytes().replace(b"\r\n", b"\n").strip() + b"\n"
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if not content.startswith(b"-----"):
        try:
            SigningKey(base64.b64decode(content, validate=False))
        except (binascii.Error, ValueError):
            raise ValueError("neither an RSA key in PEM nor an Ed25519 key in base64") from None
        return DkimKey(domain, selector, "ed25519-sha256", content)
    try:
        bits = int(parse_pem_private_key(content)["modulus"]).bit_length()
    except (UnparsableKeyError, binascii.Error, LookupError, ValueError, TypeError):
        raise ValueError("no RSA private key in PEM (PKCS#1 or PKCS#8, without a password)") from None
    if bits < _LEAST:
        raise ValueError(f"an RSA key of {bits} bits; {_LEAST} are the least that verifiers take")
    return DkimKey(domain, selector, "rsa-sha256", content)
