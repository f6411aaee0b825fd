"""What a crash leaves lying about, removed once nobody can be about to need it (threats 54)."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import select

from store.database import Store
from store.journal_schema import Received
from store.schema import Blob

AGE = timedelta(hours=1)  # from the put of a file to the row that refers to it are seconds
_AT_ONCE = 500  # digests asked after at a time
_log = logging.getLogger("postern.sweep")


def sweep_blobs(store: Store, now: datetime) -> Iterator[int]:
    """Removes drafts, and files that neither the journal nor an attachment refers to, older than `AGE`.

    Gives the number removed after each of the 256 shelves, so that the caller may stop or show that it lives. Two
    sweeps at once do no harm. Raises Temporary when the database does not answer.
    """
    if not _knows_any(store):
        return  # not one reference: a wrong setting, or a restore that has brought back the files first
    before = (now - AGE).timestamp()
    for shelf in store.blobs.shelves():
        digests, drafts = store.blobs.old(shelf, before)
        for draft in drafts:
            with suppress(FileNotFoundError):
                draft.unlink()
        removed = len(drafts)
        for start in range(0, len(digests), _AT_ONCE):
            some = digests[start : start + _AT_ONCE]
            known = _known(store, some)
            removed += sum(store.blobs.discard(digest, before) for digest in some if digest not in known)
        if removed:
            _log.info("%d files that belonged to nothing removed from %s", removed, shelf.name)
        yield removed


def _known(store: Store, digests: Collection[str]) -> set[str]:
    """Those that something refers to. A large message is found by its hash, which is indexed; `blob` equals it."""
    with store.read() as connection:
        attached = connection.execute(select(Blob.c.sha256).where(Blob.c.sha256.in_(digests))).scalars().all()
    query = select(Received.c.sha256).where(Received.c.sha256.in_(digests), Received.c.blob.is_not(None))
    with store.read_journal() as connection:
        return {*attached, *connection.execute(query).scalars()}


def _knows_any(store: Store) -> bool:
    with store.read() as connection:
        if connection.execute(select(Blob.c.sha256).limit(1)).first():
            return True
    with store.read_journal() as connection:
        return connection.execute(select(Received.c.id).limit(1)).first() is not None
