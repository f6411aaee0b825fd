"""SPF (RFC 7208) by pyspf: may this address send mail of the envelope's domain?"""

from __future__ import annotations

from typing import Any

import spf

from gateway.parse.addresses import normalise_address
from gateway.proof.alignment import Checked
from gateway.proof.names import Lookups, TooMany, Unanswered


class _Query(spf.query):  # type: ignore[misc]
    """pyspf's evaluation with its limits (4.6.4), over our questions instead of its own."""

    def __init__(self, peer: str, sender: str, helo: str, lookups: Lookups) -> None:
        self._ours = lookups
        super().__init__(peer, sender, helo)

    def dns(self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[Any]:
        """The records as pyspf wants them: TXT as strings of bytes, MX as pairs, else text."""
        try:
            found = self._ours.ask(name, qtype)
        except Unanswered as error:
            raise spf.TempError(str(error)) from None
        except TooMany as error:
            raise spf.PermError(str(error)) from None
        if not found and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("too many questions without an answer")
        if qtype == "TXT":
            return [(text.encode("latin-1"),) for text in found]
        if qtype == "MX":
            return [(int(rank), host) for rank, _, host in (record.partition(" ") for record in found)]
        return list(found)

    def get_explanation(self, spec: str) -> str:
        """Nothing: nobody would read the domain's words."""
        return ""


def check_envelope(peer: str, sender: str, helo: str, lookups: Lookups) -> Checked:
    """The result for the envelope sender's domain, for the null sender that of HELO (2.4). Never raises."""
    address = normalise_address(sender) if sender else ""
    domain = address.rpartition("@")[2] if sender else helo.rstrip(".").lower()
    if not domain or not domain.isascii() or domain.startswith("["):
        return Checked("", "none")
    try:
        result, _, _ = _Query(peer, address, domain, lookups).check()
    except Exception:  # what a record makes pyspf stumble over is the record's fault
        result = "permerror"
    return Checked(domain, str(result))
