"""What became of each journal row, how far the filer has got, and who files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, func, select, update

from store import journal, leases
from store.database import Store
from store.errors import Temporary
from store.journal import JournalRow
from store.schema import Cursor, Outcome, insert_into

FILED = "filed"  # the cursor of the filer
LEASE = timedelta(seconds=30)


_SETTLE = update(Outcome).where(Outcome.c.journal_id == bindparam("row"), Outcome.c.outcome.is_(None))


class Decision(Protocol):
    """What the rules decided, as far as it is kept."""

    @property
    def outcome(self) -> str: ...
    @property
    def rule(self) -> str: ...
    @property
    def reason(self) -> str: ...


def progress(store: Store) -> tuple[int, set[int], dict[int, int]]:
    """Where a filer takes up the work: the cursor, the rows behind it that have their outcome, and those only attempted.

    The last come with how often; a filer has died with each of them, or is at work on it.
    """
    with store.read() as connection:
        after = _cursor(connection)
        settled = set(connection.execute(_settled_after(after)).scalars())
        waiting = (Outcome.c.journal_id > after, Outcome.c.outcome.is_(None), Outcome.c.attempts > 0)
        begun = connection.execute(select(Outcome.c.journal_id, Outcome.c.attempts).where(*waiting))
        return after, settled, {id_: attempts for id_, attempts in begun}


def count_unfiled(store: Store) -> int:
    """How many journal rows wait for their outcome."""
    newest = journal.last_id(store)
    with store.read() as connection:
        after = _cursor(connection)
        done = connection.execute(select(func.count()).select_from(_settled_after(after).subquery())).scalar_one()
    return max(0, journal.count_after(store, after, newest) - done)


def newest_known(store: Store) -> int:
    """The highest journal id that anything here speaks of; 0 for none."""
    with store.read() as connection:
        return max(_cursor(connection), connection.execute(select(func.max(Outcome.c.journal_id))).scalar() or 0)


def oldest_unfiled(store: Store) -> datetime | None:
    """When the oldest message that waits for its outcome was received."""
    with store.read() as connection:
        after = _cursor(connection)
        done = list(connection.execute(_settled_after(after)).scalars())
    return journal.first_received_after(store, after, done)


def count_attempts(store: Store, rows: Sequence[JournalRow], now: datetime) -> None:
    """Counts one more attempt for each row, before anything is tried (threats 82)."""
    if not rows:
        return
    blank = {"attempts": 1, "at": now, "rule": "", "reason": "", "signals": []}
    with store.write() as connection:
        once_more = insert_into(Outcome, connection.dialect.name).on_conflict_do_update(
            index_elements=["journal_id"], set_={"attempts": Outcome.c.attempts + 1}
        )
        connection.execute(once_more, [{"journal_id": row.id, "desk": row.desk, **blank} for row in rows])


def take_back_attempts(store: Store, ids: Collection[int]) -> None:
    """Uncounts attempts that came to no harm, of a filer that stops in good order."""
    if ids:
        waiting = (Outcome.c.journal_id.in_(ids), Outcome.c.outcome.is_(None))
        with store.write() as connection:
            connection.execute(update(Outcome).where(*waiting).values(attempts=Outcome.c.attempts - 1))


def settle(
    connection: Connection, row: JournalRow, decision: Decision, message_id: str | None, content_hash: str,
    signals: list[dict[str, Any]], ticket: int | None, now: datetime,
) -> None:  # fmt: skip
    """Writes the one outcome of a row, in the transaction of what it changed. Raises Temporary when it has one already."""
    values = {
        "row": row.id, "outcome": decision.outcome, "rule": decision.rule, "reason": decision.reason, "ticket_id": ticket,
        "message_id": message_id, "content_hash": content_hash, "signals": signals, "at": now,
    }  # fmt: skip
    done = connection.execute(_SETTLE, values)
    if done.rowcount != 1:
        raise Temporary(f"journal row {row.id} was filed by another process")


def advance_cursor(connection: Connection) -> None:
    """Moves the cursor up to the first row that waits. Attempts are counted in order, so none before the last is unknown."""
    after = _cursor(connection)
    waiting = select(func.min(Outcome.c.journal_id)).where(Outcome.c.journal_id > after, Outcome.c.outcome.is_(None))
    stuck = connection.execute(waiting).scalar()
    value = stuck - 1 if stuck is not None else connection.execute(select(func.max(Outcome.c.journal_id))).scalar() or 0
    done = connection.execute(update(Cursor).where(Cursor.c.name == FILED, Cursor.c.value < value).values(value=value))
    if done.rowcount == 0 and after == 0:
        connection.execute(
            insert_into(Cursor, connection.dialect.name).values(name=FILED, value=value).on_conflict_do_nothing()
        )


def hold_lease(store: Store, holder: str, now: datetime) -> bool:
    """Takes or renews the filer's lease; False while another filer of the installation has it."""
    return leases.hold(store, FILED, holder, now, LEASE)


def release_lease(store: Store, holder: str) -> None:
    """Gives the lease up, so that the next filer starts at once."""
    leases.release(store, FILED, holder)


def _settled_after(after: int) -> Any:
    return select(Outcome.c.journal_id).where(Outcome.c.journal_id > after, Outcome.c.outcome.is_not(None))


def _cursor(connection: Connection) -> int:
    return connection.execute(select(Cursor.c.value).where(Cursor.c.name == FILED)).scalar() or 0
