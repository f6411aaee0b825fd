"""DKIM signatures on what goes out (RFC 6376), by dkimpy."""

from __future__ import annotations

from collections.abc import Sequence
from email.parser import BytesHeaderParser
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any

import dkim

from store.signing_keys import DkimKey


class Signer:
    """Signs each mail by the key of its From domain, or of the domain above that; others stay as they are."""

    def __init__(self, keys: Sequence[DkimKey]) -> None:
        self._keys = {key.domain: key for key in keys}

    def sign(self, content: bytes) -> bytes:
        """A mail with its signature on top. The same mail gets the same signature."""
        head = BytesHeaderParser().parsebytes(content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        domain = parseaddr(str(head["From"]))[1].rpartition("@")[2].lower()
        while domain and domain not in self._keys:
            domain = domain.partition(".")[2]
        if not domain:
            return content
        key = self._keys[domain]
        moment = int(parsedate_to_datetime(str(head["Date"])).timestamp())
        signer = _Dated(content, moment, key.algorithm.encode())
        signature: bytes = signer.sign(key.selector.encode(), key.domain.encode(), key.content)
        return signature + content


class _Dated(dkim.DKIM):  # type: ignore[misc]
    """dkimpy's, but for the time: a second copy of a mail has equal bytes (threats 80)."""

    def __init__(self, content: bytes, moment: int, algorithm: bytes) -> None:
        super().__init__(content, signature_algorithm=algorithm)
        self._moment = str(moment).encode()

    def gen_header(self, fields: list[tuple[bytes, bytes]], *rest: Any, **options: Any) -> bytes:
        fields[:] = [(name, self._moment if name == b"t" else value) for name, value in fields]
        header: bytes = super().gen_header(fields, *rest, **options)
        return header
