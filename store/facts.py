"""What was before a mail, in a statement over indexes, and what a delivery report is about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, and_, bindparam, exists, func, or_, select

from store.questions import Question, among
from store.schema import Blocked, Message, Outbox, Outcome, Ticket
from store.tables.columns import Utc


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
    now: datetime
    hour: datetime
    day: datetime
    before: int  # journal rows from this one on are not looked at


@dataclass(frozen=True, slots=True)
class Past:
    """What was before a mail. Answers are automatic ones, promised to its sender, or to strangers of the desk."""

    duplicate: tuple[int, int | None] | None = None  # (journal row, ticket) with the same content at this desk
    refused: bool = False  # that row was not acted on
    elsewhere: tuple[int, ...] = ()  # tickets of other desks with the same content
    id_reused: bool = False  # another mail had its Message-ID
    answers_today: int = 0
    answers_this_hour: int = 0
    gists: tuple[str, ...] = ()  # of the mails that were answered in the last day
    strangers_this_hour: int = 0
    blocked: bool = False


_DESK: BindParameter[str] = bindparam("desk")
_KEY: BindParameter[str] = bindparam("key")
_NOW: BindParameter[datetime] = bindparam("now", type_=Utc)
_HOUR: BindParameter[datetime] = bindparam("hour", type_=Utc)
_DAY: BindParameter[datetime] = bindparam("day", type_=Utc)


def _earlier(outcome: Any) -> ColumnElement[bool]:
    return and_(outcome.journal_id != bindparam("row"), outcome.journal_id < bindparam("row_before"))


_ANSWERS = (
    select(
        func.count().label("answers_today"),
        func.count().filter(Outbox.c.created >= _HOUR).label("answers_this_hour"),
        func.aggregate_strings(Outbox.c.gist, " ").label("gists"),
    )
    .where(Outbox.c.correspondent == bindparam("correspondent"), Outbox.c.created >= _DAY, Outbox.c.created <= _NOW)
    .subquery("answers")
)
_STRANGERS = select(func.count()).where(
    Outbox.c.stranger_of == _DESK, Outbox.c.created >= _HOUR, Outbox.c.created <= _NOW
)
_ID_REUSED = exists().where(
    Outcome.c.message_id == bindparam("message_id"), Outcome.c.desk == _DESK, _earlier(Outcome.c),
    or_(Outcome.c.content_hash.is_(None), Outcome.c.content_hash != _KEY),
)  # fmt: skip
_BLOCKED = exists().where(
    Blocked.c.desk == _DESK, or_(Blocked.c.pattern == bindparam("email"), Blocked.c.pattern == bindparam("domain"))
)
_SAME = Outcome.alias("same")
_SAME_CONTENT = and_(
    among(_SAME.c.desk, "desks"), _SAME.c.content_hash == _KEY, _earlier(_SAME.c),
    _SAME.c.at >= bindparam("content_since", type_=Utc), _SAME.c.outcome != "duplicate", _SAME.c.outcome != "dead",
)  # fmt: skip
# A row for each mail with the same content, or one without; the rest is the same in all of them.
_PAST = Question(
    select(
        _ANSWERS.c.answers_today, _ANSWERS.c.answers_this_hour, _ANSWERS.c.gists,
        _STRANGERS.scalar_subquery().label("strangers_this_hour"), _ID_REUSED.label("id_reused"), _BLOCKED.label("blocked"),
        _SAME.c.journal_id, _SAME.c.ticket_id, _SAME.c.desk, _SAME.c.outcome,
    )
    .select_from(_ANSWERS.outerjoin(_SAME, _SAME_CONTENT))
    .order_by(_SAME.c.journal_id)
)  # fmt: skip


def past(connection: Connection, asking: Asking) -> Past:
    """What was before a mail (threats 35, 38)."""
    values = {
        "row": asking.journal_id, "row_before": asking.before, "desk": asking.desk, "desks": asking.desks,
        "key": asking.content_key, "content_since": asking.content_since, "message_id": asking.message_id,
        "correspondent": asking.correspondent, "now": asking.now, "hour": asking.hour, "day": asking.day,
        "email": asking.email, "domain": f"@{asking.email.rpartition('@')[2]}",
    }  # fmt: skip
    rows = _PAST.ask(connection, values)
    every = rows[0]
    mine = sorted((row for row in rows if row.desk == asking.desk), key=lambda row: row.outcome == "refused")
    return Past(
        duplicate=(mine[0].journal_id, mine[0].ticket_id) if mine else None,
        refused=bool(mine) and mine[0].outcome == "refused",
        elsewhere=tuple(row.ticket_id for row in rows if row.desk != asking.desk and row.ticket_id is not None),
        id_reused=every.id_reused,
        answers_today=every.answers_today,
        answers_this_hour=every.answers_this_hour,
        gists=tuple((every.gists or "").split()),
        strangers_this_hour=every.strangers_this_hour,
        blocked=every.blocked,
    )


# --- delivery reports alone


_ABOUT = select(Outbox.c.id, Outbox.c.ticket_id, Outbox.c.recipient, Outbox.c.state).where(
    Outbox.c.event_id == bindparam("event"), Outbox.c.person_id == bindparam("person")
)
_RETURNED = (
    select(Message.c.ticket_id)
    .join(Ticket, Ticket.c.id == Message.c.ticket_id)
    .where(among(Message.c.message_id, "ids"), Ticket.c.desk == _DESK)
    .order_by(Message.c.id)
    .limit(1)
)


def mail_about(connection: Connection, event_id: int, person_id: int) -> Any | None:
    """The row about one event to one person: id, ticket_id, recipient, state; None when there is none."""
    return connection.execute(_ABOUT, {"event": event_id, "person": person_id}).first()


def ticket_of_ids(connection: Connection, desk: str, ids: Collection[str]) -> int | None:
    """The ticket of this desk that first held a message with one of these Message-IDs."""
    return connection.execute(_RETURNED, {"ids": list(ids), "desk": desk}).scalar() if ids else None
