"""How a token is shown at a login: the same at IMAP and SMTP servers."""

from __future__ import annotations

from collections.abc import Collection


def bearer(user: str, token: str, offered: Collection[str]) -> tuple[str, tuple[str, str]]:
    """The SASL mechanism with its two answers: OAUTHBEARER (RFC 7628) where offered, else XOAUTH2.

    The second answer is to the error that a server tells as a challenge (RFC 7628 3.2.3).
    """
    if "OAUTHBEARER" in offered:
        name = user.replace("=", "=3D").replace(",", "=2C")
        return "OAUTHBEARER", (f"n,a={name},\1auth=Bearer {token}\1\1", "\1")
    return "XOAUTH2", (f"user={user}\1auth=Bearer {token}\1\1", "")
