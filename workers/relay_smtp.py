"""The SMTP relay: one kept connection per thread, one mail per recipient."""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING

from store.errors import Permanent
from workers.relay_address import wire_address
from workers.relay_session import Account, Envelope, Patience, Session
from workers.retry import Unreachable

if TYPE_CHECKING:
    from workers.compose import Mail


class SmtpRelay:
    """Sends over SMTP; see `Relay`. `context` decides which certificates are believed, by default the system's."""

    def __init__(
        self, account: Account, patience: Patience = Patience(), context: ssl.SSLContext | None = None
    ) -> None:
        self._account, self._patience = account, patience
        self._context = context or ssl.create_default_context()
        self._sessions: dict[int, Session] = {}  # by thread

    def send(self, mail: Mail) -> str:
        """Hands over one mail; the relay's words. Raises Permanent, Unreachable or Temporary."""
        sender = wire_address(mail.envelope_from) if mail.envelope_from else ""
        envelope = Envelope(sender, wire_address(mail.recipient), _whole_lines(mail.content))
        session = self._begin(envelope)
        return session.finish(envelope)

    def close(self) -> None:
        """Cuts every connection; a send under way in another thread ends as Temporary."""
        for session in list(self._sessions.values()):
            session.cut()
        self._sessions.clear()

    def _begin(self, envelope: Envelope) -> Session:
        """A session that has taken MAIL. A kept connection may have died meanwhile: then once more on a new one."""
        thread = threading.get_ident()
        kept = self._sessions.get(thread)
        if kept is not None and kept.usable:
            try:
                kept.begin(envelope)
                return kept
            except Unreachable:
                pass
        elif kept is not None:
            kept.cut()
        session = self._sessions[thread] = Session(self._account, self._patience, self._context)
        session.begin(envelope)
        return session


def _whole_lines(content: bytes) -> bytes:
    """The content ending in CRLF. Raises Permanent for a CR or LF alone, which servers read in different ways."""
    if not content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r"):
        raise Permanent("the mail has a line end that is not CRLF")
    return content if content.endswith(b"\r\n") else content + b"\r\n"
