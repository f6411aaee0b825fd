"""The SMTP relay: connections are kept, one mail per recipient."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

from store.errors import Permanent
from workers.relay_address import wire_address
from workers.relay_session import Account, Envelope, Patience, Session
from workers.retry import Unreachable

if TYPE_CHECKING:
    from workers.compose import Mail


class SmtpRelay:
    """Sends over SMTP, with as many connections as there are sends at a time; see `Relay`.

    `context` decides which certificates are believed, by default the system's.
    """

    def __init__(
        self, account: Account, patience: Patience = Patience(), context: ssl.SSLContext | None = None
    ) -> None:
        self._account, self._patience = account, patience
        self._context = context or ssl.create_default_context()
        self._in_use: set[Session] = set()
        self._kept: list[Session] = []  # for the next mail, the one last used at the end

    def send(self, mail: Mail) -> str:
        """Hands over one mail; the relay's words. Raises Permanent, Unreachable or Temporary."""
        sender = wire_address(mail.envelope_from) if mail.envelope_from else ""
        envelope = Envelope(sender, wire_address(mail.recipient), _whole_lines(mail.content))
        session = self._begin(envelope)
        try:
            return session.finish(envelope)
        finally:
            self._put_back(session)

    def close(self) -> None:
        """Cuts every connection; a send under way in another thread ends as Temporary."""
        for session in (*self._in_use, *self._kept):
            session.cut()

    def _begin(self, envelope: Envelope) -> Session:
        """A session that has taken MAIL. A kept connection may have died meanwhile: then once more on a new one."""
        if (kept := self._take()) is not None:
            with suppress(Unreachable):
                return self._started(kept, envelope)
        return self._started(Session(self._account, self._patience, self._context), envelope)

    def _started(self, session: Session, envelope: Envelope) -> Session:
        self._in_use.add(session)
        try:
            session.begin(envelope)
        except BaseException:
            self._put_back(session)
            raise
        return session

    def _take(self) -> Session | None:
        with suppress(IndexError):
            while not (session := self._kept.pop()).usable:
                session.cut()
            return session
        return None

    def _put_back(self, session: Session) -> None:
        self._in_use.discard(session)
        if session.usable:
            self._kept.append(session)


def _whole_lines(content: bytes) -> bytes:
    """The content ending in CRLF. Raises Permanent for a CR or LF alone, which servers read in different ways."""
    if not content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r"):
        raise Permanent("the mail has a line end that is not CRLF")
    return content if content.endswith(b"\r\n") else content + b"\r\n"
