"""What people and programs read: tickets, the two ledgers, a verdict explained. The JSON forms of the commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from store import people
from store.config import Config
from store.database import Store
from store.errors import NotFound
from store.rules.desk import Desk
from store.rules.people import PersonFacts, TicketFacts
from store.rules.states import Condition, help_text, label
from store.tables import (
    Attachment, Cc, Event, Journal, Link, Message, Organization, Outbox, Outcome, Person, Received, Ticket,
)  # fmt: skip

_TAG = re.compile(r"^\[?\s*([A-Za-z][A-Za-z0-9]{0,7})\s*[#-]\s*([1-9][0-9]{0,9})\s*\]?$", re.ASCII)


def find_ticket(connection: Connection, config: Config, tag: str) -> tuple[Any, Desk]:
    """The ticket row and desk of a tag such as HO#1042, HO-1042 or [HO#1042]. Raises NotFound."""
    match = _TAG.match(tag.strip())
    desk = next((d for d in config.desks.values() if match and d.key == match[1].upper()), None)
    row = None
    if match and desk and int(match[2]) < 2**31:
        query = _columns().where(Ticket.desk == desk.name, Ticket.number == int(match[2]))
        row = connection.execute(query).first()
    if row is None or desk is None:
        raise NotFound(f"there is no ticket {tag}")
    return row, desk


def tickets(
    connection: Connection, config: Config, desk: str | None = None, visible_to: PersonFacts | None = None, limit: int | None = None
) -> list[dict[str, Any]]:  # fmt: skip
    """Tickets without messages, last updated first; with `visible_to` only those of one desk that person may see."""
    query = _columns().order_by(Ticket.updated.desc(), Ticket.id.desc())
    query = query.where(Ticket.desk.in_([desk] if desk else list(config.desks)))
    if visible_to is not None:
        query = _seen_by(query, config, visible_to)
    rows = connection.execute(query.limit(limit) if limit else query).all()
    return _summaries(connection, config, rows)


def ticket(connection: Connection, config: Config, row: Any, *, public_only: bool = False) -> dict[str, Any]:
    """One ticket with messages, events and links; `public_only` leaves out everything a customer may not see."""
    summary = _summaries(connection, config, [row])[0]
    query = select(*Message.__table__.c).where(Message.ticket_id == row.id).order_by(Message.id)  # type: ignore[attr-defined]
    if public_only:
        query = query.where(~Message.note, Message.side != "system")
    messages = connection.execute(query).all()
    files = _attachments(connection, [message.id for message in messages])
    summary["messages"] = [_message(message, files.get(message.id, [])) for message in messages]
    summary["events"] = _events(connection, row.id, public_only)
    summary["links"] = [] if public_only else _links(connection, config, row.id)
    if public_only:
        summary["flags"] = []
    return summary


def deliveries(connection: Connection, ticket_id: int) -> list[dict[str, Any]]:
    """Every mail about a ticket with its state, newest last; for staff."""
    query = select(*Outbox.__table__.c).where(Outbox.ticket_id == ticket_id).order_by(Outbox.id)  # type: ignore[attr-defined]
    return [_outbox_row(row, None) for row in connection.execute(query)]


def attachment(connection: Connection, attachment_id: int) -> Any:
    """An accepted attachment with its ticket and whether it hangs on something internal. Raises NotFound."""
    query = (
        select(
            Attachment.filename, Attachment.content_type, Attachment.size, Attachment.sha256, Attachment.verdict,
            Message.note, Message.side, Message.ticket_id,
        )
        .join(Message, Message.id == Attachment.message_id)
        .where(Attachment.id == attachment_id, Attachment.verdict == "accepted")
    )  # fmt: skip
    row = connection.execute(query).first()
    if row is None:
        raise NotFound("there is no such file")
    return row


def ticket_row(connection: Connection, ticket_id: int) -> Any:
    """The row of a ticket by its id. Raises NotFound."""
    row = connection.execute(_columns().where(Ticket.id == ticket_id)).first()
    if row is None:
        raise NotFound("there is no such ticket")
    return row


def facts(connection: Connection, row: Any) -> TicketFacts:
    """The facts of a ticket row, for the rules of sight."""
    return people.ticket_facts(connection, row)


def journal(store: Store, config: Config) -> list[dict[str, Any]]:
    """The journal with its outcomes, newest last."""
    with store.read() as connection:
        outcomes = {row.journal_id: row for row in connection.execute(select(*Outcome.__table__.c))}  # type: ignore[attr-defined]
        tags = _tags(connection, config, {row.ticket_id for row in outcomes.values() if row.ticket_id})
    query = (
        select(
            Journal.id, Journal.desk, Journal.recipients, Received.door, Received.at, Received.sender, Received.size,
            Received.sha256,
        )
        .join(Received, Received.id == Journal.received_id)
        .order_by(Journal.id)
    )  # fmt: skip
    with store.read_journal() as connection:
        rows = connection.execute(query).all()
    return [_journal_row(row, outcomes.get(row.id), tags) for row in rows]


def outbox(connection: Connection, config: Config) -> list[dict[str, Any]]:
    """The outbox, newest last."""
    rows = connection.execute(select(*Outbox.__table__.c).order_by(Outbox.id)).all()  # type: ignore[attr-defined]
    tags = _tags(connection, config, {row.ticket_id for row in rows if row.ticket_id})
    return [_outbox_row(row, tags.get(row.ticket_id)) for row in rows]


def explain(store: Store, config: Config, journal_id: int) -> dict[str, Any]:
    """Why a journalled message became what it became: its row, the rule, each signal. Raises NotFound."""
    with store.read() as connection:
        outcome = connection.execute(
            select(*Outcome.__table__.c).where(Outcome.journal_id == journal_id)  # type: ignore[attr-defined]
        ).first()
        tags = _tags(connection, config, {outcome.ticket_id} if outcome and outcome.ticket_id else set())
    with store.read_journal() as connection:
        row = connection.execute(
            select(
                Journal.id, Journal.desk, Journal.recipients, Received.door, Received.at, Received.sender, Received.size,
                Received.sha256,
            )
            .join(Received, Received.id == Journal.received_id)
            .where(Journal.id == journal_id)
        ).first()  # fmt: skip
    if row is None:
        raise NotFound(f"the journal has no row {journal_id}")
    told = _journal_row(row, outcome, tags)
    return told | {"rule": outcome.rule if outcome else None, "signals": outcome.signals if outcome else []}


def _columns() -> Select[Any]:
    return (
        select(
            *Ticket.__table__.c,  # type: ignore[attr-defined]
            Person.email.label("requester"),
            Person.name.label("requester_name"),
            Organization.key.label("organization"),
        )
        .join(Person, Person.id == Ticket.requester_id)
        .outerjoin(Organization, Organization.id == Ticket.organization_id)
    )


def _seen_by(query: Select[Any], config: Config, person: PersonFacts) -> Select[Any]:
    """The tickets a person may see, by the same rules as `people.relation`."""
    if not person.active:
        return query.where(Ticket.id.is_(None))
    shared = [desk.name for desk in config.desks.values() if desk.visibility == "organization"]
    of_all = [organization for organization, _role in person.organizations]
    of_admin = [organization for organization, role in person.organizations if role == "admin"]
    listed = select(Cc.ticket_id).where(Cc.person_id == person.id)
    return query.where(
        Ticket.desk.in_(person.staff_of)
        | (Ticket.requester_id == person.id)
        | Ticket.id.in_(listed)
        | Ticket.organization_id.in_(of_admin)
        | (Ticket.organization_id.in_(of_all) & Ticket.desk.in_(shared))
    )


def _summaries(connection: Connection, config: Config, rows: Sequence[Any]) -> list[dict[str, Any]]:
    cc: dict[int, list[str]] = {}
    query = select(Cc.ticket_id, Person.email).join(Person, Person.id == Cc.person_id).order_by(Cc.id)
    for ticket_id, email in connection.execute(query.where(Cc.ticket_id.in_([row.id for row in rows]))):
        cc.setdefault(ticket_id, []).append(email)
    return [_summary(row, config.desks[row.desk], cc.get(row.id, [])) for row in rows]


def _summary(row: Any, desk: Desk, cc: list[str]) -> dict[str, Any]:
    condition = Condition(row.state, row.last_reply_by, row.taken)
    return {
        "tag": f"{desk.key}#{row.number}",
        "number": row.number,
        "desk": desk.name,
        "subject": row.subject,
        "state": row.state,
        "last_reply_by": row.last_reply_by,
        "taken": row.taken,
        "label": label(condition, desk),
        "help": help_text(condition, desk),
        "department": row.department,
        "priority": row.priority,
        "origin": row.origin,
        "requester": row.requester,
        "requester_name": row.requester_name,
        "organization": row.organization,
        "asset": None,
        "cc": cc,
        "flags": list(row.flags),
        "created": _iso(row.created),
        "updated": _iso(row.updated),
    }


def _message(row: Any, files: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": row.id, "side": row.side, "note": row.note, "from": row.from_address, "from_name": row.from_name,
        "text": row.text, "hidden": row.hidden, "html": row.html, "at": _iso(row.at), "channel": row.channel,
        "message_id": row.message_id, "auto": row.auto, "attachments": files,
    }  # fmt: skip


def _attachments(connection: Connection, messages: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    query = select(*Attachment.__table__.c).where(Attachment.message_id.in_(list(messages))).order_by(Attachment.id)  # type: ignore[attr-defined]
    for row in connection.execute(query):
        found.setdefault(row.message_id, []).append(
            {
                "id": row.id, "filename": row.filename, "content_type": row.content_type, "size": row.size,
                "sha256": row.sha256, "inline": row.inline, "verdict": row.verdict, "reason": row.reason,
            }
        )  # fmt: skip
    return found


# What a customer sees of a ticket's history; the rest is between staff.
_PUBLIC_EVENTS = ("created", "reply", "closed", "status", "cc_added", "attachment_refused")


def _events(connection: Connection, ticket_id: int, public_only: bool) -> list[dict[str, Any]]:
    query = (
        select(Event.kind, Event.at, Event.old, Event.new, Event.message_id, Person.email)
        .outerjoin(Person, Person.id == Event.actor_id)
        .where(Event.ticket_id == ticket_id)
        .order_by(Event.id)
    )
    if public_only:
        query = query.where(Event.kind.in_(_PUBLIC_EVENTS))
    return [
        {"kind": r.kind, "actor": r.email, "at": _iso(r.at), "old": r.old, "new": r.new, "message": r.message_id}
        for r in connection.execute(query)
    ]


def _links(connection: Connection, config: Config, ticket_id: int) -> list[dict[str, str]]:
    query = select(Link.ticket_id, Link.other_id, Link.kind).where(
        (Link.ticket_id == ticket_id) | (Link.other_id == ticket_id)
    )
    rows = connection.execute(query.order_by(Link.id)).all()
    tags = _tags(connection, config, {id_ for row in rows for id_ in (row.ticket_id, row.other_id)})
    return [
        {"kind": row.kind, "ticket": tags[row.other_id]}
        if row.ticket_id == ticket_id
        else {"kind": f"{row.kind} by", "ticket": tags[row.ticket_id]}
        for row in rows
    ]


def _tags(connection: Connection, config: Config, ids: set[int]) -> dict[int, str]:
    keys = {desk.name: desk.key for desk in config.desks.values()}
    rows = connection.execute(select(Ticket.id, Ticket.desk, Ticket.number).where(Ticket.id.in_(ids)))
    return {row.id: f"{keys.get(row.desk, row.desk)}#{row.number}" for row in rows}


def _journal_row(row: Any, outcome: Any, tags: dict[int, str]) -> dict[str, Any]:
    return {
        "id": row.id, "door": row.door, "at": _iso(row.at), "sender": row.sender, "recipients": row.recipients,
        "size": row.size, "sha256": row.sha256, "outcome": outcome.outcome if outcome else None,
        "reason": outcome.reason if outcome else None,
        "ticket": tags.get(outcome.ticket_id) if outcome else None,
        "message_id": outcome.message_id if outcome else None, "desk": row.desk,
    }  # fmt: skip


def _outbox_row(row: Any, tag: str | None) -> dict[str, Any]:
    return {
        "id": row.id, "event": row.event_id, "ticket": tag or row.facts.get("tag"), "recipient": row.recipient,
        "template": row.template, "state": row.state, "attempts": row.attempts, "next_at": _iso(row.next_at),
        "message_id": row.header_id, "reply": row.reply,
    }  # fmt: skip


def _iso(at: datetime) -> str:
    return at.isoformat()
