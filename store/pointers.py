"""Which tickets a mail names: everything in it that may lead to one, in a statement over indexes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Text,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy import (
    cast as sql_cast,
)

from store.questions import Question, among
from store.rules.people import TicketFacts
from store.schema import Cc, Cited, Consulted, Event, Message, Parked, Person, Ticket, TicketAlias
from store.tables.columns import Utc


@dataclass(frozen=True, slots=True)
class Pointers:
    """What in a mail may lead to a ticket of a desk: ids of tickets, events and parked requests, Message-IDs, numbers.

    `aliases`: numbers of other systems. `roots`: Message-IDs it answers; `own`: its own Message-ID.
    """

    tickets: Sequence[int] = ()
    events: Sequence[int] = ()
    parked: Sequence[int] = ()
    message_ids: Sequence[str] = ()
    numbers: Sequence[int] = ()
    aliases: Sequence[str] = ()
    roots: Sequence[str] = ()
    own: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A ticket and the pointer that led to it; `key` is that id, Message-ID or number; of an alias, its system before it."""

    kind: str
    key: str
    ticket: TicketFacts
    number: int  # of the ticket that was named, which may have been merged into `ticket`
    consulted: bool  # the sender is somebody support has asked about it
    requester: str  # their address


_MERGED, _ONCE = Ticket.alias("merged"), Ticket.alias("once")
_DESK: BindParameter[str] = bindparam("desk")


def _pointing(kind: Any, key: Any, place: Any, ticket: Any) -> Any:
    return select(
        kind.label("kind"), sql_cast(key, Message.c.text.type).label("key"), place.label("place"), ticket.label("ticket_id")
    )  # fmt: skip


def _kind(name: str) -> Any:
    return literal_column(f"'{name}'", Text)


_POINTERS: CompoundSelect[Any] = union_all(
    _pointing(_kind("ticket"), Ticket.c.id, Ticket.c.id, Ticket.c.id).where(among(Ticket.c.id, "tickets")),
    _pointing(_kind("event"), Event.c.id, Event.c.id, Event.c.ticket_id).where(among(Event.c.id, "events")),
    _pointing(
        case((Parked.c.done_at.is_(None), _kind("parked")), else_=_kind("settled")),
        Parked.c.id, Parked.c.id, Parked.c.ticket_id,
    ).where(among(Parked.c.id, "parked")),
    _pointing(_kind("message_id"), Message.c.message_id, Message.c.id, Message.c.ticket_id).where(
        among(Message.c.message_id, "message_ids"), Message.c.at <= bindparam("before", type_=Utc)
    ),
    _pointing(_kind("number"), Ticket.c.number, Ticket.c.id, Ticket.c.id).where(
        Ticket.c.desk == _DESK, among(Ticket.c.number, "numbers")
    ),
    _pointing(
        _kind("alias"), TicketAlias.c.system + " " + TicketAlias.c.number, TicketAlias.c.id, TicketAlias.c.ticket_id
    ).where(TicketAlias.c.desk == _DESK, among(TicketAlias.c.number, "aliases")),
    _pointing(_kind("root"), Cited.c.message_id, Cited.c.id, Cited.c.ticket_id).where(
        Cited.c.desk == _DESK, among(Cited.c.message_id, "roots")
    ),
)  # fmt: skip
_FOUND = _POINTERS.cte("found")
_PERSON: BindParameter[int] = bindparam("person")
_NAMED = Question(
    select(
        _FOUND.c.kind, _FOUND.c.key, _MERGED.c.number.label("number_named"),
        Ticket.c.id, Ticket.c.desk, Ticket.c.number, Ticket.c.requester_id, Ticket.c.organization_id, Ticket.c.state,
        Ticket.c.closed_at, Person.c.email,
        exists().where(Cc.c.ticket_id == Ticket.c.id, Cc.c.person_id == _PERSON).label("on_cc"),
        exists().where(Consulted.c.ticket_id == Ticket.c.id, Consulted.c.person_id == _PERSON).label("consulted"),
    )
    .select_from(_FOUND)
    .join(_MERGED, _MERGED.c.id == _FOUND.c.ticket_id)
    .join(Ticket, Ticket.c.id == func.coalesce(_MERGED.c.merged_into, _MERGED.c.id))
    .join(Person, Person.c.id == Ticket.c.requester_id)
    # Named at a desk is what was opened there, though it has been moved since, and what was moved to it.
    .where(
        or_(
            _MERGED.c.desk == _DESK, Ticket.c.desk == _DESK,
            exists().where(_ONCE.c.merged_into == _MERGED.c.id, _ONCE.c.desk == _DESK),
        ),
        _MERGED.c.created <= bindparam("before", type_=Utc),
    )
    .order_by(_FOUND.c.place)
)  # fmt: skip


def named(connection: Connection, desk: str, pointers: Pointers, person: int | None, before: datetime) -> list[Named]:
    """The tickets of a desk that a mail of this person names, as of a moment; a merged one is the one it went into."""
    values = {
        "desk": desk, "tickets": pointers.tickets, "events": pointers.events, "parked": pointers.parked,
        "message_ids": pointers.message_ids, "numbers": [n for n in pointers.numbers if n < 2**31],
        "aliases": pointers.aliases,
        "roots": [*pointers.roots, *([pointers.own] if pointers.own else ())], "person": person or 0, "before": before,
    }  # fmt: skip
    return [
        Named(
            row.kind, row.key,
            TicketFacts(
                row.id, row.desk, row.number, row.requester_id, row.organization_id,
                frozenset([person]) if row.on_cc and person else frozenset(), row.state, row.closed_at,
            ),
            row.number_named, bool(row.consulted), row.email,
        )
        for row in _NAMED.ask(connection, values)
    ]  # fmt: skip
