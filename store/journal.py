"""The journal: every message any door accepted, raw, durable before the door says yes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Insert, Select, Table, bindparam, func, insert, select, text

from store import crash
from store.blobs import Blobs
from store.database import Store
from store.errors import NotFound
from store.journal_schema import Journal, Received
from store.rules.old_mail import Terms, of_json

BLOB_ABOVE = 64 * 1024  # bytes; larger messages are a file of their own (design 7)
SUBMISSION = "submission"  # the door of mail whose sender signed in and stands in its From
_AT_ONCE = 32 << 20  # bytes of messages read at a time, unless a single one is larger


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message at a door, with its envelope. `routes`: the recipients of each desk addressed; sender "" is the null sender.

    `old`: the terms on which a mail of an archive is taken.
    """

    door: str
    at: datetime
    sender: str
    routes: tuple[tuple[str, tuple[str, ...]], ...]
    raw: bytes
    peer: str = ""
    helo: str = ""
    old: Terms | None = None


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A journal row with its message, as the filer reads it; `missing`: its bytes are no longer in the blob store."""

    id: int
    desk: str
    recipients: tuple[str, ...]
    door: str
    at: datetime
    sender: str
    size: int
    sha256: str
    raw: bytes
    missing: bool = False
    peer: str = ""  # the address that handed it to a door, and the name it gave in EHLO
    helo: str = ""
    old: Terms | None = None  # of a mail of an archive


def append(store: Store, messages: Sequence[Incoming]) -> list[tuple[int, ...]]:
    """Writes messages in one durable transaction; the journal ids of each. Raises Temporary or OSError, nothing written;
    after DiskFailed and OSError EIO nobody knows whether anything was."""
    prepared = [_prepare(store.blobs, message) for message in messages]
    crash.point("D3")
    with store.write_journal() as connection:
        received = _insert(connection, _RECEIVED, prepared)
        rows = [
            {"received_id": id_, "desk": desk, "recipients": list(addresses)}
            for id_, message in zip(received, messages, strict=True)
            for desk, addresses in message.routes
        ]
        ids = iter(_insert(connection, _ROWS, rows))
        crash.point("D4")
    return [tuple(islice(ids, len(message.routes))) for message in messages]


def _prepare(blobs: Blobs, message: Incoming) -> dict[str, object]:
    digest = sha256(message.raw).hexdigest()
    large = len(message.raw) > BLOB_ABOVE
    if large:
        blobs.put(message.raw, digest)
    return {
        "door": message.door, "at": message.at, "sender": message.sender,
        "recipients": [address for _, addresses in message.routes for address in addresses],
        "size": len(message.raw), "sha256": digest, "raw": None if large else message.raw,
        "blob": digest if large else None, "peer": message.peer, "helo": message.helo,
        "old": message.old.as_json() if message.old else None,
    }  # fmt: skip


def _statements(table: Table) -> tuple[Insert, Select[int]]:
    return insert(table), select(table.c.id).order_by(table.c.id.desc()).limit(bindparam("count"))


# Constant statements: building one costs as much as running it.
_RECEIVED, _ROWS = _statements(Received), _statements(Journal)


def _insert(
    connection: Connection, statements: tuple[Insert, Select[int]], rows: Sequence[dict[str, Any]]
) -> list[int]:
    """Inserts rows at one go; their ids. The journal has one writer at a time, so the newest rows are these."""
    into, newest = statements
    connection.execute(into, rows)
    return list(connection.execute(newest, {"count": len(rows)}).scalars())[::-1]


_COLUMNS = (
    Journal.c.id, Journal.c.desk, Journal.c.recipients, Received.c.door, Received.c.at, Received.c.sender, Received.c.size,
    Received.c.sha256, Received.c.raw, Received.c.blob, Received.c.peer, Received.c.helo,
    Received.c.old,
)  # fmt: skip


def rows_after(store: Store, after: int, limit: int, without: Iterable[int] = ()) -> list[JournalRow]:
    """The next rows behind an id in order, with their bytes, but for those named; fewer when they are large."""
    query = (
        select(*_COLUMNS)
        .join(Received, Received.c.id == Journal.c.received_id)
        .where(Journal.c.id > after, Journal.c.id.not_in(list(without)))
        .order_by(Journal.c.id)
        .limit(limit)
    )
    rows: list[JournalRow] = []
    with store.read_journal() as connection:
        for values in connection.execute(query).all():
            if rows and sum(row.size for row in rows) + values.size > _AT_ONCE:
                break
            rows.append(_row(store.blobs, values))
    return rows


def row(store: Store, journal_id: int) -> JournalRow:
    """One row with its bytes. Raises NotFound."""
    query = select(*_COLUMNS).join(Received, Received.c.id == Journal.c.received_id).where(Journal.c.id == journal_id)
    with store.read_journal() as connection:
        values = connection.execute(query).first()
    if values is None:
        raise NotFound(f"the journal has no row {journal_id}")
    return _row(store.blobs, values)


def known(store: Store, desk: str, digests: Iterable[str]) -> set[str]:
    """Which messages the journal holds for a desk, of these SHA-256s."""
    query = (
        select(Received.c.sha256)
        .join(Journal, Journal.c.received_id == Received.c.id)
        .where(Received.c.sha256.in_(list(digests)), Journal.c.desk == desk)
    )
    with store.read_journal() as connection:
        return set(connection.execute(query).scalars())


def last_before(store: Store, at: datetime) -> int:
    """The newest id of a row that was received before a moment, 0 for none."""
    query = (
        select(func.max(Journal.c.id)).join(Received, Received.c.id == Journal.c.received_id).where(Received.c.at < at)
    )
    with store.read_journal() as connection:
        return connection.execute(query).scalar() or 0


def last_id(store: Store) -> int:
    """The newest journal id, 0 when empty."""
    with store.read_journal() as connection:
        return connection.execute(select(Journal.c.id).order_by(Journal.c.id.desc()).limit(1)).scalar() or 0


def _row(blobs: Blobs, values: Any) -> JournalRow:
    id_, desk, recipients, door, at, sender, size, digest, raw, blob, peer, helo, old = values
    missing = False
    if blob:
        try:
            raw = blobs.get(blob)
        except NotFound:  # one lost file must not stop the mails behind it
            raw, missing = b"", True
    return JournalRow(
        id_, desk, tuple(recipients), door, at, sender, size, digest, bytes(raw), missing, peer, helo, of_json(old)
    )  # fmt: skip


def count_after(store: Store, after: int, upto: int) -> int:
    """How many rows lie behind `after`, up to and with `upto`."""
    with store.read_journal() as connection:
        query = select(func.count()).select_from(Journal).where(Journal.c.id > after, Journal.c.id <= upto)
        return connection.execute(query).scalar_one()


def first_received_after(store: Store, after: int, without: Iterable[int] = ()) -> datetime | None:
    """When the first message behind an id was received, but for those named."""
    query = (
        select(Received.c.at)
        .join(Journal, Received.c.id == Journal.c.received_id)
        .where(Journal.c.id > after, Journal.c.id.not_in(list(without)))
        .order_by(Journal.c.id)
        .limit(1)
    )
    with store.read_journal() as connection:
        at: datetime | None = connection.execute(query).scalar()
    return at


def never_reuse(store: Store, ids_up_to: int) -> None:
    """Sees to it that new rows get higher ids, when a backup brought back an older journal than the tickets know.

    Without this a new mail could get the id of one that was filed before the backup, and never be looked at.
    """
    with store.write_journal() as connection:
        newest = connection.execute(select(func.max(Journal.c.id))).scalar() or 0
        if newest >= ids_up_to:
            return
        if store.sqlite:
            connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'journal'")
            connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES ('journal', ?)", (ids_up_to,))
        else:
            sequence = text("SELECT setval(pg_get_serial_sequence('journal', 'id'), :upto)")
            connection.execute(sequence, {"upto": ids_up_to})
