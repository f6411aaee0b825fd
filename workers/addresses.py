"""The addresses mails come from, go to and are answered to."""

from __future__ import annotations

import re

from store.errors import Permanent
from store.rules.tokens import Token, sign

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_ADDRESS = re.compile(rf"{_ATOM}(?:{_ATOM}|\.)*@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


def mail_address(value: str) -> str:
    """A plain RFC 5321 mailbox with an ASCII domain. Raises Permanent for one that no mail can go to or come from."""
    local, at, domain = value.rpartition("@")
    if at and not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            raise Permanent("the domain of the address is not valid") from None
    address = f"{local}{at}{domain}"
    if len(address) > 254 or not _ADDRESS.fullmatch(address):
        raise Permanent("the address is not one that mail can be sent to")
    return address


def plus_address(address: str, token: Token, secret: bytes) -> str:
    """The address with a signed token as its + part."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{sign(token, secret)}@{domain}"
