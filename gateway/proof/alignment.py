"""DMARC (RFC 7489): whom the From domain has vouch for its mail, and whether one of these did. Pure but for the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from publicsuffixlist import PublicSuffixList

from gateway.proof.names import Lookups

_POLICIES = ("none", "quarantine", "reject")


@dataclass(frozen=True, slots=True)
class Checked:
    """A domain that may vouch for the mail, and the result of its SPF or of one of its signatures."""

    domain: str
    result: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What a domain publishes. Its `pct` is not kept: it says how often to act, not what is true."""

    wish: str  # for the From domain in question: none, quarantine or reject
    strict_dkim: bool = False
    strict_spf: bool = False


def find_policy(lookups: Lookups, author: str) -> Policy | None:
    """The policy of a From domain, or of its organisation (RFC 7489 6.6.3). Raises Unanswered and TooMany."""
    if not author or author.startswith("["):
        return None
    own = read_policy(lookups.ask(f"_dmarc.{author}", "TXT"), subdomain=False)
    above = organisation(author)
    if own is not None or above == author:
        return own
    return read_policy(lookups.ask(f"_dmarc.{above}", "TXT"), subdomain=True)


def read_policy(records: Sequence[str], subdomain: bool) -> Policy | None:
    """The one policy among TXT records; two are as good as none. A record without a usable `p` that wants reports is `none`."""
    tags = [found for record in records if (found := _tags(record))]
    if len(tags) != 1:
        return None
    known = tags[0]
    wish = known.get("sp", known.get("p", "")) if subdomain else known.get("p", "")
    if known.get("p") not in _POLICIES or known.get("sp", "none") not in _POLICIES:
        if "rua" not in known:
            return None
        wish = "none"
    return Policy(wish, known.get("adkim") == "s", known.get("aspf") == "s")


def _tags(record: str) -> dict[str, str]:
    """The tags of a DMARC record, empty for any other record; the first of two counts."""
    pairs = [part.partition("=") for part in record.split(";")]
    if pairs[0][0].strip().lower() != "v" or pairs[0][2].strip() != "DMARC1":
        return {}
    return {name.strip().lower(): value.strip().lower() for name, _, value in reversed(pairs)}


def judge(author: str, policy: Policy | None, spf: Checked, signatures: Sequence[Checked]) -> str:
    """The DMARC result. Trouble in the DNS excuses only where the author's own domain is in trouble, or its organisation:
    of all names below it some will never answer, and a forger may choose among them.
    """
    if policy is None:
        return "none"
    near = [spf] if is_aligned(spf.domain, author, policy.strict_spf) else []
    near += [one for one in signatures if is_aligned(one.domain, author, policy.strict_dkim)]
    if any(one.result == "pass" for one in near):
        return "pass"
    own = (author, organisation(author))
    return "temperror" if any(one.result == "temperror" and one.domain in own for one in near) else "fail"


def is_aligned(domain: str, author: str, strict: bool = False) -> bool:
    """Whether a domain may vouch for another: the same one, or one of the same organisation unless strict (3.1)."""
    if not domain or not author:
        return False
    return domain == author or (not strict and organisation(domain) == organisation(author))


def organisation(domain: str) -> str:
    """The organisational domain (3.2): one label more than a public suffix; a public suffix is one of its own."""
    return _list().privatesuffix(domain) or domain


@cache
def _list() -> PublicSuffixList:
    return PublicSuffixList()
