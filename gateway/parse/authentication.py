"""Authentication-Results (RFC 8601): what our own trusted host found, and nobody else's claims (threats 41)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_METHOD = re.compile(r";\s*(spf|dkim|dmarc)\s*(?:/\s*\d+\s*)?=\s*([a-z]+)", re.IGNORECASE)
_FAILED = re.compile(r"\bdmarc\s*=\s*fail", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of whether a mail comes from where its From says; results in the words of RFC 8601 section 2.7."""

    way: Literal["trusted-host", "computed", "submission", "none"] = "none"  # who found it
    spf: str | None = None  # of the envelope's domain, whatever From says
    dkim: str | None = None  # pass when any signature holds, whoever signed
    dmarc: str | None = None  # of the From domain: pass, fail, none, temperror or permerror; None when nobody looked
    policy: str | None = None  # what that domain asks for on failure: none, quarantine or reject; None when unknown


def read_results(auth_results: Sequence[str], trusted_host: str | None) -> Proof:
    """The results in the topmost header, when the trusted host wrote that one; else a proof of nothing.

    Only the topmost counts: headers below it may have come with the mail. That the trusted host removes those that bear
    its own name is asked of it by RFC 8601 section 5.
    """
    if not trusted_host or not auth_results:
        return Proof()
    top, whole = _bare(auth_results[0])
    host = top.split(";", 1)[0].split()
    if not host or host[0].lower() != trusted_host.lower():
        return Proof()
    found: dict[str, list[str]] = {"spf": [], "dkim": [], "dmarc": []}
    for method, result in _METHOD.findall(top):
        found[method.lower()].append(result.lower())
    # Where an odd address broke the header, a failure counts wherever it stands and a success only where it must be.
    if (not whole and _FAILED.search(auth_results[0])) or "fail" in found["dmarc"]:
        dmarc: str | None = "fail"
    else:
        dmarc = next(iter(found["dmarc"]), None)
    dkim = "pass" if "pass" in found["dkim"] else next(iter(found["dkim"]), None)
    return Proof("trusted-host", next(iter(found["spf"]), None), dkim, dmarc)


def _bare(value: str) -> tuple[str, bool]:
    """(The value without comments and quoted strings, in which anybody may write anything; whether all were closed)."""
    plain: list[str] = []
    depth, quoted, escaped = 0, False, False
    for char in value:
        if escaped:
            escaped = False
        elif char == "\\" and (depth or quoted):
            escaped = True
        elif quoted:
            quoted = char != '"'
        elif depth:
            depth += (char == "(") - (char == ")")
        elif char == '"':
            quoted = True
        elif char == "(":
            depth = 1
        else:
            plain.append(char)
            continue
        if not (depth or quoted):
            plain.append(" ")
    return "".join(plain), not (depth or quoted)
