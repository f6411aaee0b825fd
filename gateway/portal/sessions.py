"""Who is signed in, in a signed cookie: over after 12 idle hours, and when the password changes (threats 66)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass, replace
from threading import Lock

from itsdangerous import BadData, URLSafeSerializer

from store.clock import Clock

IDLE = 12 * 3600  # seconds without a request after which a session is over
_RENEW = 300  # seconds; a cookie younger than this is not written anew with each page
SIGNED = {"key_derivation": "hmac", "digest_method": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class Session:
    """One browser signed in. `fingerprint` ties it to the password it was opened with; `seen` is a Unix time."""

    id: str
    person: int
    fingerprint: str
    seen: int


class Sessions:
    """Starts, reads and ends sessions. Ended ones are remembered until their cookie would be idle anyway."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        self._serializer = URLSafeSerializer(secret, salt="postern.portal.session", signer_kwargs=SIGNED)
        self._key = hmac.digest(secret, b"postern.portal.fingerprint", "sha256")
        self._clock = clock
        self._ended: dict[str, int] = {}
        self._lock = Lock()

    def start(self, person: int, password_hash: str) -> Session:
        """A new session with a new id."""
        return Session(secrets.token_urlsafe(16), person, self._fingerprint(password_hash), self._now())

    def write(self, session: Session) -> str:
        """The value of the cookie."""
        return str(self._serializer.dumps(asdict(session)))

    def read(self, cookie: str | None) -> Session | None:
        """The session of a cookie; None for one that is forged, idle for too long or ended."""
        try:
            session = Session(**self._serializer.loads(cookie or ""))
        except (BadData, TypeError):
            return None
        if not 0 <= self._now() - session.seen <= IDLE or session.id in self._ended:
            return None
        return session

    def holds(self, session: Session, password_hash: str | None) -> bool:
        """False once the password is another than the session was opened with."""
        return password_hash is not None and hmac.compare_digest(session.fingerprint, self._fingerprint(password_hash))

    def renewed(self, session: Session) -> Session | None:
        """The session seen now; None while its cookie is young enough to stay."""
        now = self._now()
        return replace(session, seen=now) if now - session.seen >= _RENEW else None

    def end(self, session: Session) -> None:
        """Ends a session also for a copy of its cookie."""
        now = self._now()
        with self._lock:
            self._ended = {id_: at for id_, at in self._ended.items() if now - at <= IDLE}
            self._ended[session.id] = now

    def _fingerprint(self, password_hash: str) -> str:
        return hmac.digest(self._key, password_hash.encode(), "sha256").hex()[:32]

    def _now(self) -> int:
        return int(self._clock().timestamp())
