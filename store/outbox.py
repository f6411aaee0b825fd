"""The outbox: one row per event and recipient, written with the change it tells of. Only this file sets `state`.

    state       may become                                     meaning
    due         claimed, suppressed                            to be sent at `next_at`
    claimed     accepted, deferred, failed, due, suppressed    a worker has it until `lease_until`
    deferred    claimed, suppressed                            the relay said not now; again at `next_at`
    accepted    bounced                                        the relay took it
    failed      -                                              refused for good, shown to staff
    bounced     -                                              taken, then returned by a later server
    suppressed  -                                              the recipient may no longer get it, or nobody should

For one ticket and recipient a row waits until the ones before it are settled, so mails arrive in order; no hint can
change that, because `claim` refuses it too (threats 85).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, insert, select, update

from store import crash
from store.database import Store
from store.letters import Letter, LetterFile
from store.rows import write_event
from store.rules.fanout import ANSWERS
from store.schema import Attachment, Cc, Event, Membership, Message, Outbox, Person, Staff, Ticket

LEASE = timedelta(seconds=30)
_AFTER_DEATHS = (0, 1, 4, 15)  # seconds until a row is due again whose worker died with it once, twice and so on
_OPEN = ("due", "claimed", "deferred")
WAITING = ("due", "deferred")

_EARLIER = Outbox.alias("earlier")
# A row of the same ticket and recipient that is not settled and was promised before.
_BEHIND = (
    select(_EARLIER.c.id)
    .where(
        _EARLIER.c.ticket_id == Outbox.c.ticket_id,
        _EARLIER.c.person_id == Outbox.c.person_id,
        _EARLIER.c.id < Outbox.c.id,
        _EARLIER.c.state.in_(_OPEN),
    )
    .exists()
)
_PERSON = Outbox.c.person_id == bindparam("person")
_FORMER = (
    select(Outbox.c.header_id)
    .where(Outbox.c.ticket_id == bindparam("ticket"), _PERSON)
    .order_by(Outbox.c.id.desc())
    .limit(10)
)


def put(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows in the caller's transaction; without one the promise to tell could be lost (threats 79)."""
    if rows:
        connection.execute(insert(Outbox), [{"state": "due", **row} for row in rows])


def due(store: Store, now: datetime, limit: int, skip: Collection[int] = frozenset()) -> list[int]:
    """Ids that may be sent now, oldest first, but for those in `skip`."""
    query = (
        select(Outbox.c.id)
        .where(Outbox.c.state.in_(WAITING), Outbox.c.next_at <= now, ~_BEHIND)
        .order_by(Outbox.c.id)
        .limit(limit + len(skip))
    )
    with store.read() as connection:
        return [id_ for id_ in connection.execute(query).scalars() if id_ not in skip][:limit]


def unfinished(store: Store, ids: Collection[int]) -> set[int]:
    """Those whose last attempt came to no end: their worker died, and perhaps of one of them (threats 82)."""
    query = select(Outbox.c.id).where(Outbox.c.id.in_(ids), Outbox.c.attempts > 0, Outbox.c.reply == "")
    with store.read() as connection:
        return set(connection.execute(query).scalars())


def claim(store: Store, id_: int, holder: str, now: datetime) -> Letter | None:
    """Takes a due row under a lease and counts the attempt. None when it is not to be sent by this caller now."""
    with store.write() as connection:
        row = connection.execute(
            update(Outbox)
            .where(Outbox.c.id == id_, Outbox.c.state.in_(WAITING), Outbox.c.next_at <= now, ~_BEHIND)
            .values(state="claimed", claimed_by=holder, lease_until=now + LEASE, attempts=Outbox.c.attempts + 1)
            .returning(*Outbox.c)
        ).first()
        if row is None:
            return None
        if why := _no_longer(connection, row):
            connection.execute(update(Outbox).where(Outbox.c.id == id_).values(state="suppressed", reply=why))
            return None
        return _letter(connection, row)


def _no_longer(connection: Connection, row: Any) -> str | None:
    """Why a mail may not go out any more, checked at the last moment (DV-76, threats 85)."""
    status = connection.execute(select(Person.c.status).where(Person.c.id == row.person_id)).scalar()
    if status != "active":
        return f"recipient {status}"
    if row.template in ANSWERS or row.template == "safety_alert":
        return None  # to whoever wrote to us, or to people the desk file names
    belongs = {
        "cc": select(Cc.c.id).where(Cc.c.ticket_id == row.ticket_id, Cc.c.person_id == row.person_id),
        "staff": select(Staff.c.id).where(Staff.c.desk == row.facts.get("desk"), Staff.c.person_id == row.person_id),
        "admin": select(Membership.c.id)
        .join(Ticket, Ticket.c.organization_id == Membership.c.organization_id)
        .where(Ticket.c.id == row.ticket_id, Membership.c.person_id == row.person_id, Membership.c.role == "admin"),
    }.get(row.facts.get("role", ""))
    if belongs is not None and connection.execute(belongs).first() is None:
        return "recipient no longer on the ticket"
    return None


def _letter(connection: Connection, row: Any) -> Letter:
    text = ""
    files: tuple[LetterFile, ...] = ()
    if row.message_id is not None:
        message = connection.execute(select(Message.c.text).where(Message.c.id == row.message_id)).one()
        text = message.text
        attachments = connection.execute(
            select(Attachment)
            .with_only_columns(
                Attachment.c.filename, Attachment.c.content_type, Attachment.c.size, Attachment.c.sha256, Attachment.c.inline,
                Attachment.c.content_id,
            )
            .where(Attachment.c.message_id == row.message_id, Attachment.c.verdict == "accepted")
            .order_by(Attachment.c.id)
        )  # fmt: skip
        files = tuple(LetterFile(*values) for values in attachments)
    return Letter(
        row.id, row.event_id, row.ticket_id, row.person_id, row.recipient, row.template, row.header_id, row.created,
        row.attempts, row.reply, row.facts, text, files,
    )  # fmt: skip


def accept(store: Store, id_: int, holder: str, reply: str, now: datetime) -> bool:
    """The relay took it. False when the lease had gone to another worker."""
    return _settle(store, id_, holder, now, state="accepted", reply=reply)


def defer(store: Store, id_: int, holder: str, reply: str, next_at: datetime, now: datetime) -> bool:
    """The relay said not now, or could not be reached."""
    return _settle(store, id_, holder, now, state="deferred", reply=reply, next_at=next_at)


def fail(store: Store, id_: int, holder: str, reply: str, now: datetime) -> bool:
    """Refused for good; an event with the relay's words shows it on the ticket."""
    with store.write() as connection:
        row = connection.execute(
            update(Outbox)
            .where(*_mine(id_, holder))
            .values(state="failed", reply=reply, lease_until=None)
            .returning(Outbox.c.ticket_id, Outbox.c.recipient)
        ).first()
        if row is not None and row.ticket_id is not None:
            words = f"{row.recipient}: {reply}"
            write_event(connection, row.ticket_id, "delivery_failed", None, now, new=words)
    return row is not None


def note_fault(store: Store, ticket_id: int, fault: str, now: datetime) -> None:
    """Shows on the ticket, once, that a mail was not made from the desk's own template, and why (BR-07)."""
    same = (Event.c.ticket_id == ticket_id, Event.c.kind == "template_broken", Event.c.new == fault)
    with store.write() as connection:
        if connection.execute(select(Event.c.id).where(*same).limit(1)).first() is None:
            write_event(connection, ticket_id, "template_broken", None, now, new=fault)


def _settle(store: Store, id_: int, holder: str, now: datetime, **values: Any) -> bool:
    with store.write() as connection:
        done = connection.execute(update(Outbox).where(*_mine(id_, holder)).values(lease_until=None, **values))
        crash.point("O8")
    return done.rowcount == 1


def _mine(id_: int, holder: str) -> tuple[Any, ...]:
    return (Outbox.c.id == id_, Outbox.c.state == "claimed", Outbox.c.claimed_by == holder)


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


def next_due(store: Store) -> datetime | None:
    """When the next row that waits for no other may be sent; None when there is none."""
    with store.read() as connection:
        first = select(func.min(Outbox.c.next_at)).where(Outbox.c.state.in_(WAITING), ~_BEHIND)
        at: datetime | None = connection.execute(first).scalar()
    return at


def busy(store: Store, until: datetime) -> int:
    """Rows that are claimed, or waiting for no other and due before `until`."""
    with store.read() as connection:
        waiting = Outbox.c.state.in_(WAITING) & (Outbox.c.next_at <= until) & ~_BEHIND
        query = select(func.count()).select_from(Outbox).where((Outbox.c.state == "claimed") | waiting)
        return int(connection.execute(query).scalar_one())


def bounce(connection: Connection, event_id: int, person_id: int, words: str) -> int | None:
    """Marks the very mail a delivery report is about as bounced; its id, None when there is no such mail (X-05)."""
    sent = (Outbox.c.event_id == event_id, Outbox.c.person_id == person_id, Outbox.c.state.in_(("accepted", "bounced")))
    query = update(Outbox).where(*sent).values(state="bounced", reply=words).returning(Outbox.c.id)
    return connection.execute(query).scalar()


def withdraw(connection: Connection, ticket_id: int, templates: Collection[str], words: str) -> int:
    """Suppresses what waits to go out of a ticket, and of those merged into it, by these templates; how many mails.

    What a worker has claimed is on its way.
    """
    tickets = select(Ticket.c.id).where((Ticket.c.id == ticket_id) | (Ticket.c.merged_into == ticket_id))
    waiting = (Outbox.c.ticket_id.in_(tickets), Outbox.c.template.in_(templates), Outbox.c.state.in_(WAITING))
    return connection.execute(update(Outbox).where(*waiting).values(state="suppressed", reply=words)).rowcount


def former_ids(connection: Connection, ticket_id: int, person_id: int) -> list[str]:
    """Message-IDs of the last ten mails to this person on this ticket, oldest first."""
    return list(connection.execute(_FORMER, {"ticket": ticket_id, "person": person_id}).scalars())[::-1]
