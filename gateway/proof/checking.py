"""SPF, DKIM and DMARC of a mail that came straight from the Internet: computed while it is studied, never at the door."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.parse import Parsed
from gateway.parse.authentication import Proof
from gateway.proof.alignment import find_policy, judge
from gateway.proof.envelope import check_envelope
from gateway.proof.names import SECONDS, Lookups, Resolver, TooMany, Unanswered
from gateway.proof.signatures import Signatures


@dataclass(frozen=True, slots=True)
class Origin:
    """Who handed us a mail: its address, its name in EHLO and the envelope sender, "" the null sender; and who may be asked."""

    peer: str
    helo: str
    sender: str
    resolve: Resolver


def prove(raw: bytes, parsed: Parsed, origin: Origin, seconds: float = SECONDS) -> Proof:
    """The results for a mail and its one sender. Never raises: trouble is "temperror", and a record not there "none".

    The order matters. The author's own domain is asked first and then only what may vouch for it, so that no stranger
    can use up the time with slow servers of his and have a forged mail pass for one that could not be checked.
    """
    author = parsed.sender.address if parsed.sender else ""
    domain = author.rpartition("@")[2]
    lookups = Lookups(origin.resolve, seconds)
    trouble, policy = "", None
    try:
        policy = find_policy(lookups, domain)
    except (Unanswered, TooMany):
        trouble = "temperror"
    signed = Signatures(raw, author)
    near = signed.check(signed.near, lookups)
    spf = check_envelope(origin.peer, origin.sender, origin.helo, lookups)
    far = signed.check(signed.far, lookups)
    results = [one.result for one in (*near, *far)]
    dkim = "pass" if "pass" in results else next(iter(results), "permerror" if signed.broken else "none")
    dmarc = trouble or judge(domain, policy, spf, near)
    return Proof("computed", spf.result, dkim, dmarc, policy.wish if policy else None)
