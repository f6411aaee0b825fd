"""Tokens of Microsoft 365: by the application itself (client credentials) or by a person with a code (RFC 8628)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from store.config import Config
from store.errors import ConfigError, Permanent, Temporary
from store.oauth.access import TIMEOUT, Access, NeedsLogin
from store.settings import OauthSection

try:
    import msal
    import requests
except ImportError:
    raise ConfigError("oauth: Microsoft 365 needs `pip install 'postern[oauth]'`") from None

AUTHORITY = "https://login.microsoftonline.com"
# By a person: what that person may do. By the application: what an administrator has granted it.
_OF_A_PERSON = ["https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send"]
_OF_THE_APPLICATION = ["https://outlook.office365.com/.default"]
_AGAIN = ("temporarily_unavailable", "server_error", "service_not_available")


class MicrosoftAccess(Access):
    """msal keeps its own cache of tokens, and renews one that has less than five minutes left."""

    def __init__(self, config: Config, section: OauthSection) -> None:
        super().__init__(config, section)
        self._itself = section.client_secret_file is not None
        self._cache = msal.SerializableTokenCache()
        self._app: Any = None

    def _token(self, kept: dict[str, Any]) -> str:
        if not self._itself and "cache" not in kept:
            raise NeedsLogin(self.section.name)
        self._cache.deserialize(kept.get("cache") or None)  # another process may have a newer one
        try:
            app = self._client()
            if self._itself:
                told = app.acquire_token_for_client(_OF_THE_APPLICATION)
            else:
                accounts = app.get_accounts()
                if not accounts:
                    raise NeedsLogin(self.section.name)
                told = app.acquire_token_silent_with_error(_OF_A_PERSON, accounts[0]) or {}
        except (requests.RequestException, ValueError) as error:
            raise Temporary(f"the login server does not answer ({type(error).__name__})") from error
        if self._cache.has_state_changed:
            kept["cache"] = self._cache.serialize()
        return self._judge(told)

    def login(self, say: Callable[[str], None], ask: Callable[[str], str]) -> None:
        """Shows the code that a person types at the provider's page, and waits for it."""
        if self._itself:
            self.token()
            say("The application logs in by itself; it has a token now.")
            return
        try:
            app = self._client()
            flow = app.initiate_device_flow(_OF_A_PERSON)
            if "user_code" not in flow:
                raise Permanent(_words(flow))
            say(str(flow["message"]))
            told = app.acquire_token_by_device_flow(flow)
        except (requests.RequestException, ValueError) as error:
            raise Temporary(f"the login server does not answer ({type(error).__name__})") from error
        self._judge(told)
        with self._kept() as kept:
            kept["cache"] = self._cache.serialize()

    def _client(self) -> Any:
        """msal's client, made once: it asks the login server who it is, and a token may be there while that is away."""
        if self._app is not None:
            return self._app
        section = self.section
        base = (section.authority or AUTHORITY).rstrip("/")
        # Asking Microsoft about a server of somebody else would tell it of that server.
        common: dict[str, Any] = {
            "authority": f"{base}/{section.tenant}",
            "token_cache": self._cache,
            "timeout": TIMEOUT,
            "instance_discovery": not section.authority,
        }
        if self._itself:
            self._app = msal.ConfidentialClientApplication(
                section.client_id, client_credential=self._secret(), **common
            )
        else:
            self._app = msal.PublicClientApplication(section.client_id, **common)
        return self._app

    def _judge(self, told: dict[str, Any]) -> str:
        token = told.get("access_token")
        if isinstance(token, str):
            return token
        if told.get("error") in _AGAIN:
            raise Temporary(_words(told))
        if self._itself:
            raise Permanent(f"the login server refuses the application: {_words(told)}")
        raise NeedsLogin(self.section.name, _words(told) if told else "")


def _words(told: dict[str, Any]) -> str:
    """The provider's words: their first line, without its trace and correlation ids."""
    said = str(told.get("error_description") or told.get("error") or "no answer").splitlines()[0]
    return said.partition(" Trace ID:")[0][:300]
