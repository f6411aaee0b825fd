"""Whom we believe about a mail: a relay of our own, or our own eyes."""

from __future__ import annotations

from gateway.networks import is_stranger
from gateway.parse import Parsed
from gateway.parse.authentication import Proof, read_results
from store.journal import SUBMISSION, JournalRow
from store.settings import AuthSection


def comes_straight(auth: AuthSection, row: JournalRow) -> bool:
    """Whether a stranger on the Internet handed it to us; loopback, private networks and `relays` are our own relays."""
    return row.door == "smtp" and is_stranger(row.peer, auth.relays)


def is_to_be_checked(auth: AuthSection, row: JournalRow) -> bool:
    """Whether SPF, DKIM and DMARC are computed for it."""
    return auth.check == "direct" and comes_straight(auth, row)


def proof_of(auth: AuthSection, row: JournalRow, parsed: Parsed, computed: Proof | None) -> Proof:
    """What is known of a mail: computed where it came straight, else what the trusted host wrote on it (threats 41).

    A header that came straight is whoever's: it bears the trusted host's name as easily as any other.
    """
    if row.door == SUBMISSION:  # the door has asked for a password, and for that person in From (threats 40)
        return Proof("submission", dmarc="pass")
    if comes_straight(auth, row):
        return computed or Proof()
    return read_results(parsed.auth_results, auth.trusted_host)
