"""Password hashes (argon2id)."""

from __future__ import annotations

from functools import cache

from pwdlib import PasswordHash


@cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


def hash_password(password: str) -> str:
    """The hash to store."""
    return _hasher().hash(password)


def matches(password: str, stored: str | None) -> bool:
    """True when the password is right; takes as long when there is none stored (threats 68)."""
    return _hasher().verify(password, stored or _dummy()) and stored is not None


@cache
def _dummy() -> str:
    return _hasher().hash("nobody has this password")
