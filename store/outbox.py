"""The outbox: one row per event and recipient, written with the change it tells of. Only this file sets `state`.

    state       may become                                     meaning
    due         claimed, suppressed                            to be sent at `next_at`
    claimed     accepted, deferred, failed, due, suppressed    a worker has it until `lease_until`
    deferred    claimed, suppressed                            the relay said not now; again at `next_at`
    accepted    delayed, bounced, complained                   the relay took it
    delayed     bounced, complained, due                       a later server tries on and has told us so
    failed      due                                            refused for good, shown to staff
    bounced     due                                            taken, then returned by a later server
    complained  due                                            its reader called it unwanted
    suppressed  due                                            the recipient may no longer get it, or nobody should

What came to a bad end is due again only when staff says so.

For one ticket and recipient a row waits until the ones before it are settled, so mails arrive in order; no hint can
change that, because `claim` refuses it too (threats 85).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, case, func, insert, select, update

from store import crash
from store.database import Store
from store.lettering import no_longer, write_letters
from store.letters import Letter
from store.pending import BEHIND, WAITING
from store.schema import Outbox, Ticket
from store.tables.columns import Utc

Fate = Literal["delayed", "bounced", "complained"]
_BEFORE: dict[Fate, tuple[str, ...]] = {
    "delayed": ("accepted",), "bounced": ("accepted", "delayed"), "complained": ("accepted", "delayed"),
}  # fmt: skip
UNSENT = ("delayed", "failed", "bounced", "complained", "suppressed")  # what staff may send again
LEASE = timedelta(seconds=30)
_AFTER_DEATHS = (0, 1, 4, 15, 30)  # seconds until a row is due again whose worker died with it once, twice and so on


@dataclass(frozen=True, slots=True)
class End:
    """How an attempt to send a row ended, in the relay's words. `next_at`: when a deferred one is tried again."""

    id: int
    state: Literal["accepted", "deferred", "failed", "suppressed"]
    reply: str
    next_at: datetime | None = None


_FREE = (
    select(Outbox.c.id)
    .where(
        Outbox.c.id.in_(bindparam("ids", expanding=True)), Outbox.c.state.in_(WAITING),
        Outbox.c.next_at <= bindparam("at", type_=Utc), ~BEHIND,
    )
    .order_by(Outbox.c.id)
    .with_for_update(skip_locked=True)  # two workers that ask for some of the same rows lock none crosswise
)  # fmt: skip
_CLAIM = (
    update(Outbox)
    .where(Outbox.c.id.in_(_FREE), Outbox.c.state.in_(WAITING))
    .values(
        state="claimed", claimed_by=bindparam("by"), lease_until=bindparam("until", type_=Utc),
        attempts=Outbox.c.attempts + 1,
    )
    .returning(*Outbox.c)
)  # fmt: skip
_ENDED = (
    update(Outbox)
    .where(Outbox.c.id == bindparam("row"), Outbox.c.state == "claimed", Outbox.c.claimed_by == bindparam("by"))
    .values(
        state=bindparam("now_is"), reply=bindparam("said"), lease_until=None, ended=bindparam("at", type_=Utc),
        next_at=func.coalesce(bindparam("again", type_=Utc), Outbox.c.next_at),
    )
)  # fmt: skip


def put(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows in the caller's transaction; without one the promise to tell could be lost (threats 79)."""
    if rows:
        connection.execute(insert(Outbox), [{"state": "due", **row} for row in rows])


def claim(store: Store, ids: Sequence[int], holder: str, now: datetime) -> list[Letter]:
    """Takes due rows under a lease and counts the attempt, in one transaction; the letters of those that are to be sent.

    Left out is what another has, what waits behind another row, and what may no longer go out.
    """
    values = {"ids": ids, "at": now, "by": holder, "until": now + LEASE}
    with store.write() as connection:
        taken = sorted(connection.execute(_CLAIM, values).all(), key=lambda row: row.id)
        lost = no_longer(connection, taken)
        for id_, why in lost.items():
            ended = {"state": "suppressed", "reply": why, "lease_until": None, "ended": now}
            connection.execute(update(Outbox).where(Outbox.c.id == id_).values(**ended))
        return write_letters(connection, [row for row in taken if row.id not in lost])


def end(connection: Connection, holder: str, ends: Sequence[End], now: datetime) -> int:
    """Writes down how attempts ended; of how many the lease had not gone to another worker."""
    if not ends:
        return 0
    rows = [
        {"row": e.id, "by": holder, "now_is": e.state, "said": e.reply, "again": e.next_at, "at": None if e.next_at else now}
        for e in ends
    ]  # fmt: skip
    return connection.execute(_ENDED, rows).rowcount


def report(
    connection: Connection, event_id: int, person_id: int, fate: Fate, words: str, since: datetime
) -> Any | None:
    """Notes what a report says of the very mail it is about (X-05); its row when that is news, else None.

    None too when there is no such mail, or the relay had it before `since`: reports that old are no evidence (threats 78).
    """
    sent = (Outbox.c.event_id == event_id, Outbox.c.person_id == person_id, Outbox.c.state.in_(_BEFORE[fate]))
    recent = func.coalesce(Outbox.c.ended, Outbox.c.created) >= bindparam("since", since, type_=Utc)
    query = update(Outbox).where(*sent, recent).values(state=fate, reply=words).returning(*Outbox.c)
    return connection.execute(query).first()


def resend(connection: Connection, id_: int, now: datetime) -> Any | None:
    """Makes a mail that came to a bad end due again, as the same mail; its row as it was, None when it is no such mail."""
    row = connection.execute(select(*Outbox.c).where(Outbox.c.id == id_, Outbox.c.state.in_(UNSENT))).first()
    values = {"state": "due", "attempts": 0, "reply": "", "next_at": now, "ended": None}
    connection.execute(update(Outbox).where(Outbox.c.id == id_, Outbox.c.state.in_(UNSENT)).values(**values))
    return row


def newest(store: Store) -> int:
    """The id of the last row; 0 while there is none."""
    with store.read() as connection:
        return int(connection.execute(select(func.max(Outbox.c.id))).scalar() or 0)


def hasten(store: Store, after: int, now: datetime) -> None:
    """Makes due at once the rows behind this id that would be due later."""
    later = (Outbox.c.id > after, Outbox.c.state == "due", Outbox.c.next_at > now)
    with store.write() as connection:
        connection.execute(update(Outbox).where(*later).values(next_at=now))


def hasten_deferred(connection: Connection, now: datetime) -> None:
    """What was deferred is due: the relay that let nobody in for a while takes mail again."""
    waits = (Outbox.c.state == "deferred", Outbox.c.next_at > now)
    connection.execute(update(Outbox).where(*waits).values(next_at=now))


def extend(store: Store, ids: Collection[int], holder: str, now: datetime) -> None:
    """The heartbeat: leases of these rows run anew from now."""
    if ids:
        mine = (Outbox.c.id.in_(ids), Outbox.c.state == "claimed", Outbox.c.claimed_by == holder)
        with store.write() as connection:
            connection.execute(update(Outbox).where(*mine).values(lease_until=now + LEASE))


def release(store: Store, holder: str, now: datetime) -> int:
    """Gives back what a worker of this name had claimed; how many."""
    with store.write() as connection:
        return _give_back(connection, now, Outbox.c.claimed_by == holder)


def hand_back(store: Store, ids: Collection[int], holder: str) -> None:
    """Makes rows due again that were claimed and not begun, as if they had not been: nobody tried to send them."""
    if ids:
        mine = (Outbox.c.id.in_(ids), Outbox.c.state == "claimed", Outbox.c.claimed_by == holder)
        with store.write() as connection:
            values = {"state": "due", "lease_until": None, "attempts": Outbox.c.attempts - 1}
            connection.execute(update(Outbox).where(*mine).values(**values))


def sweep(store: Store, now: datetime) -> int:
    """Gives back every claim whose lease has run out; how many. Reads first, so an idle sweep takes no lock."""
    expired = (Outbox.c.state == "claimed", Outbox.c.lease_until < now)
    with store.read() as connection:
        if connection.execute(select(Outbox.c.id).where(*expired).limit(1)).first() is None:
            return 0
    with store.write() as connection:
        freed = _give_back(connection, now, Outbox.c.lease_until < now)
        crash.point("O11")
        return freed


def _give_back(connection: Connection, now: datetime, which: Any) -> int:
    """A row that was in hand at several deaths waits: what kills may pass meanwhile, and others come first."""
    again = case(
        *((Outbox.c.attempts <= times, now + timedelta(seconds=pause)) for times, pause in enumerate(_AFTER_DEATHS, 1)),
        else_=now + timedelta(seconds=_AFTER_DEATHS[-1]),
    )
    values = {"state": "due", "lease_until": None, "next_at": again}
    return connection.execute(update(Outbox).where(Outbox.c.state == "claimed", which).values(**values)).rowcount


def withdraw(connection: Connection, ticket_id: int, templates: Collection[str], words: str) -> int:
    """Suppresses what waits to go out of a ticket, and of those merged into it, by these templates; how many mails.

    What a worker has claimed is on its way.
    """
    tickets = select(Ticket.c.id).where((Ticket.c.id == ticket_id) | (Ticket.c.merged_into == ticket_id))
    waiting = (Outbox.c.ticket_id.in_(tickets), Outbox.c.template.in_(templates), Outbox.c.state.in_(WAITING))
    return connection.execute(update(Outbox).where(*waiting).values(state="suppressed", reply=words)).rowcount
