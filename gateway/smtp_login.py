"""Signing in at the SMTP door: staff, with the address and password of their portal login, over TLS alone (RFC 4954)."""

from __future__ import annotations

import asyncio
import base64
import binascii
from concurrent.futures import ThreadPoolExecutor

from aiosmtpd.smtp import MISSING

from gateway.answers import Answer, log
from gateway.parse.addresses import read_sender
from gateway.parse.headers import split_message
from gateway.smtp_protocol import Conversation
from gateway.throttle import Throttle
from store import clock
from store.config import Config
from store.database import Store
from store.errors import ConfigError
from store.logins import Known, find_by_password
from store.rules.addressing import normalise

MECHANISMS = "AUTH PLAIN LOGIN"


class Logins:
    """Asks the store for passwords, two at a time: each takes a processor and 64 MB for a tenth of a second."""

    def __init__(self, store: Store, now: clock.Clock = clock.now) -> None:
        self._store = store
        self._throttle = Throttle(now)
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="login")

    async def sign_in(self, address: str, password: str, client: str) -> Known | Answer:
        """One of the staff, or what else is said. Raises Temporary."""
        address = normalise(address)
        if self._throttle.take(address, client):
            log.warning("too many sign-ins that failed, from %s", client)
            return Answer.TOO_MANY_LOGINS
        loop = asyncio.get_running_loop()
        known = await loop.run_in_executor(self._pool, find_by_password, self._store, address, password)
        if known is None or not known.person.staff_of:
            log.warning("sign-in refused, from %s", client)
            return Answer.WRONG_LOGIN
        self._throttle.forgive(address, client)
        return known


def logins_of(config: Config, store: Store) -> Logins | None:
    """What `[smtp] auth` asks for, None when it is off. Raises ConfigError where there is no TLS to sign in over."""
    settings = config.settings.smtp
    if not settings.auth:
        return None
    if settings.tls_cert is None:
        raise ConfigError(f"{config.file}: smtp.auth: needs tls_cert and tls_key, for no password is taken in clear")
    return Logins(store)


def writes_as_themselves(raw: bytes, known: Known) -> bool:
    """Whether From names the person who signed in, and nobody else beyond doubt."""
    sender = read_sender(split_message(raw)[0])
    return sender is not None and normalise(sender.address) in known.addresses


class SigningConversation(Conversation):
    """A conversation in which a peer may sign in."""

    async def smtp_AUTH(self, arg: str | None) -> None:
        """RFC 4954 section 4, with the mechanisms PLAIN (RFC 4616) and LOGIN, which Outlook knows alone."""
        logins = self._host.logins
        assert self.session is not None and self.envelope is not None
        if logins is None:
            return await self.push(Answer.NOT_IMPLEMENTED.line)
        if await self.check_helo_needed("EHLO"):
            return
        if self.session.ssl is None:
            return await self.push(Answer.LOGIN_NEEDS_TLS.line)
        if self.login or self.envelope.mail_from is not None:
            return await self.push(Answer.LOGIN_NOT_NOW.line)
        told = await self._credentials((arg or "").split())
        if isinstance(told, Answer):
            return await self.push(told.line)
        if told is None:
            return  # challenge_auth has said it
        found = await logins.sign_in(*told, self._peer)
        if isinstance(found, Answer):
            return await self.push(found.line)
        self.login = found
        await self.push(Answer.SIGNED_IN.line)

    async def _credentials(self, words: list[str]) -> tuple[str, str] | Answer | None:
        """Address and password as the peer gives them."""
        mechanism, initial = words[0].upper() if words else "", words[1] if len(words) == 2 else None
        if mechanism not in ("PLAIN", "LOGIN") or len(words) > 2:
            return Answer.UNKNOWN_LOGIN
        try:
            if initial is None:
                first = await self.challenge_auth("Username:" if mechanism == "LOGIN" else "")
            else:
                first = base64.b64decode("" if initial == "=" else initial, validate=True)
            if first is MISSING:
                return None
            if mechanism == "LOGIN":
                second = await self.challenge_auth("Password:")
                return None if second is MISSING else (first.decode(), second.decode())
            _, address, password = first.decode().split("\0")
        except (binascii.Error, ValueError):
            return Answer.BAD_LOGIN
        return address, password
