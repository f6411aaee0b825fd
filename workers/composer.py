"""A worker's way from a letter to its mail: the files it takes from the store, and what it tells of a broken template."""

from __future__ import annotations

import structlog

from store import broken_templates, clock
from store.config import Config
from store.database import Store
from store.errors import DiskFailed, NotFound, Permanent, Temporary
from store.letters import Letter
from store.rules.desk import Desk
from workers.compose import MOST_ATTACHED, Mail, compose
from workers.retry import Defect

_log = structlog.get_logger("worker")


class Composer:
    """Composes for the threads of one worker."""

    def __init__(self, config: Config, store: Store, now: clock.Clock) -> None:
        self._config, self._store, self._now = config, store, now

    def compose(self, letter: Letter, room: int = MOST_ATTACHED) -> Mail:
        """The mail of a letter, with at most `room` bytes of files. Raises Permanent, and Temporary for what may be mended."""
        try:
            desk = self._config.desks[letter.facts["desk"]]
            mail = compose(letter, desk, secret=self._config.secret, read_blob=self._read_blob, room=room)
        except NotFound as error:  # a file may come back with a backup
            raise Defect(f"could not be composed: {error}") from error
        except (Temporary, Permanent):
            raise
        except Exception as error:
            _log.exception("compose", outbox=letter.id)
            raise Defect(f"could not be composed: {error!r}") from error
        if mail.fault:
            _log.error("template", outbox=letter.id, desk=desk.name, fault=mail.fault, instead="the shipped one")
            self._note_fault(letter, desk, mail.fault)
        return mail

    def _note_fault(self, letter: Letter, desk: Desk, fault: str) -> None:
        """Tells of the fault; the mail goes out whether that can be written or not."""
        try:
            broken_templates.note(self._store, desk, letter.ticket_id, fault, self._now())
        except DiskFailed:
            raise
        except Temporary as error:
            _log.warning("not written down", outbox=letter.id, why=str(error))

    def _read_blob(self, digest: str) -> bytes:
        try:
            return self._store.blobs.get(digest)
        except OSError as error:
            raise Temporary(f"a file cannot be read: {error.strerror}") from error
