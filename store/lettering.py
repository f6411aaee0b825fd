"""From claimed rows to letters, and why a row may be none any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from store import renewal_checks
from store.belonging import belongs
from store.gathering import gather_anew
from store.letters import Letter, LetterFile
from store.rules.fanout import ANSWERS
from store.schema import Attachment, Message, Outbox, Person, Undeliverable

_STATUSES = select(Person.c.id, Person.c.status).where(Person.c.id.in_(bindparam("people", expanding=True)))
_ABOUT: Any = bindparam("messages", expanding=True)
_BARRED = select(Undeliverable.c.address, Undeliverable.c.why).where(
    Undeliverable.c.address.in_(bindparam("to", expanding=True)), Undeliverable.c.suppressed.is_not(None)
)
_TEXTS = select(Message.c.id, Message.c.text).where(Message.c.id.in_(_ABOUT))
_FILES = (
    select(
        Attachment.c.message_id, Attachment.c.filename, Attachment.c.content_type, Attachment.c.size, Attachment.c.sha256,
        Attachment.c.inline, Attachment.c.content_id, Attachment.c.id,
    )
    .where(Attachment.c.message_id.in_(_ABOUT), Attachment.c.verdict == "accepted")
    .order_by(Attachment.c.id)
)  # fmt: skip


def no_longer(connection: Connection, rows: Sequence[Any]) -> dict[int, str]:
    """Which mails may not go out any more, and why, by the ids of their rows; checked at the last moment (DV-76, threats 85)."""
    people = connection.execute(_STATUSES, {"people": {row.person_id for row in rows}})
    statuses = {person.id: person.status for person in people}
    reasons = ((row.id, _reason(connection, row, statuses.get(row.person_id))) for row in rows)
    return {id_: why for id_, why in reasons if why}


def _reason(connection: Connection, row: Any, status: str | None) -> str | None:
    if status != "active":
        return f"recipient {status}"
    if row.template in renewal_checks.TEMPLATES:
        return _without_devices(connection, row)
    if row.template in ANSWERS or row.template == "safety_alert":
        return None  # to whoever wrote to us, or to people the desk file names
    if row.template == "digest":
        lost = gather_anew(connection, row.event_id, row.person_id)
    else:
        lost = not belongs(
            connection, row.person_id, row.facts.get("role", ""), row.facts.get("desk", ""), row.ticket_id
        )
    return "recipient no longer on the ticket" if lost else None


def _without_devices(connection: Connection, row: Any) -> str | None:
    """Leaves out of a mail about renewals what its reader need not hear any more; why nothing is left.

    A mail that may have gone out before its worker died stays as it is: its copies are equal (design 5).
    """
    if row.attempts > 1 and not row.reply:
        return None
    kept = renewal_checks.still(connection, row)
    if len(kept) < len(row.facts["devices"]):
        row.facts["devices"] = kept  # of the row at hand as well
        connection.execute(update(Outbox).where(Outbox.c.id == row.id).values(facts=row.facts))
    return None if kept else "nothing in it holds any more: decided meanwhile, or not its reader's"


def write_letters(connection: Connection, rows: Sequence[Any]) -> list[Letter]:
    """The letters of claimed rows, in their order."""
    barred = {address: why for address, why in connection.execute(_BARRED, {"to": {row.recipient for row in rows}})}
    about = {row.message_id for row in rows if row.message_id is not None}
    texts: dict[int, str] = {}
    files: dict[int, list[LetterFile]] = defaultdict(list)
    if about:
        texts = {id_: text for id_, text in connection.execute(_TEXTS, {"messages": about})}
        for message, *values in connection.execute(_FILES, {"messages": about}):
            files[message].append(LetterFile(*values))
    return [
        Letter(
            row.id, row.event_id, row.ticket_id, row.person_id, row.recipient, row.template, row.header_id, row.created,
            row.attempts, row.reply, row.facts, texts.get(row.message_id, ""), tuple(files[row.message_id]),
            barred.get(row.recipient, ""),
        )
        for row in rows
    ]  # fmt: skip
