"""Access tokens of mail providers, kept here because both doors and workers show them."""

from __future__ import annotations

from store.config import Config
from store.oauth.access import Access
from store.settings import OauthSection

__all__ = ["Access", "open_access"]


def open_access(config: Config, section: OauthSection) -> Access:
    """What gives the tokens of an [[oauth]]. Raises ConfigError when its library is not installed."""
    if section.provider == "google":
        from store.oauth.google import GoogleAccess

        return GoogleAccess(config, section)
    from store.oauth.microsoft import MicrosoftAccess

    return MicrosoftAccess(config, section)
