"""Tokens of Gmail: a person agrees once in a browser, and the address it ends at is pasted here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from store import clock
from store.errors import ConfigError, Permanent, Temporary
from store.oauth.access import TIMEOUT, Access, NeedsLogin

try:
    import requests
    from google.auth import exceptions
    from google.auth.transport.requests import Request
    from google.oauth2.credentials import Credentials
    from google_auth_oauthlib.flow import Flow
    from oauthlib.oauth2 import OAuth2Error
except ImportError:
    raise ConfigError("oauth: Gmail needs `pip install 'postern[oauth]'`") from None

_AUTHORIZE, _TOKEN = "https://accounts.google.com/o/oauth2/auth", "https://oauth2.googleapis.com/token"
_SCOPES = ["https://mail.google.com/"]  # IMAP and SMTP; there is no lesser one
_REDIRECT = "http://127.0.0.1:1/"  # nobody listens: the browser shows the address it was sent to, and that is all
_EARLY = timedelta(minutes=10)  # before its end a token is renewed


class GoogleAccess(Access):
    """Keeps the refresh token of one person and the last access token."""

    def _token(self, kept: dict[str, Any]) -> str:
        if "refresh_token" not in kept:
            raise NeedsLogin(self.section.name)
        now = clock.now()
        ends = datetime.fromisoformat(kept["expires"]) if kept.get("expires") else now
        if not kept.get("token") or ends - now < _EARLY:
            try:
                self._renew(kept)
            except Temporary:
                if not kept.get("token") or ends <= now:  # else the old one will do for some minutes
                    raise
        return str(kept["token"])

    def _renew(self, kept: dict[str, Any]) -> None:
        held: Any = Credentials(  # type: ignore[no-untyped-call]
            None, refresh_token=kept["refresh_token"], token_uri=self._url(_TOKEN), client_id=self.section.client_id,
            client_secret=self._secret(), scopes=_SCOPES,
        )  # fmt: skip
        ask = Request()
        try:
            held.refresh(lambda **what: ask(**(what | {"timeout": TIMEOUT})))
        except exceptions.TransportError as error:
            raise Temporary("the login server does not answer") from error
        except exceptions.RefreshError as error:
            if error.retryable:
                raise Temporary("the login server is busy") from error
            raise NeedsLogin(self.section.name, f"the login is no longer good ({_words(error)})") from error
        self._keep(kept, held)

    def login(self, say: Callable[[str], None], ask: Callable[[str], str]) -> None:
        """Shows where to agree, and takes the address at which the browser ends up."""
        client = {
            "client_id": self.section.client_id, "client_secret": self._secret(), "auth_uri": self._url(_AUTHORIZE),
            "token_uri": self._url(_TOKEN), "redirect_uris": [_REDIRECT],
        }  # fmt: skip
        flow = Flow.from_client_config(
            {"installed": client}, _SCOPES, redirect_uri=_REDIRECT, autogenerate_code_verifier=True
        )
        # Google gives a refresh token only to who asks for consent anew.
        url, state = flow.authorization_url(access_type="offline", prompt="consent")
        say(f"Open this address in a browser, log in as the mailbox and agree:\n\n{url}\n")
        say("At the end the browser cannot open a page. That is as it should be: copy the address of that page.")
        answer = parse_qs(urlsplit(ask("The address").strip()).query)
        if answer.get("state") != [state] or "code" not in answer:
            raise Permanent(
                f"this is not the address the login ended at ({(answer.get('error') or ['no code in it'])[0]})"
            )
        try:
            told = flow.fetch_token(code=answer["code"][0], timeout=TIMEOUT)
        except requests.RequestException as error:
            raise Temporary("the login server does not answer") from error
        except OAuth2Error as error:
            raise Permanent(f"the login server said no: {error.description or error.error}") from error
        with self._kept() as kept:
            kept.clear()
            self._keep(kept, flow.credentials)
            if seconds := told.get("refresh_token_expires_in"):  # for applications that are not published
                kept["until"] = (clock.now() + timedelta(seconds=int(seconds))).isoformat()

    def _keep(self, kept: dict[str, Any], held: Any) -> None:
        kept["token"] = held.token
        kept["expires"] = held.expiry.replace(tzinfo=UTC).isoformat() if held.expiry else None
        if held.refresh_token:
            kept["refresh_token"] = held.refresh_token
        if "refresh_token" not in kept:
            raise Permanent("the login server gave no lasting access; remove the application there and log in again")

    def _url(self, usual: str) -> str:
        parts = urlsplit(usual)
        return f"{self.section.authority.rstrip('/')}{parts.path}" if self.section.authority else usual


def _words(error: exceptions.RefreshError) -> str:
    return str(error.args[0] if error.args else "refused")[:200]
