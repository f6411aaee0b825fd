"""One look into a folder: what is new is fetched, journalled and marked, and the position is remembered.

    UIDs above the last ─► fetch (unread as before) ─► JOURNAL ─► mark or move ─► position
                                                   M1        M3              M4        M5

Killed anywhere between, the mails are fetched again, and the filer knows them by their content (threats 21).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from datetime import timedelta

from gateway.imap_envelope import author, recipients, sender
from gateway.imap_session import Listed, Session, Trouble, Unfetched
from store import crash, folders
from store.clock import Clock
from store.config import Config
from store.database import Store
from store.errors import Temporary, describe
from store.folders import MOST_TRIES, TOO_LARGE, Place
from store.journal import Incoming
from store.journal_writer import JournalWriter
from store.rules import addressing
from store.settings import ImapSection

_COMMIT = 60.0  # seconds for the journal
_MOST, _MOST_BYTES = 20, 4 << 20  # mails committed together
_DEATHS = 3  # connections that broke at a mail before it is left
_AGAIN = timedelta(minutes=1)  # until a mail that was left is tried once more
_EARLY = timedelta(minutes=5)  # by which the clocks of two servers may differ
_log = logging.getLogger("postern.imap")

Waiting = tuple[Listed, Future[tuple[int, ...]]]


class Folder:
    """A folder as one process reads it, over any number of connections."""

    def __init__(
        self, config: Config, store: Store, section: ImapSection, writer: JournalWriter, clock: Clock
    ) -> None:  # fmt: skip
        self._section, self._store, self._writer, self._clock = section, store, writer, clock
        self._largest = config.settings.smtp.max_size
        assert section.to is not None
        place = config.addresses.locate(section.to)
        assert isinstance(place, addressing.Place)
        self._desk, self._to = place.desk, section.to
        self._fatal: Counter[int] = Counter()  # mails at which the connection broke
        self._unmarked: list[int] = []  # mails that are kept and whose mark failed with the connection

    def look(self, session: Session, go_on: Callable[[], bool]) -> None:
        """Takes all that is new, for as long as `go_on` says. Raises Trouble, Temporary."""
        place = folders.find(self._store, self._section, self._clock())
        uidvalidity = session.select()
        if uidvalidity != place.uidvalidity:
            place = folders.begin_anew(self._store, place, uidvalidity)
            self._fatal.clear()
            self._unmarked.clear()
        unmarked, self._unmarked = self._unmarked, []
        self._mark(session, unmarked)
        self._look_at_left(session, place)
        uids = session.uids_after(place.uid)
        new = (mail for mail in session.listed(uids) if self._wanted(mail, place))
        for batch in _batches(new):
            upto, trouble = self._take(session, place, batch)
            place = folders.advance(self._store, place, upto, self._clock())
            if trouble is not None:
                raise trouble
            if not go_on():
                return
        if uids:  # the last ones may be gone, or not wanted
            place = folders.advance(self._store, place, uids[-1], self._clock())
        folders.succeeded(self._store, place, self._clock())

    def _wanted(self, mail: Listed, place: Place) -> bool:
        return self._section.first == "all" or mail.arrived is None or mail.arrived >= place.since - _EARLY

    def _take(self, session: Session, place: Place, batch: Sequence[Listed]) -> tuple[int, Trouble | None]:
        """Fetches mails and journals them, and marks those that are kept for good and only those.

        The UID up to which all are settled, and what went wrong with the connection: what was fetched before that is
        settled all the same, or it would be journalled over and over.
        """
        waiting: list[Waiting] = []
        upto, trouble = place.uid, None
        for mail in batch:
            try:
                raw = self._fetch(session, place, mail)
            except Trouble as error:
                self._fatal[mail.uid] += 1
                trouble = error
                break
            if raw is not None:
                crash.point("M1")
                waiting.append((mail, self._writer.submit(self._incoming(raw))))
            upto = mail.uid
        kept = [mail.uid for mail, future in waiting if self._is_kept(place, mail, future)]
        for _ in kept:
            crash.point("M3")
        if trouble is None:
            trouble = self._mark(session, kept)
        else:
            self._unmarked += kept
        for _ in kept:
            crash.point("M5")
        return upto, trouble

    def _fetch(self, session: Session, place: Place, mail: Listed) -> bytes | None:
        """The mail; None for one that is left in the folder, written down for somebody to look (threats 23)."""
        if self._fatal[mail.uid] >= _DEATHS:
            self._leave(place, mail, "the connection broke off at it, again and again")
        elif mail.size > self._largest:
            self._leave(place, mail, TOO_LARGE, session.sender(mail.uid))
        else:
            try:
                # A server may be a little wrong about the size; one that lies is cut off.
                return session.fetch(mail.uid, self._largest)
            except Unfetched as error:
                if session.present([mail.uid]):
                    self._leave(place, mail, str(error), session.sender(mail.uid))
        return None

    def _leave(self, place: Place, mail: Listed, why: str, line: str = "") -> None:
        _log.warning("%s: a mail of %d bytes stays there: %s", self._section.name, mail.size, why)
        folders.leave(self._store, place, mail.uid, mail.size, author(line), why, self._clock())

    def _incoming(self, raw: bytes) -> Incoming:
        try:
            envelope_from, to = sender(raw), recipients(raw, self._to)
        except Exception as error:  # a header nobody has thought of must not stop the mails behind it
            _log.error("%s: an envelope was not read: %s", self._section.name, describe(error))
            envelope_from, to = "", (self._to,)
        return Incoming("imap", self._clock(), envelope_from, ((self._desk, to),), raw, self._section.host)

    def _is_kept(self, place: Place, mail: Listed, future: Future[tuple[int, ...]]) -> bool:
        """Whether a mail is in the journal for good. Raises Temporary and OSError when it takes nothing now."""
        try:
            future.result(_COMMIT)
        except NotYet as error:
            raise Temporary("the journal takes too long") from error
        except (Temporary, OSError):
            raise
        except Exception as error:
            _log.error("%s: a mail was not journalled: %s", self._section.name, describe(error))
            self._leave(place, mail, f"a fault of our own ({type(error).__name__})")
            return False
        return True

    def _mark(self, session: Session, kept: Sequence[int]) -> Trouble | None:
        """Marks what is kept; what went wrong with the connection. A mark that fails loses no mail."""
        try:
            session.finish(kept)
        except Trouble as trouble:
            if trouble.lost:
                self._unmarked += kept
                return trouble
            _log.warning("%s: %s", self._section.name, trouble)
        return None

    def _look_at_left(self, session: Session, place: Place) -> None:
        """Tries mails again that were left, and forgets those that somebody has taken care of."""
        left = {mail.uid: mail for mail in folders.left(self._store, place.id)}
        if not left:
            return
        present = session.present(left)
        folders.take(self._store, place, left.keys() - present)
        for listed in session.listed([uid for uid in sorted(present) if self._worth(left[uid])]):
            self._fatal[listed.uid] = min(self._fatal[listed.uid], _DEATHS - 1)
            upto, trouble = self._take(session, place, [listed])
            if upto != listed.uid:
                self._leave(place, listed, left[listed.uid].why)
            elif self._left_tries(place, listed.uid) == left[listed.uid].tries:
                folders.take(self._store, place, [listed.uid])
            if trouble is not None:
                raise trouble

    def _left_tries(self, place: Place, uid: int) -> int:
        return next((mail.tries for mail in folders.left(self._store, place.id) if mail.uid == uid), 0)

    def _worth(self, mail: folders.Left) -> bool:
        """Whether to try it again: one that was too large when it no longer is, others after growing pauses."""
        if mail.why == TOO_LARGE:
            return mail.size <= self._largest
        return mail.tries < MOST_TRIES and self._clock() >= mail.at + _AGAIN * 3 ** (mail.tries - 1)


def _batches(mails: Iterable[Listed]) -> Iterable[list[Listed]]:
    """Mails that are committed together, in order."""
    batch: list[Listed] = []
    for mail in mails:
        if batch and (len(batch) == _MOST or sum(one.size for one in batch) + mail.size > _MOST_BYTES):
            yield batch
            batch = []
        batch.append(mail)
    if batch:
        yield batch
