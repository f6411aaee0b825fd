"""Compares an archive, or a mailbox at another server, with the journal, mail by mail, by the hash of their content; changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.archive import Archive, Entry
from gateway.imap_session import Session, Unfetched
from gateway.parse.canonical import hash_message
from gateway.parse.headers import settle_line_ends
from gateway.pipe import headers_of
from store import ledgers
from store.database import Store
from store.ledgers import Accepted

_HEAD = 64 * 1024
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


def reconcile(store: Store, kept: Sequence[Kept], desk: str, mailbox: str) -> Reconciled:
    """What differs between an archive and what came for a mailbox. The desk has a mail that came by another of its mailboxes."""
    accepted = list(ledgers.accepted(store, desk, content_of))
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


def look_at_folder(session: Session, folder: str, largest: int) -> Iterator[Kept]:
    """The mails of a mailbox that is opened to be read alone, in the order of their UIDs. Raises Trouble.

    One that the server does not give, or that is larger than a door takes, cannot be compared and is named as missing.
    """
    session.select()
    for mail in session.listed(session.uids_after(0)):
        place, arrived = f"{folder}, UID {mail.uid}", mail.arrived or _EARLY
        arrived = arrived.astimezone(UTC) if arrived.tzinfo else arrived.replace(tzinfo=UTC)
        try:
            raw = session.fetch(mail.uid, largest)
        except Unfetched as error:
            yield Kept(place, arrived, b"", "", f"({error})")
            continue
        yield _kept(place, arrived, raw)


def _kept(place: str, at: datetime, raw: bytes) -> Kept:
    told = dict(reversed(list(headers_of(raw[:_HEAD]))))
    return Kept(place, at, content_of(raw), told.get("message-id", "")[:200], told.get("subject", "")[:200])
