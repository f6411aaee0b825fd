"""Digests: what was gathered for a person becomes one mail when it is due. Each line is told of once, however often this runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from store import outbox, people
from store.belonging import belongs
from store.config import Config
from store.database import Store
from store.gathering import WAITING, drop
from store.preferences import preferences
from store.rows import write_event
from store.rules.desk import Desk
from store.rules.pacing import CATEGORIES, Category
from store.rules.people import PersonFacts
from store.rules.tokens import Token, sign
from store.schema import Gathered, Message, Ticket
from store.telling import addressed, no_ticket
from store.threads import Threads

MOST_LINES = 50  # of the newest; the others are counted
_LONGEST = 2000  # characters of a message
PATH = "/u"


def send_due(config: Config, store: Store, now: datetime) -> Iterable[None]:
    """Makes the digests that are due, a transaction each. Raises Temporary."""
    due = (*WAITING, Gathered.c.due <= now, Gathered.c.desk.in_(list(config.desks)))
    while True:
        with store.read() as connection:
            first = connection.execute(select(*Gathered.c).where(*due).order_by(Gathered.c.id).limit(1)).first()
        if first is None:
            return
        with store.write() as connection:
            same = [
                Gathered.c.person_id == first.person_id,
                Gathered.c.desk == first.desk,
                Gathered.c.alone == first.alone,
            ]
            if first.alone:
                same.append(Gathered.c.ticket_id == first.ticket_id)
            # Another clock that was quicker has the lock, and then none of them waits any more.
            query = select(*Gathered.c).where(*due, *same).order_by(Gathered.c.id).with_for_update()
            _send(connection, config, connection.execute(query).all(), now)
        yield


def _send(connection: Connection, config: Config, rows: Sequence[Any], now: datetime) -> None:
    if not rows:
        return
    person = people.facts(connection, [rows[0].person_id])[0]
    lines = _still_theirs(connection, person, rows)
    if not lines:
        return
    desk, alone = config.desks[lines[0].desk], lines[0].alone
    ticket = _ticket(connection, lines[0].ticket_id)
    event = write_event(connection, ticket.id if alone else None, "digest", None, now, new=str(len(lines)))
    connection.execute(update(Gathered).where(Gathered.c.id.in_([line.id for line in lines])).values(digest=event))
    facts = _facts(connection, config, desk, person, lines, event, now)
    if alone:
        threads = Threads(connection, config, ticket)
        facts |= threads.facts(person.id, event, now, None, False)
        facts |= {name: lines[-1].facts[name] for name in ("label", "link")} | {"priority": ticket.priority}
    row = addressed(config, event, person, "digest", facts, None, now)
    outbox.put(connection, [{**row, "ticket_id": ticket.id if alone else None, "message_id": None}])


def _still_theirs(connection: Connection, person: PersonFacts, rows: Sequence[Any]) -> list[Any]:
    """The lines that the person may still read and still wants (threats 85)."""
    wants = preferences(connection, person.id)
    kept, lost, spam, unwanted = [], [], [], []
    for row in rows:
        if not person.active or not belongs(connection, person.id, row.role, row.desk, row.ticket_id):
            lost.append(row.id)
        elif "spam" in _ticket(connection, row.ticket_id).flags:
            spam.append(row.id)
        elif wants.get(row.category) == "none":
            unwanted.append(row.id)
        else:
            kept.append(row)
    drop(connection, lost, "no longer on the ticket, or not active")
    drop(connection, spam, "marked as spam")
    drop(connection, unwanted, "not wanted")
    return kept


def _facts(
    connection: Connection, config: Config, desk: Desk, person: PersonFacts, lines: Sequence[Any], event: int, now: datetime
) -> dict[str, Any]:  # fmt: skip
    staff = all(line.role == "staff" for line in lines)
    alone = lines[0].alone
    shown = lines[-MOST_LINES:]
    department = _ticket(connection, lines[0].ticket_id).department if alone else desk.main.department
    return no_ticket(desk, person, now) | {
        "change": "digest",
        "role": "staff" if staff else lines[0].role,
        "department": department,
        "from_address": desk.mailbox_of(department).address,
        "link": f"{config.base_url}/?desk={desk.name}",
        "lines": [_line(connection, line) for line in shown],
        "more": len(lines) - len(shown),
        # A mail about one ticket is part of its conversation and no list that one could leave.
        "unsubscribe": "" if alone else unsubscribe_link(config, person.id, {line.category for line in lines}),
    }


def _line(connection: Connection, line: Any) -> dict[str, Any]:
    text = ""
    if line.message_id is not None:
        message = connection.execute(
            select(Message.c.text, Message.c.note).where(Message.c.id == line.message_id)
        ).first()
        if message is not None and (
            line.role == "staff" or not message.note
        ):  # threats 47, whatever became of it since
            text = message.text[:_LONGEST]
    return {**line.facts, "ticket": line.ticket_id, "role": line.role, "text": text}


def _ticket(connection: Connection, ticket_id: int) -> Any:
    """The ticket, or the one it went into."""
    row = connection.execute(select(*Ticket.c).where(Ticket.c.id == ticket_id)).one()
    return row if row.merged_into is None else _ticket(connection, row.merged_into)


def unsubscribe_link(config: Config, person_id: int, categories: Iterable[str]) -> str:
    """Where this person, and whoever has the mail, ends mails of these categories, and can do nothing else (threats 64)."""
    bits = sum(1 << place for place, name in enumerate(CATEGORIES) if name in set(categories))
    return f"{config.base_url}{PATH}/{sign(Token('unsubscribe', bits, person_id), config.secret)}"


def unsubscribed_by(token: Token) -> tuple[Category, ...]:
    """The categories that the link of this token is about."""
    return tuple(name for place, name in enumerate(CATEGORIES) if token.id >> place & 1)
