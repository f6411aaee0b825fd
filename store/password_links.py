"""Links to set a password: signed, good for three days, and for one password (threats 63, 65).

A link names a person and what their account was when it was made. Setting a password changes the account, so the
same link is good only once, and with it ends every other one there is.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from urllib.parse import urlencode

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import Connection

from store import people
from store.config import Config
from store.rules.people import PersonFacts

PATH = "/password"
GOOD_FOR = timedelta(days=3)
_SIGNED = {"key_derivation": "hmac", "digest_method": hashlib.sha256}


def password_link(connection: Connection, config: Config, person: PersonFacts, at: datetime, onwards: str = "") -> str:
    """The address for a mail to an active person, good for three days from `at`; equal arguments give equal links.

    The mail must reach nobody else: who opens the link may sign in as this person. `onwards` is the path of ours that
    it leads to in the end, such as /t/HO-1042; else it is the list of tickets.
    """
    account = _fingerprint(config, person, people.password_hash(connection, person.id))
    token = str(_serializer(config).dumps([person.id, int(at.timestamp()), account]))
    return f"{config.base_url}{PATH}?{urlencode({'token': token} | ({'next': onwards} if onwards else {}))}"


def find_bearer(connection: Connection, config: Config, token: str, now: datetime) -> PersonFacts | None:
    """Who may set a password with this token; None when it is not ours, used or too old, or the person not active."""
    try:
        person, made, account = _serializer(config).loads(token)
    except (BadData, TypeError, ValueError):
        return None
    found = next(iter(people.facts(connection, [person])), None)
    if found is None or not found.active:
        return None
    present = _fingerprint(config, found, people.password_hash(connection, person))
    if not hmac.compare_digest(account, present):
        return None
    return found if now.timestamp() - made <= GOOD_FOR.total_seconds() else None


def redeem(connection: Connection, config: Config, token: str, password_hash: str, now: datetime) -> PersonFacts | None:
    """Sets the password of the token's bearer; None when there is none, or another request was quicker.

    Who has the link read our mail to this address, so the person is confirmed as well.
    """
    bearer = find_bearer(connection, config, token, now)
    if bearer is None:
        return None
    before = people.password_hash(connection, bearer.id)
    if not people.replace_password(connection, bearer.id, before, password_hash):
        return None
    people.confirm(connection, bearer.id)
    return bearer


def _serializer(config: Config) -> URLSafeSerializer:
    return URLSafeSerializer(config.secret, salt="postern.password.link", signer_kwargs=_SIGNED)


def _fingerprint(config: Config, person: PersonFacts, stored: str | None) -> str:
    """128 bits that are others once the password or the status is; they tell a reader of the link nothing."""
    key = hmac.digest(config.secret, b"postern.password.account", "sha256")
    return hmac.digest(key, f"{person.id} {person.status} {stored or ''}".encode(), "sha256").hex()[:32]
