"""The envelope of a fetched mail, which IMAP has none of: whom it is for, and who sent it.

Its recipient is the mailbox it was fetched for, whatever the mail says: nobody addresses another desk by a header. Only
what stands behind the + of that very mailbox is taken from the headers, because a signed token may be there.
"""

from __future__ import annotations

import re

from gateway.pipe import ENVELOPE, VISIBLE, addresses_in, fitting, headers_of
from store.rules.addressing import normalise, without_extension

_MOST = 20  # addresses
_BRACKETED = re.compile(r"<([^<>]*)>")


def recipients(raw: bytes, to: str) -> tuple[str, ...]:
    """The mailbox, or the addresses with an extension under which it was written to. `to` is in normal form."""
    headers = list(headers_of(raw))
    for names in (ENVELOPE, VISIBLE):
        found = dict.fromkeys(
            address
            for name, value in headers
            if name in names
            for address in map(normalise, addresses_in(value))
            if address != to and without_extension(address) == to
        )
        if found:
            return tuple(found)[:_MOST]
    return (to,)


def sender(raw: bytes) -> str:
    """The envelope sender: Return-Path, which is `<>` for a report; From where the mail never went by SMTP."""
    headers = list(headers_of(raw))
    for name, value in headers:
        if name == "return-path":
            return fitting(value.strip().strip("<>"))
    return next((author(value) for name, value in headers if name == "from"), "")


def author(value: str) -> str:
    """The address in a From line, as far as one is seen without reading names and comments."""
    bracketed = (word for part in _BRACKETED.findall(value) for word in addresses_in(part))
    return fitting(next(bracketed, next(iter(addresses_in(value)), "")))
