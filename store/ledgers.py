"""What people and programs read of the two ledgers: the journal, the outbox, a verdict explained."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from store import journal as rows
from store.config import Config
from store.database import Store
from store.errors import NotFound
from store.journal_schema import Journal, Received
from store.rules.addressing import without_extension
from store.rules.old_mail import of_json
from store.schema import Outbox, Outcome
from store.views import iso, tags


@dataclass(frozen=True, slots=True)
class Accepted:
    """A mail some door took for a desk. `content`: the hash of what it says; `at`: when it was received, by us or long ago."""

    id: int
    at: datetime
    sender: str
    mailboxes: frozenset[str]
    size: int
    content: bytes
    message_id: str | None = None


def accepted(store: Store, desk: str, content_of: Callable[[bytes], bytes]) -> Iterator[Accepted]:
    """Every mail of a desk, oldest first; `content_of` gives the hash of one that is not filed yet."""
    filed = select(Outcome.c.journal_id, Outcome.c.content_hash, Outcome.c.message_id).where(Outcome.c.desk == desk)
    with store.read() as connection:
        known = {id_: (hash_, named) for id_, hash_, named in connection.execute(filed) if hash_}
    query = select(
        Journal.c.id, Journal.c.recipients, Received.c.at, Received.c.sender, Received.c.size, Received.c.old
    ).join(Received, Received.c.id == Journal.c.received_id).where(Journal.c.desk == desk)  # fmt: skip
    with store.read_journal() as connection:
        all_rows = connection.execute(query.order_by(Journal.c.id)).all()
    for row in all_rows:
        hash_, named = known.get(row.id, ("", None))
        content = bytes.fromhex(hash_.partition(":")[0]) if hash_ else content_of(rows.row(store, row.id).raw)
        old = of_json(row.old)
        mailboxes = frozenset(map(without_extension, row.recipients))
        yield Accepted(row.id, old.at if old else row.at, row.sender, mailboxes, row.size, content, named)


def journal(store: Store, config: Config, only: Collection[int] | None = None) -> list[dict[str, Any]]:
    """The journal with its outcomes, newest last; `only`: the rows with these ids."""
    wanted, rows_wanted = select(*Outcome.c), _journal_rows().order_by(Journal.c.id)
    if only is not None:
        wanted, rows_wanted = wanted.where(Outcome.c.journal_id.in_(only)), rows_wanted.where(Journal.c.id.in_(only))
    with store.read() as connection:
        outcomes = {row.journal_id: row for row in connection.execute(wanted)}
        named = tags(connection, config, {row.ticket_id for row in outcomes.values() if row.ticket_id})
    with store.read_journal() as connection:
        rows = connection.execute(rows_wanted).all()
    return [_journal_row(row, outcomes.get(row.id), named) for row in rows]


def rows_of(store: Store, message_id: str) -> list[int]:
    """The ids of the filed journal rows whose mail has this Message-ID, with or without <>. Raises NotFound."""
    bare = message_id.strip().strip("<>")
    query = select(Outcome.c.journal_id).where(Outcome.c.message_id == bare).order_by(Outcome.c.journal_id)
    with store.read() as connection:
        ids = list(connection.execute(query).scalars())
    if not ids:
        raise NotFound(f"no filed mail has the Message-ID {message_id}")
    return ids


def signals(store: Store, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """What was known of rows when they were decided, by name."""
    query = select(Outcome.c.journal_id, Outcome.c.signals).where(Outcome.c.journal_id.in_(ids))
    with store.read() as connection:
        return {id_: {one["signal"]: one["value"] for one in told} for id_, told in connection.execute(query)}


def outbox(connection: Connection, config: Config) -> list[dict[str, Any]]:
    """The outbox, newest last."""
    rows = connection.execute(select(*Outbox.c).order_by(Outbox.c.id)).all()
    named = tags(connection, config, {row.ticket_id for row in rows if row.ticket_id})
    return [_outbox_row(row, named.get(row.ticket_id)) for row in rows]


def mail(connection: Connection, config: Config, id_: int) -> dict[str, Any]:
    """A mail of the outbox by its id. Raises NotFound."""
    row = connection.execute(select(*Outbox.c).where(Outbox.c.id == id_)).first()
    if row is None:
        raise NotFound(f"the outbox has no mail {id_}")
    return _outbox_row(row, tags(connection, config, {row.ticket_id} if row.ticket_id else set()).get(row.ticket_id))


def explain(store: Store, config: Config, journal_id: int) -> dict[str, Any]:
    """Why a journalled message became what it became: its row, the rule, each signal. Raises NotFound."""
    with store.read() as connection:
        outcome = connection.execute(select(*Outcome.c).where(Outcome.c.journal_id == journal_id)).first()
        named = tags(connection, config, {outcome.ticket_id} if outcome and outcome.ticket_id else set())
    with store.read_journal() as connection:
        row = connection.execute(_journal_rows().where(Journal.c.id == journal_id)).first()
    if row is None:
        raise NotFound(f"the journal has no row {journal_id}")
    told = _journal_row(row, outcome, named)
    return told | {"signals": outcome.signals if outcome else []}


def deliveries(connection: Connection, ticket_id: int) -> list[dict[str, Any]]:
    """Every mail about a ticket with its state, newest last; for staff."""
    query = select(*Outbox.c).where(Outbox.c.ticket_id == ticket_id).order_by(Outbox.c.id)
    return [_outbox_row(row, None) for row in connection.execute(query)]


def _journal_rows() -> Select[Any]:
    return select(
        Journal.c.id, Journal.c.desk, Journal.c.recipients, Received.c.door, Received.c.at, Received.c.sender,
        Received.c.size, Received.c.sha256,
    ).join(Received, Received.c.id == Journal.c.received_id)  # fmt: skip


def _journal_row(row: Any, outcome: Any, named: dict[int, str]) -> dict[str, Any]:
    return {
        "id": row.id, "door": row.door, "at": iso(row.at), "sender": row.sender, "recipients": row.recipients,
        "size": row.size, "sha256": row.sha256, "outcome": outcome.outcome if outcome else None,
        "rule": outcome.rule if outcome else None,
        "reason": outcome.reason if outcome else None,
        "ticket": named.get(outcome.ticket_id) if outcome else None,
        "message_id": outcome.message_id if outcome else None, "desk": row.desk,
    }  # fmt: skip


def _outbox_row(row: Any, tag: str | None) -> dict[str, Any]:
    return {
        "id": row.id, "event": row.event_id, "ticket": tag or row.facts.get("tag") or None, "recipient": row.recipient,
        "template": row.template, "state": row.state, "attempts": row.attempts, "next_at": iso(row.next_at),
        "message_id": row.header_id,
        "created": iso(row.created), "reply": row.reply,
    }  # fmt: skip
