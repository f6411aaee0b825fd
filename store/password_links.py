"""Links and codes to set a password: signed, good for three days, and for one password (threats 63, 65).

Both name a person and what their account was when they were made. Setting a password changes the account, so the
same link is good only once, and with it ends every other one there is. A code is for those whose link does not get
through: 50 bits of the same, to be typed together with the address it was mailed to.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode
from datetime import datetime, timedelta
from math import ceil
from urllib.parse import urlencode

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import Connection

from store import people
from store.config import Config
from store.rules.people import PersonFacts

PATH = "/password"
CODE_PATH = "/password/code"
GOOD_FOR = timedelta(days=3)
_STEP = 300  # seconds; a life is counted from the step it began in, so that a code need not say when
_TAKEN_FOR = str.maketrans("018", "OIB")  # no code has these digits
_NOBODY = PersonFacts(0, "")
_SIGNED = {"key_derivation": "hmac", "digest_method": hashlib.sha256}


def password_link(connection: Connection, config: Config, person: PersonFacts, at: datetime, onwards: str = "") -> str:
    """The address for a mail to an active person, good for three days less a few minutes; equal arguments give equal links.

    The mail must reach nobody else: who opens the link may sign in as this person. `onwards` is the path of ours that
    it leads to in the end, such as /t/HO-1042; else it is the list of tickets.
    """
    account = _fingerprint(config, person, people.password_hash(connection, person.id))
    token = str(_serializer(config).dumps([person.id, _STEP * _step(at), account]))
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


def password_code(connection: Connection, config: Config, person: PersonFacts, at: datetime) -> str:
    """The code for the same mail, as the link is good for: ten letters and digits, such as K7QMA-2XPDE."""
    account = _fingerprint(config, person, people.password_hash(connection, person.id))
    code = _code(config, person, _step(at), account)
    return f"{code[:5]}-{code[5:]}"


def find_by_code(connection: Connection, config: Config, address: str, code: str, now: datetime) -> PersonFacts | None:
    """Who may set a password with this address and code; None as `find_bearer` says. Takes as long for everybody.

    A code says nothing of when it was made, so that of each step of its life is compared.
    """
    person = people.find(connection, address)
    stored = people.password_hash(connection, person.id) if person else None
    account = _fingerprint(config, person or _NOBODY, stored)
    said = "".join(filter(str.isalnum, code.upper())).translate(_TAKEN_FOR).encode("ascii", "replace")
    first = ceil((now - GOOD_FOR).timestamp() / _STEP)
    made = (_code(config, person or _NOBODY, step, account) for step in range(first, _step(now) + 1))
    right = sum(hmac.compare_digest(one.encode(), said) for one in made)
    return person if right and person is not None and person.active else None


def redeem_code(
    connection: Connection, config: Config, address: str, code: str, password_hash: str, now: datetime
) -> PersonFacts | None:  # fmt: skip
    """As `redeem`, by the code."""
    return _set_password(connection, find_by_code(connection, config, address, code, now), password_hash)


def redeem(connection: Connection, config: Config, token: str, password_hash: str, now: datetime) -> PersonFacts | None:
    """Sets the password of the token's bearer; None when there is none, or another request was quicker.

    Who has the link read our mail to this address, so the person is confirmed as well.
    """
    return _set_password(connection, find_bearer(connection, config, token, now), password_hash)


def _set_password(connection: Connection, bearer: PersonFacts | None, password_hash: str) -> PersonFacts | None:
    if bearer is None:
        return None
    before = people.password_hash(connection, bearer.id)
    if not people.replace_password(connection, bearer.id, before, password_hash):
        return None
    people.confirm(connection, bearer.id)
    return bearer


def _step(at: datetime) -> int:
    return int(at.timestamp()) // _STEP


def _code(config: Config, person: PersonFacts, step: int, account: str) -> str:
    said = f"postern.password.code {person.id} {step} {account}".encode()
    return b32encode(hmac.digest(config.secret, said, "sha256")).decode()[:10]


def _serializer(config: Config) -> URLSafeSerializer:
    return URLSafeSerializer(config.secret, salt="postern.password.link", signer_kwargs=_SIGNED)


def _fingerprint(config: Config, person: PersonFacts, stored: str | None) -> str:
    """128 bits that are others once the password or the status is; they tell a reader of the link nothing."""
    key = hmac.digest(config.secret, b"postern.password.account", "sha256")
    return hmac.digest(key, f"{person.id} {person.status} {stored or ''}".encode(), "sha256").hex()[:32]
