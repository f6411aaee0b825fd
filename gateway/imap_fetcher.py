"""The life of one fetched folder: connect, look, wait for more, and after trouble again, for as long as the part runs."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from gateway.imap_folder import Folder
from gateway.imap_session import Refused, Session, Trouble
from store import folders, leases
from store.clock import Clock, now
from store.config import Config
from store.database import Store
from store.errors import DiskFailed, Temporary, describe
from store.journal_writer import JournalWriter
from store.settings import ImapSection

LEASE = timedelta(seconds=60)
_RENEW = 15.0  # seconds after which a lease is renewed
_STANDBY = 5.0  # seconds between looks whether another process has ended
_PATIENCE = 30.0  # seconds for an answer of the server, less where looks come faster (threats 22)
_PAUSE, _LONGEST = 1.0, 300.0  # seconds after trouble, the first time and at most
_REFUSED = 30.0  # seconds after a refusal at least: a server may lock out who knocks too often
_log = logging.getLogger("postern.imap")


class Fetcher:
    """Reads one folder in a thread of its own: one that hangs holds up no other (threats 22)."""

    def __init__(
        self, config: Config, store: Store, section: ImapSection, writer: JournalWriter, holder: str,
        secret: Callable[[], str], clock: Clock = now,
    ) -> None:  # fmt: skip
        self.failed: DiskFailed | None = None
        self._section, self._store, self._secret, self._clock = section, store, secret, clock
        self._folder = Folder(config, store, section, writer, clock)
        self._holder, self._lease = holder, f"imap:{section.account} {section.folder}"
        self._held: float | None = None
        self._stop = threading.Event()
        self._session: Session | None = None
        self._pause = 0.0
        self._thread = threading.Thread(target=self._run, name=section.name, daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Asks it to end, after the mails in hand."""
        self._stop.set()

    def join(self, seconds: float) -> None:
        """Waits so long for its end, then cuts the connection."""
        self._thread.join(max(0.0, seconds))
        if self._thread.is_alive() and (session := self._session):
            session.cut()
            self._thread.join(1)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._serve()
            except DiskFailed as error:
                self.failed = error
                return
            except Trouble as error:
                self._suffer(error)
            except (Temporary, OSError) as error:  # of ours, not the server's
                _log.warning("%s waits: %s", self._section.name, error)
                self._stop.wait(_PAUSE)
            except Exception as error:
                _log.error("%s failed: %s", self._section.name, describe(error))
                self._suffer(Trouble(f"a fault of our own ({type(error).__name__})"))
        with suppress(Temporary):
            leases.release(self._store, self._lease, self._holder)

    def _suffer(self, trouble: Trouble) -> None:
        """Writes trouble down where people look, and waits: longer each time, and not all folders to the same moment."""
        _log.warning("%s: %s", self._section.name, trouble)
        with suppress(Temporary, OSError):
            folders.failed(self._store, folders.find(self._store, self._section, self._clock()), str(trouble))
        least = _REFUSED if isinstance(trouble, Refused) else _PAUSE
        self._pause = min(_LONGEST, max(least, self._pause * 2))
        self._stop.wait(self._pause * random.uniform(0.5, 1.0))

    def _serve(self) -> None:
        """One connection from its login to its end. Raises Trouble, Temporary."""
        if not self._holds():
            self._stop.wait(min(self._section.poll, _STANDBY))
            return
        session = self._session = Session(self._section, self._secret, min(_PATIENCE, max(1.0, self._section.poll)))
        try:
            while self._goes_on():
                self._folder.look(session, self._goes_on)
                self._pause = 0.0
                self._wait(session)
            with suppress(Trouble):
                session.close()
        finally:
            session.cut()
            self._session = None

    def _wait(self, session: Session) -> None:
        """Until the server tells of something by IDLE, or the next look is due whatever it tells."""
        until = time.monotonic() + self._section.poll
        if session.wait(self._section.poll, self._goes_on) is None:
            while (left := until - time.monotonic()) > 0 and self._goes_on():
                self._stop.wait(min(left, 1.0))

    def _goes_on(self) -> bool:
        return not self._stop.is_set() and self._holds()

    def _holds(self) -> bool:
        """Whether this process is the one that reads the folder (threats 25). Raises Temporary."""
        if self._held is None or time.monotonic() - self._held >= _RENEW:
            self._held = None
            if not leases.hold(self._store, self._lease, self._holder, self._clock(), LEASE):
                return False
            self._held = time.monotonic()
        return True
