"""Who wrote a mail and what was before it: each a statement over indexes. The third, what it names, is `store.pointers`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Select,
    and_,
    bindparam,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy import (
    cast as sql_cast,
)

from store.rules.people import PersonFacts
from store.schema import (
    Blocked,
    Membership,
    Message,
    Organization,
    Outbox,
    Outcome,
    Person,
    Staff,
    Ticket,
)
from store.tables import Id, Utc

# --- who is it


_ASKED, _FURTHER = Person.alias("asked"), Person.alias("further")
_WHO = (
    select(
        Person.c.id, Person.c.email, Person.c.name, Person.c.status, Person.c.confirmed, Person.c.vouched, Person.c.language,
        Person.c.timezone,
        _FURTHER.c.id.label("further"), Membership.c.id.label("membership"), Membership.c.organization_id, Membership.c.role,
        Organization.c.language.label("its_language"), Organization.c.timezone.label("its_timezone"), Staff.c.desk,
    )
    .select_from(_ASKED)
    .join(Person, Person.c.id == func.coalesce(_ASKED.c.same_as, _ASKED.c.id))
    .outerjoin(_FURTHER, _FURTHER.c.same_as == Person.c.id)
    .outerjoin(Membership, Membership.c.person_id == Person.c.id)
    .outerjoin(Organization, Organization.c.id == Membership.c.organization_id)
    .outerjoin(Staff, Staff.c.person_id == Person.c.id)
    .where(_ASKED.c.email == bindparam("email"))
    .order_by(Membership.c.id)
)  # fmt: skip


def sender(connection: Connection, email: str) -> PersonFacts | None:
    """The person with this (normalised) address, be it a further one of theirs; None when nobody has it."""
    rows = connection.execute(_WHO, {"email": email}).all()
    if not rows:
        return None
    one = rows[0]
    memberships = {row.membership: (row.organization_id, row.role) for row in rows if row.membership is not None}
    return PersonFacts(
        one.id, one.email, one.name, one.status, one.confirmed,
        tuple(sorted({row.desk for row in rows if row.desk})), tuple(memberships.values()),
        one.language or one.its_language or "", one.timezone or one.its_timezone or "",
        tuple(sorted({row.further for row in rows if row.further is not None})), one.vouched,
    )  # fmt: skip


# --- what was before


_BIG = sql_cast(null(), Id)
_DESK: BindParameter[str] = bindparam("desk")


def _any(name: str) -> Any:
    return bindparam(name, expanding=True)


@dataclass(frozen=True, slots=True)
class Asking:
    """Of what the past is asked: the row, its content, its sender, and the moments that count."""

    journal_id: int
    desk: str
    desks: Sequence[str]
    content_key: str
    content_since: datetime  # earlier equal content is another mail
    message_id: str | None
    email: str  # of the sender, "" when unknown
    correspondent: str
    gist: str
    now: datetime
    hour: datetime
    day: datetime
    before: int  # journal rows from this one on are not looked at


@dataclass(frozen=True, slots=True)
class Past:
    """What was before a mail. Answers are automatic ones, promised to its sender, or to strangers of the desk."""

    duplicate: tuple[int, int | None] | None = None  # (journal row, ticket) with the same content at this desk
    elsewhere: tuple[int, ...] = ()  # tickets of other desks with the same content
    id_reused: bool = False  # another mail had its Message-ID
    answers_today: int = 0
    answers_this_hour: int = 0
    repeats: int = 0  # answers of the last day to a mail that said the same
    strangers_this_hour: int = 0
    blocked: bool = False


def _past(what: str, number: Any, other: Any = None, text: Any = None) -> Any:
    return select(
        literal(what).label("what"),
        sql_cast(number, Id).label("number"),
        (sql_cast(other, Id) if other is not None else _BIG).label("other"),
        (text if text is not None else literal("")).label("text"),
    )


def _answers(what: str, since: str, *also: Any) -> Any:
    mine = (Outbox.c.correspondent == bindparam("correspondent"), Outbox.c.created <= bindparam("now", type_=Utc))
    return _past(what, func.count()).where(*mine, Outbox.c.created >= bindparam(since, type_=Utc), *also)


_EARLIER = and_(Outcome.c.journal_id != bindparam("row"), Outcome.c.journal_id < bindparam("row_before"))
_PAST: Select[Any] | CompoundSelect[Any] = union_all(
    _past("same", Outcome.c.journal_id, Outcome.c.ticket_id, Outcome.c.desk).where(
        Outcome.c.desk.in_(_any("desks")), Outcome.c.content_hash == bindparam("key"), _EARLIER,
        Outcome.c.at >= bindparam("content_since", type_=Utc), Outcome.c.outcome.not_in(["duplicate", "dead"]),
    ),
    _past("id", func.count()).where(
        Outcome.c.message_id == bindparam("message_id"), Outcome.c.desk == _DESK, _EARLIER,
        or_(Outcome.c.content_hash.is_(None), Outcome.c.content_hash != bindparam("key")),
    ),
    _answers("day", "day"),
    _answers("hour", "hour"),
    _answers("repeats", "day", Outbox.c.gist == bindparam("gist")),
    _past("strangers", func.count()).where(
        Outbox.c.stranger_of == _DESK, Outbox.c.created >= bindparam("hour", type_=Utc),
        Outbox.c.created <= bindparam("now", type_=Utc),
    ),
    _past("blocked", func.count()).where(Blocked.c.desk == _DESK, Blocked.c.pattern.in_(_any("patterns"))),
)  # fmt: skip


def past(connection: Connection, asking: Asking) -> Past:
    """What was before a mail (threats 35, 38)."""
    values = {
        "row": asking.journal_id, "row_before": asking.before, "desk": asking.desk, "desks": asking.desks,
        "key": asking.content_key, "content_since": asking.content_since, "message_id": asking.message_id,
        "correspondent": asking.correspondent, "gist": asking.gist, "now": asking.now, "hour": asking.hour, "day": asking.day,
        "patterns": [asking.email, f"@{asking.email.rpartition('@')[2]}"],
    }  # fmt: skip
    rows = connection.execute(_PAST, values).all()
    count = {row.what: row for row in rows if row.what != "same"}
    same = sorted((row for row in rows if row.what == "same"), key=lambda row: cast(int, row.number))
    here = next((row for row in same if row.text == asking.desk), None)
    return Past(
        duplicate=(here.number, here.other) if here else None,
        elsewhere=tuple(row.other for row in same if row.text != asking.desk and row.other is not None),
        id_reused=count["id"].number > 0,
        answers_today=count["day"].number,
        answers_this_hour=count["hour"].number,
        repeats=count["repeats"].number,
        strangers_this_hour=count["strangers"].number,
        blocked=count["blocked"].number > 0,
    )


# --- delivery reports alone


_ABOUT = select(Outbox.c.id, Outbox.c.ticket_id, Outbox.c.recipient, Outbox.c.state).where(
    Outbox.c.event_id == bindparam("event"), Outbox.c.person_id == bindparam("person")
)
_RETURNED = (
    select(Message.c.ticket_id)
    .join(Ticket, Ticket.c.id == Message.c.ticket_id)
    .where(Message.c.message_id.in_(_any("ids")), Ticket.c.desk == _DESK)
    .order_by(Message.c.id)
    .limit(1)
)


def mail_about(connection: Connection, event_id: int, person_id: int) -> Any | None:
    """The row about one event to one person: id, ticket_id, recipient, state; None when there is none."""
    return connection.execute(_ABOUT, {"event": event_id, "person": person_id}).first()


def ticket_of_ids(connection: Connection, desk: str, ids: Collection[str]) -> int | None:
    """The ticket of this desk that first held a message with one of these Message-IDs."""
    return connection.execute(_RETURNED, {"ids": list(ids), "desk": desk}).scalar() if ids else None
