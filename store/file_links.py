"""Links of mails that need no sign-in: to upload what was refused, and to fetch a file that was too large (threats 53, 65).

Each is signed for one person and one thing, with 256 bits of HMAC, and good for two weeks. That it was signed is
no right for ever: who uses it is looked at again when it is used.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from itsdangerous import BadData, URLSafeSerializer

UPLOAD, FETCH = "/upload", "/file"  # paths of the portal
GOOD_FOR = timedelta(days=14)
_SIGNED = {"key_derivation": "hmac", "digest_method": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class FileLink:
    """What a link is good for. `about`: the event that refused files, to upload them; the attachment, to fetch it."""

    path: str
    person: int
    about: int
    ticket: int
    made: datetime

    def address(self, base_url: str, secret: bytes) -> str:
        """The link for a mail; equal values make equal links."""
        words = [self.person, self.about, self.ticket, int(self.made.timestamp())]
        return f"{base_url}{self.path}?{urlencode({'token': str(_serializer(self.path, secret).dumps(words))})}"

    def is_over(self, now: datetime) -> bool:
        """Whether it is too old."""
        return now - self.made > GOOD_FOR


def read(path: str, token: str, secret: bytes) -> FileLink | None:
    """The link with this path and token; None when it is none of ours."""
    try:
        person, about, ticket, made = _serializer(path, secret).loads(token)
        return FileLink(path, person, about, ticket, datetime.fromtimestamp(made, UTC))
    except (BadData, TypeError, ValueError, OverflowError, OSError):
        return None


def _serializer(path: str, secret: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt=f"postern.file.link{path}", signer_kwargs=_SIGNED)
