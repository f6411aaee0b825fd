"""Envelope recipients to desks: which mailbox an address means, and what is not ours (threats 9)."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from store.rules.desk import Desk, Mailbox


class NotOurs(Enum):
    """Why an address leads to no mailbox here."""

    UNKNOWN = "unknown"  # our domain, no such mailbox: 550 5.1.1
    FOREIGN = "foreign"  # another domain, a %-hack or a source route: 550 5.7.1


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address leads: a mailbox of a desk, and the part after `+`, which may be a token."""

    desk: str
    mailbox: Mailbox
    extension: str


@dataclass(frozen=True, slots=True)
class AddressBook:
    """All addresses of one installation."""

    places: dict[str, tuple[str, Mailbox]]
    domains: frozenset[str]

    @classmethod
    def of(cls, desks: Iterable[Desk]) -> AddressBook:
        """Collects the mailboxes of the desks; raises ValueError when two desks claim one address."""
        places: dict[str, tuple[str, Mailbox]] = {}
        for desk in desks:
            boxes = list(desk.mailboxes)
            if desk.bounces and desk.bounces not in {m.address for m in boxes}:
                boxes.append(Mailbox(address=desk.bounces, department=desk.main.department))
            for mailbox in boxes:
                if mailbox.address in places:
                    owner = places[mailbox.address][0]
                    raise ValueError(f"{mailbox.address} is a mailbox of both {owner} and {desk.name}")
                places[mailbox.address] = (desk.name, mailbox)
        return cls(places, frozenset(a.rpartition("@")[2] for a in places))

    def locate(self, address: str) -> Place | NotOurs:
        """The mailbox an envelope address means. A `+` part never changes which mailbox it is (design 3)."""
        local, _, domain = normalise(address).rpartition("@")
        if domain not in self.domains or "%" in local or "@" in local or "!" in local:
            return NotOurs.FOREIGN
        base, _, extension = local.partition("+")
        found = self.places.get(f"{base}@{domain}")
        return Place(found[0], found[1], extension) if found else NotOurs.UNKNOWN

    def is_own(self, address: str) -> bool:
        """True for an address that is the desk itself, with or without a `+` part."""
        return isinstance(self.locate(address), Place)


def normalise(address: str) -> str:
    """The form addresses are compared in: lower case, no blanks or angle brackets, domain as A-labels (threats 13).

    Local parts are compared without regard to case, because no mailbox provider in use tells them apart by it;
    `+` parts are kept, they are different people as far as we know.
    """
    local, at, domain = address.strip().strip("<>").lower().rpartition("@")
    if not domain.isascii():
        with suppress(UnicodeError):
            domain = domain.encode("idna").decode("ascii")
    return f"{local}{at}{domain}"


def check_address(value: str) -> str:
    """The address in the form it is compared in. Raises ValueError for anything else."""
    address = normalise(value)
    local, at, domain = address.rpartition("@")
    if not (local and at and domain) or any(c.isspace() or c in "<>,;" for c in address):
        raise ValueError("expected an address like anna@example.com")
    return address


def without_extension(email: str) -> str:
    """The address all `+` parts of a mailbox lead to: one correspondent, however many people (threats 38)."""
    local, at, domain = email.rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"
