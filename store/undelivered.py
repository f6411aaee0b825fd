"""Mail that did not arrive: shown on its ticket, told to whoever wrote it, and counted against its address."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from store.config import Config
from store.rows import write_event
from store.rules.fanout import Change
from store.schema import Event, Message, Outbox, Staff, Undeliverable, insert_into
from store.telling import Told
from store.telling import tell as tell_people
from store.views import iso

NOTICE = "undelivered"  # the template; a notice that does not arrive itself is told to nobody
_WRITER = (
    select(Message.c.author_id)
    .join(Staff, Staff.c.person_id == Message.c.author_id)
    .where(Message.c.id == bindparam("message"), Message.c.side == "support", Staff.c.desk == bindparam("desk"))
)
_ACTOR = (
    select(Event.c.actor_id)
    .join(Staff, Staff.c.person_id == Event.c.actor_id)
    .where(Event.c.id == bindparam("event"), Staff.c.desk == bindparam("desk"))
)


def tell(connection: Connection, config: Config, row: Any, words: str, now: datetime) -> int | None:
    """Writes on its ticket that a mail did not arrive, and tells the agent whose words it carried; the event."""
    if row.ticket_id is None:
        return None
    told = f"{row.recipient}: {words}"
    event = write_event(connection, row.ticket_id, "delivery_failed", None, now, new=told)
    about = {"message": row.message_id, "event": row.event_id, "desk": row.facts.get("desk")}
    author = connection.execute(_WRITER if row.message_id else _ACTOR, about).scalar()
    if author is not None and author != row.person_id and row.template != NOTICE:
        change = Change("undelivered", None, addressee=author)
        tell_people(connection, config, row.ticket_id, Told(event, change, about=row.recipient, problems=(told,)), now)
    return event


def count(connection: Connection, config: Config, address: str, words: str, now: datetime) -> None:
    """Counts a mail that came back because there is no such mailbox; after some the address gets no mail any more."""
    insert = insert_into(Undeliverable, connection.dialect.name).values(address=address, hard=1, why=words, at=now)
    more = insert.on_conflict_do_update(
        index_elements=["address"], set_={"hard": Undeliverable.c.hard + 1, "why": words, "at": now}
    )
    hard = connection.execute(more.returning(Undeliverable.c.hard)).scalar_one()
    if hard >= config.settings.relay.suppress_after:
        alone = (Undeliverable.c.address == address, Undeliverable.c.suppressed.is_(None))
        connection.execute(update(Undeliverable).where(*alone).values(suppressed=now))


def suppress(connection: Connection, address: str, why: str, now: datetime) -> None:
    """The address gets no mail from now on."""
    values = {"suppressed": now, "why": why, "at": now}
    insert = insert_into(Undeliverable, connection.dialect.name).values(address=address, hard=0, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=["address"], set_=values))


def lift(connection: Connection, address: str) -> bool:
    """The address gets mail again and its count begins anew; whether it had got none."""
    former = delete(Undeliverable).where(Undeliverable.c.address == address).returning(Undeliverable.c.suppressed)
    return connection.execute(former).scalar() is not None


def is_suppressed(connection: Connection, address: str) -> bool:
    """Whether the address gets no mail."""
    found = select(Undeliverable.c.id).where(
        Undeliverable.c.address == address, Undeliverable.c.suppressed.is_not(None)
    )
    return connection.execute(found).first() is not None


def suppressed(connection: Connection) -> list[dict[str, Any]]:
    """The addresses that get no mail, with the reason, the longest first."""
    query = select(*Undeliverable.c).where(Undeliverable.c.suppressed.is_not(None)).order_by(Undeliverable.c.suppressed)
    return [
        {"address": row.address, "since": iso(row.suppressed), "hard": row.hard, "why": row.why}
        for row in connection.execute(query)
    ]


def unsent(connection: Connection, ticket_id: int, states: tuple[str, ...]) -> list[int]:
    """The mails of a ticket in these states, oldest first."""
    query = select(Outbox.c.id).where(Outbox.c.ticket_id == ticket_id, Outbox.c.state.in_(states)).order_by(Outbox.c.id)
    return list(connection.execute(query).scalars())
