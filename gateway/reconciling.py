"""Compares an archive, or a mailbox at another server, with the journal, mail by mail, by the hash of their content; changes nothing.

Of a mailbox elsewhere only those mails are fetched whole that are in doubt: one whose Message-ID and size are those of a
mail of the journal is that mail. How far the folder was read says nothing here, that is what is to be checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.archive import Archive, Entry
from gateway.imap_session import Listed, Session, Unfetched
from gateway.parse.canonical import hash_message
from gateway.parse.headers import settle_line_ends
from gateway.pipe import headers_of
from store import ledgers
from store.database import Store
from store.ledgers import Accepted

_HEAD = 64 * 1024
_AT_ONCE = 200  # mails whose Message-IDs are asked for in one command
_EARLY = datetime(1980, 1, 1, tzinfo=UTC)  # of a mail whose server does not say when it came


@dataclass(frozen=True, slots=True)
class Kept:
    """A mail of the archive: where it lies, in words, when it came, its content and what helps to recognise it."""

    place: str
    at: datetime
    content: bytes
    message_id: str
    subject: str


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The difference. `missing`: in the archive alone; `extra`: in the journal alone, of the time the archive covers."""

    archived: int
    journalled: int
    missing: tuple[Kept, ...]
    extra: tuple[Accepted, ...]


def look_at(archive: Archive, entries: Iterable[Entry]) -> Iterable[Kept]:
    """The mails of an archive as they are compared, one at a time. Raises OSError."""
    for entry in entries:
        yield _kept(entry.place, entry.at, archive.read(entry))


def content_of(raw: bytes) -> bytes:
    """The hash by which two copies of a mail are one, whatever delivery and keeping added."""
    return bytes.fromhex(hash_message(settle_line_ends(raw)))


def accepted_by(store: Store, desk: str) -> list[Accepted]:
    """What the journal has for a desk."""
    return list(ledgers.accepted(store, desk, content_of))


def reconcile(accepted: Sequence[Accepted], kept: Sequence[Kept], mailbox: str) -> Reconciled:
    """What differs between an archive and what came for a mailbox. The desk has a mail that came by another of its mailboxes."""
    journalled, archived = {one.content for one in accepted}, {one.content for one in kept}
    covered = [one.at for one in kept]
    extra = (
        one
        for one in accepted
        if covered
        and min(covered) <= one.at <= max(covered)
        and mailbox in one.mailboxes
        and one.content not in archived
    )
    return Reconciled(
        len(kept), len(accepted), tuple(one for one in kept if one.content not in journalled), tuple(extra)
    )  # fmt: skip


def look_at_folder(session: Session, folder: str, largest: int, accepted: Iterable[Accepted]) -> Iterator[Kept]:
    """The mails of a mailbox that is opened to be read alone, in the order of their UIDs. Raises Trouble.

    One that the server does not give, or that is larger than a door takes, cannot be compared and is named as missing.
    """
    known = {(one.message_id, one.size): one.content for one in accepted if one.message_id}
    session.select()
    uids = session.uids_after(0)
    for start in range(0, len(uids), _AT_ONCE):
        some = uids[start : start + _AT_ONCE]
        named = session.message_ids(some)
        for mail in session.listed(some):
            place, message_id = f"{folder}, UID {mail.uid}", named.get(mail.uid, "")
            if content := known.get((message_id, mail.size)):
                yield Kept(place, _arrival(mail), content, message_id, "")
                continue
            try:
                raw = session.fetch(mail.uid, largest)
            except Unfetched as error:
                yield Kept(place, _arrival(mail), b"", "", f"({error})")
            else:
                yield _kept(place, _arrival(mail), raw)


def _arrival(mail: Listed) -> datetime:
    at = mail.arrived or _EARLY
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _kept(place: str, at: datetime, raw: bytes) -> Kept:
    told = dict(reversed(list(headers_of(raw[:_HEAD]))))
    return Kept(place, at, content_of(raw), told.get("message-id", "")[:200], told.get("subject", "")[:200])
