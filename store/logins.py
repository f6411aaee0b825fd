"""Who somebody is by address and password, for every door that asks: the portal and the SMTP door."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from store import passwords, people
from store.database import Store
from store.rules.people import PersonFacts
from store.schema import Person

LONGEST_ADDRESS = 320  # characters of an address (RFC 3696 erratum 1690 allows fewer)


@dataclass(frozen=True, slots=True)
class Known:
    """An active person who gave their password; `hash` is what is stored of it, `addresses` all that are theirs."""

    person: PersonFacts
    hash: str
    addresses: frozenset[str]


def find_by_password(store: Store, address: str, password: str) -> Known | None:
    """The person when the password is right; takes as long for an address nobody has (threats 68). Raises Temporary."""
    person, stored, addresses = None, None, frozenset[str]()
    if address and len(address) <= LONGEST_ADDRESS and address.isprintable():
        with store.read() as connection:
            person = people.find(connection, address)
            if person is not None:
                stored = people.password_hash(connection, person.id)
                addresses = _addresses(connection, person.id)
    right = passwords.matches(password, stored)
    if not right or person is None or stored is None or not person.active:
        return None
    return Known(person, stored, addresses)


def _addresses(connection: Connection, person: int) -> frozenset[str]:
    query = select(Person.c.email).where(or_(Person.c.id == person, Person.c.same_as == person))
    return frozenset(connection.execute(query).scalars())
