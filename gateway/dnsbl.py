"""DNS block lists (RFC 5782), asked about a stranger's address when it names a mailbox of ours; without an answer it is let in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

import dns.asyncresolver
import dns.exception
import dns.resolver
import dns.reversename

from gateway.answers import log
from gateway.networks import is_in, is_stranger

SECONDS = 3.0  # for all lists together
REST = 60.0  # seconds in which nothing is asked after lists that did not answer
_LISTED = IPv4Network("127.0.0.0/8")
_REFUSED = IPv4Network("127.255.255.0/24")  # how the large lists say that they do not answer this resolver


class Blocklists:
    """The lists of `[smtp] dnsbl`; `own` are relays of ours besides those on loopback and private networks."""

    def __init__(
        self, lists: Sequence[str], own: Sequence[IPv4Network | IPv6Network] = (), servers: Sequence[str] = (), port: int = 53
    ) -> None:  # fmt: skip
        self._lists, self._own = lists, own
        self._servers, self._port = servers, port
        self._resolver: dns.asyncresolver.Resolver | None = None
        self._rests_until = 0.0

    async def find(self, address: str) -> str | None:
        """The list that names an address; None also when nobody says so in time. Never raises."""
        if time.monotonic() < self._rests_until or not is_stranger(address, self._own):
            return None
        try:
            async with asyncio.timeout(SECONDS):
                told = await asyncio.gather(*(self._is_on(one, address) for one in self._lists))
        except Exception as error:  # no resolver, no answer, nonsense: we let in whom we cannot ask about
            self._rests_until = time.monotonic() + REST
            log.error("block lists do not answer, all are let in: %s", type(error).__name__)
            return None
        return next((one for one, listed in zip(self._lists, told, strict=True) if listed), None)

    async def _is_on(self, zone: str, address: str) -> bool:
        reverse = dns.reversename.from_address(address)
        name = ".".join(label.decode() for label in reverse.labels[:-3]) + f".{zone}"
        try:
            answer = await self._answerer().resolve(name, "A", lifetime=SECONDS, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return False
        found = [record.to_text() for record in answer]
        return any(is_in(one, (_LISTED,)) and not is_in(one, (_REFUSED,)) for one in found)

    def _answerer(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            self._resolver = dns.asyncresolver.Resolver(configure=not self._servers)
            if self._servers:
                self._resolver.nameservers, self._resolver.port = list(self._servers), self._port
            self._resolver.cache = dns.resolver.LRUCache(5_000)
        return self._resolver
