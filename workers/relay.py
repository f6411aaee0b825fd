"""The relay that takes our mail: which one the configuration names, and how fast it may be fed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from store.config import Config
from store.errors import ConfigError
from store.oauth import open_access
from workers.relay_maildir import MaildirRelay
from workers.relay_session import Account
from workers.relay_smtp import SmtpRelay
from workers.signing import Signer

if TYPE_CHECKING:
    from workers.compose import Mail


class Relay(Protocol):
    """Where mails go. Used by several threads at once."""

    def send(self, mail: Mail) -> str:
        """Hands over one mail; the relay's words of acceptance.

        Raises Permanent with the relay's words when this mail will never be taken, Temporary (also Unreachable)
        when it may be later, or when nobody knows whether it was taken.
        """

    def close(self) -> None:
        """Gives up all connections, also those in use."""


class Pace:
    """At most `per_second` mails a second, evenly, over all threads of the process."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.gap = 1 / per_second  # seconds between two mails
        self._clock, self._sleep = clock, sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Returns when this caller may go on."""
        with self._lock:
            now = self._clock()
            slot = max(self._next, now)
            self._next = slot + self.gap
        if slot > now:
            self._sleep(slot - now)


class PacedRelay:
    """A relay behind a speed limit."""

    def __init__(self, relay: Relay, pace: Pace) -> None:
        self.pace = pace
        self._relay = relay

    def send(self, mail: Mail) -> str:
        self.pace.wait()
        return self._relay.send(mail)

    def close(self) -> None:
        self._relay.close()


class SigningRelay:
    """A relay that gets mails with their DKIM signatures."""

    def __init__(self, relay: Relay, signer: Signer) -> None:
        self._relay, self._signer = relay, signer

    def send(self, mail: Mail) -> str:
        return self._relay.send(replace(mail, content=self._signer.sign(mail.content)))

    def close(self) -> None:
        self._relay.close()


def open_relay(config: Config, share: float = 1) -> Relay:
    """The relay of a configuration; it connects when the first mail goes. Raises ConfigError.

    `share`: the part of the mails a second that the configuration allows.
    """
    section = config.settings.relay
    try:
        relay: Relay = _open(config, section.url)
    except ValueError as error:
        raise ConfigError(f"{config.file}: relay.url: {error}") from None
    if config.dkim_keys:
        relay = SigningRelay(relay, Signer(config.dkim_keys))
    return PacedRelay(relay, Pace(section.per_second * share)) if section.per_second else relay


def _open(config: Config, url: str) -> Relay:
    if url.startswith("maildir:"):
        folder = url.removeprefix("maildir:")
        return MaildirRelay(config.folder / folder if folder else config.data / "mail")
    return SmtpRelay(account_of(config))


def account_of(config: Config) -> Account:
    """Where the relay is and how one logs in there. Raises ValueError, and ConfigError when no such token can be had."""
    account = read_account(config.settings.relay.url)
    if (name := config.settings.relay.oauth) is not None:
        if not account.user:
            raise ValueError("with relay.oauth it names the user: smtp://user@host:port")
        account = replace(account, token=open_access(config, config.oauth(name, "relay.oauth")).token)
    return account


def read_account(url: str) -> Account:
    """smtp://user:password@host:port?tls=…, smtps://…; raises ValueError, whose text never shows the password."""
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("expected maildir:, maildir:FOLDER, smtp://user:password@host:port or smtps://…")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("the port is not a number from 1 to 65535") from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    tls = options.pop("tls", "auto" if parts.scheme == "smtp" else "implicit")
    if options or tls not in (("auto", "required", "off") if parts.scheme == "smtp" else ("implicit", "required")):
        raise ValueError("after `?` only tls=auto, tls=required or tls=off is known, tls=off not with smtps://")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (user.isascii() and password.isascii()):
        raise ValueError("user and password must be ASCII")
    if parts.scheme == "smtps":
        return Account(parts.hostname, port or 465, "implicit", user, password)
    return Account(parts.hostname, port or (587 if user else 25), tls, user, password)
