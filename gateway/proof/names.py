"""Questions to the DNS for one mail: bounded in time and number, each asked once, and of trouble only one kind."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import dns.exception
import dns.resolver

SECONDS = 4.0  # for all questions about a mail (RFC 7208 4.6.4 wants a limit)
ONE = 2.0  # seconds for one question
MOST = 60  # questions about a mail; ten mechanisms of SPF with their addresses need fewer


class Unanswered(Exception):
    """The DNS does not say: a time-out, a server in trouble, or no resolver. It may another time."""


class TooMany(Exception):
    """This mail has asked enough."""


class Resolver(Protocol):
    """Whoever answers; to be sent to a child process, hence picklable."""

    def __call__(self, name: str, kind: str, seconds: float) -> tuple[str, ...]:
        """The records of A, AAAA, MX ("10 host"), PTR or TXT (its strings joined, bytes as Latin-1); () when there is none.

        Raises Unanswered.
        """


@dataclass(frozen=True, slots=True)
class Dns:
    """The DNS by the servers named, else by those of this machine."""

    servers: tuple[str, ...] = ()
    port: int = 53

    def __call__(self, name: str, kind: str, seconds: float) -> tuple[str, ...]:
        """See `Resolver`."""
        try:
            answer = _resolver(self).resolve(name, kind, lifetime=seconds, search=False, raise_on_no_answer=False)
        except (
            dns.resolver.LifetimeTimeout,
            dns.resolver.NoNameservers,
            dns.resolver.NoResolverConfiguration,
        ) as error:
            raise Unanswered(str(error)) from None
        except dns.exception.DNSException:  # NXDOMAIN, and names that cannot be
            return ()
        if kind == "TXT":
            return tuple(b"".join(record.strings).decode("latin-1") for record in answer)
        return tuple(record.to_text().rstrip(".") for record in answer)


@cache
def _resolver(place: Dns) -> dns.resolver.Resolver:
    made = dns.resolver.Resolver(configure=not place.servers)
    if place.servers:
        made.nameservers = list(place.servers)
        made.port = place.port
    made.cache = dns.resolver.LRUCache(2_000)
    return made


class Lookups:
    """All questions about one mail; its clock starts with it."""

    def __init__(self, resolve: Resolver, seconds: float = SECONDS) -> None:
        self._resolve = resolve
        self._end = time.monotonic() + seconds
        self._known: dict[tuple[str, str], tuple[str, ...] | Unanswered] = {}

    def ask(self, name: str, kind: str) -> tuple[str, ...]:
        """The records, () when there is none. Raises Unanswered and TooMany."""
        key = (name.rstrip(".").lower(), kind)
        if key not in self._known:
            if len(self._known) >= MOST:
                raise TooMany(f"more than {MOST} questions")
            self._known[key] = self._answer(*key)
        known = self._known[key]
        if isinstance(known, Unanswered):
            raise known
        return known

    def _answer(self, name: str, kind: str) -> tuple[str, ...] | Unanswered:
        left = self._end - time.monotonic()
        if left <= 0:
            return Unanswered("no time left")
        if not _can_be(name):
            return ()
        try:
            return self._resolve(name, kind, min(left, ONE))
        except Unanswered as error:
            return error
        except Exception as error:  # a server may answer with anything
            return Unanswered(repr(error))


def _can_be(name: str) -> bool:
    """Whether it may be asked for at all (RFC 1035 2.3.4)."""
    return name.isascii() and len(name) <= 253 and all(0 < len(label) <= 63 for label in name.split("."))
