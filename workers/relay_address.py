"""Addresses as they may stand in an SMTP command; anything doubtful is refused before a client library sees it."""

from __future__ import annotations

from store.errors import Permanent


def wire_address(address: str) -> str:
    """The address with its domain in A-labels. Raises Permanent for what could change the command it stands in."""
    local, at, domain = address.partition("@")
    if not (local and at and domain) or "@" in domain:
        raise Permanent(f"not an address: {address!r}")
    if any(char.isspace() or not char.isprintable() or char in "<>" for char in address):
        raise Permanent(f"not an address: {address!r} has a blank, a control character or a bracket")
    return f"{local}@{_a_label(domain)}"


def _a_label(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        encoded = domain.encode("idna")
        faithful = encoded.decode("idna") == domain.lower()
    except UnicodeError:
        faithful = False
    if not faithful:  # the standard library makes fass.de of faß.de, which is somebody else's
        raise Permanent(f"the domain {domain!r} cannot be written in A-labels")
    return encoded.decode("ascii")
