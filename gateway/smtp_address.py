"""Paths and parameters of MAIL and RCPT (RFC 5321 4.1.2, RFC 6531 3.3), ordinary ones without a header parser."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_ATOMS = r"[^\x00-\x20\x7f()<>@,;:\\\"\[\]]+"
_ORDINARY = re.compile(rf"<({_ATOMS}@{_ATOMS})>(?: +(.*))?")
_ROUTED = re.compile(rf"<(@[^<>\s]*:)({_ATOMS}@{_ATOMS})>(?: +(.*))?")
_PARAMETER = re.compile(r"([A-Z0-9][A-Z0-9-]*)(?:=([!-<>-~]+))?")  # RFC 5321 4.1.2, already in upper case
_SLOW_MOST = 1024  # characters; the general parser takes time that grows faster than its input

Parsed = tuple[str | None, str | None]


def path(argument: str, parse: Callable[[str], Parsed]) -> Parsed:
    """Address and parameters of a path, (None, None) when malformed; `<>` stays `<>`, a source route stays in front.

    `parse` reads what is not ordinary: quoted local parts, domain literals, comments.
    """
    if found := _ORDINARY.fullmatch(argument):
        return found[1], found[2] or ""
    if argument == "<>" or argument.startswith("<> "):
        return "<>", argument[3:]
    if found := _ROUTED.fullmatch(argument):
        return found[1] + found[2], found[3] or ""
    if len(argument) > _SLOW_MOST or "=?" in argument or (argument.startswith("<") and ">" not in argument):
        return None, None  # the parser decodes encoded words inside an address, and forgives a missing bracket
    try:
        return parse(argument)
    except Exception:  # it raises IndexError and others for input it did not expect
        return None, None


def parameters(words: Sequence[str]) -> dict[str, str | bool] | None:
    """Parameters by name, True for one without value; None when one is malformed or given twice."""
    found: dict[str, str | bool] = {}
    for word in words:
        match = _PARAMETER.fullmatch(word)
        if match is None or match[1] in found:
            return None
        found[match[1]] = match[2] if match[2] is not None else True
    return found


def without_route(address: str) -> str:
    """The mailbox of a reverse path; its source route is to be ignored (RFC 5321 appendix C)."""
    return address.rpartition(":")[2] if address.startswith("@") else address


def fits(address: str) -> bool:
    """True within the lengths of RFC 5321 4.5.3.1, counted in octets: 64 for the local part, 254 in all."""
    local = address.rpartition("@")[0]
    return len(local.encode("utf-8", "replace")) <= 64 and len(address.encode("utf-8", "replace")) <= 254


def is_text(address: str) -> bool:
    """False when the peer's bytes were no UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in address)
