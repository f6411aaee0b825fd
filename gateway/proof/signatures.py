"""DKIM (RFC 6376) by dkimpy: which domains have signed this mail, as it is."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import dkim
from dkim.util import parse_tag_value

from gateway.parse.addresses import read_sender
from gateway.parse.headers import MAX_BLOCK, MAX_FIELDS, Field, Headers
from gateway.proof.alignment import Checked, is_aligned
from gateway.proof.bodies import canonical_body
from gateway.proof.names import Lookups, Unanswered

MOST = 5  # signatures looked at (RFC 6376 6.1 allows a limit)
_LONGEST = 8_000  # characters of a signature
_LONGEST_KEY = 2_000  # characters of a key record; an RSA key of 8,192 bits needs 1,400
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_BLANKS = re.compile(rb"\s+")
_FOLD = re.compile(r"[\r\n\t]+")

_silent = logging.getLogger("postern.dkim")  # dkimpy logs what strangers wrote as errors
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


class _NoKey(Exception):
    """There is no usable key record."""


class _Unfit(Exception):
    """The signature may be valid and is not accepted: "policy" in RFC 8601."""


class _Verifier(dkim.DKIM):  # type: ignore[misc]
    """dkimpy's verification but for the body's hash, which it can only take at a great cost in memory."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(logger=_silent)
        end = _HEADER_END.search(raw)
        block = raw[: end.start()] if end else raw
        if len(block) > MAX_BLOCK:
            raise dkim.MessageFormatError("the header is too large")
        self.headers, _ = dkim.rfc822_parse(block)
        if len(self.headers) > MAX_FIELDS:
            raise dkim.MessageFormatError("too many header fields")
        self._raw = raw
        self._start = end.end() if end else len(raw)
        self._bodies: dict[tuple[bytes, bool], tuple[bytes, int]] = {}

    @cached_property
    def signatures(self) -> list[bytes]:
        """The values of all DKIM-Signature fields, top first."""
        return [value for name, value in self.headers if name.lower() == b"dkim-signature"]

    @cached_property
    def author(self) -> str:
        """The address in From as dkimpy sees the header; empty when there is not exactly one."""
        values = [value.decode("utf-8", "replace") for name, value in self.headers if name.lower() == b"from"]
        sender = read_sender(Headers([Field("From", _FOLD.sub(" ", value)) for value in values], []))
        return sender.address if sender else ""

    def hash_body(self, algorithm: bytes, relaxed: bool) -> tuple[bytes, int]:
        """(the hash of the whole body, its length); kept for the next signature."""
        if (algorithm, relaxed) not in self._bodies:
            body = canonical_body(self._raw, self._start, relaxed)
            self._bodies[algorithm, relaxed] = dkim.HASH_ALGORITHMS[algorithm](body).digest(), len(body)
        return self._bodies[algorithm, relaxed]

    def verify_sig_process(self, sig: dict[bytes, bytes], include_headers: Any, sig_header: Any, dnsfunc: Any) -> bool:
        """The body's hash first, then dkimpy's part without it."""
        relaxed = sig.get(b"c", b"").partition(b"/")[2] == b"relaxed"
        digest, length = self.hash_body(sig[b"a"], relaxed)
        if b"l" in sig and int(sig[b"l"]) < length:
            raise _Unfit  # anybody may have added the rest (RFC 6376 8.2)
        if base64.b64decode(_BLANKS.sub(b"", sig[b"bh"])) != digest:
            return False
        rest = {tag: value for tag, value in sig.items() if tag != b"bh"}
        return bool(super().verify_sig_process(rest, include_headers, sig_header, dnsfunc))


class Signatures:
    """Those of one mail, at most five: `near` that may vouch for the author's address, and `far`, all others.

    One counts only when From, as its verifier sees it, is the author that was read of the mail (threats 45).
    """

    def __init__(self, raw: bytes, author: str) -> None:
        self._author = author
        self._mail: _Verifier | None = None
        self.near: list[int] = []  # places among the DKIM-Signature fields
        self.far: list[int] = []
        self.broken = False  # the header is none that anybody can have signed
        if b"dkim-signature" not in raw[:MAX_BLOCK].lower():
            return
        try:
            self._mail = _Verifier(raw)
        except Exception:  # dkimpy raises what it likes
            self.broken = True
            return
        home = author.rpartition("@")[2]
        for place, value in enumerate(self._mail.signatures):
            (self.near if is_aligned(_domain(value), home) else self.far).append(place)
        self.near = self.near[:MOST]
        self.far = self.far[: MOST - len(self.near)]

    def check(self, places: Sequence[int], lookups: Lookups) -> list[Checked]:
        """The results of some of them. Never raises."""
        assert self._mail or not places
        return [self._check(self._mail, place, lookups) for place in places if self._mail]

    def _check(self, mail: _Verifier, place: int, lookups: Lookups) -> Checked:
        value = mail.signatures[place]
        domain = _domain(value)
        return Checked(domain, self._result(mail, place, value, lookups) if domain else "permerror")

    def _result(self, mail: _Verifier, place: int, value: bytes, lookups: Lookups) -> str:
        def find_key(name: bytes, timeout: float = 0) -> bytes:
            key = next((record for record in lookups.ask(name.decode("ascii"), "TXT") if "p=" in record), "")
            if not key or len(key) > _LONGEST_KEY:
                raise _NoKey
            return key.encode("latin-1")

        if len(value) > _LONGEST:
            return "permerror"
        try:
            if self._author not in ("", mail.author) or parse_tag_value(value).get(b"a") == b"rsa-sha1":  # RFC 8301 3.1
                return "policy"
            return "pass" if mail.verify(place, find_key) else "fail"
        except Unanswered:
            return "temperror"
        except _Unfit:
            return "policy"
        except Exception:  # dkimpy raises what it likes at a signature that is none
            return "permerror"


def _domain(value: bytes) -> str:
    try:
        return str(parse_tag_value(value)[b"d"].decode("ascii").lower().rstrip("."))
    except Exception:  # no tags, or none that names a domain
        return ""
