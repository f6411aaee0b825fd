"""Links to upload what was refused: what one is good for now, and that it is used once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select

from store import people, views
from store.config import Config
from store.errors import BadInput, NotFound
from store.file_links import FileLink
from store.rows import write_event
from store.rules.desk import Desk
from store.rules.people import PersonFacts, relation
from store.schema import Consulted, Event

Over = Literal["expired", "used", "closed"]


@dataclass(frozen=True, slots=True)
class Upload:
    """A ticket that files may be put on by somebody's link. `over`: why they may not any more; `refused`: their names."""

    person: PersonFacts
    ticket: Any
    desk: Desk
    refused: tuple[str, ...]
    over: Over | None


def find_upload(connection: Connection, config: Config, link: FileLink, now: datetime) -> Upload:
    """What a link to upload is good for. Raises NotFound for somebody who is inactive or has no part in the ticket."""
    person, ticket, desk = _bearer(connection, config, link)
    part = relation(person, views.facts(connection, ticket), desk)
    if part in ("none", "staff"):
        raise NotFound("there is no such link")
    over: Over | None = None
    if _is_used(connection, (ticket.id, link.ticket), link.about, person.id):
        over = "used"
    elif link.is_over(now):
        over = "expired"
    elif ticket.state == "closed":
        over = "closed"
    return Upload(person, ticket, desk, _refused(connection, link.about), over)


def find_file(connection: Connection, config: Config, link: FileLink) -> Any:
    """The attachment row of a link to fetch it. Raises NotFound for who may not have it any more."""
    person, ticket, desk = _bearer(connection, config, link)
    row = views.attachment(connection, link.about)
    if row.ticket_id != ticket.id:  # its message has gone to another ticket since
        raise NotFound("there is no such file")
    part = relation(person, views.facts(connection, ticket), desk)
    asked = select(Consulted.c.id).where(Consulted.c.ticket_id == ticket.id, Consulted.c.person_id == person.id)
    if part == "none" and connection.execute(asked).first() is not None:
        return row  # somebody outside, who was sent this very file
    if part == "none" or (part != "staff" and (row.note or row.side == "system")):
        raise NotFound("there is no such file")
    return row


def use_up(
    connection: Connection, ticket: int, event: int, person: int, message: int, now: datetime
) -> None:  # fmt: skip
    """Writes down that the link of an event was used, under the lock of the ticket. Raises BadInput when it was before."""
    if _is_used(connection, (ticket,), event, person):
        raise BadInput("this link was used already")
    write_event(connection, ticket, "uploaded", person, now, message_id=message, new=str(event))


def _bearer(connection: Connection, config: Config, link: FileLink) -> tuple[PersonFacts, Any, Desk]:
    person = next(iter(people.facts(connection, [link.person])), None)
    ticket, desk = views.follow_merge(connection, config, views.ticket_row(connection, link.ticket))
    if person is None or not person.active:
        raise NotFound("there is no such link")
    return person, ticket, desk


def _is_used(connection: Connection, tickets: tuple[int, ...], event: int, person: int) -> bool:
    used = (
        Event.c.ticket_id.in_(tickets),
        Event.c.kind == "uploaded",
        Event.c.new == str(event),
        Event.c.actor_id == person,
    )
    return connection.execute(select(Event.c.id).where(*used).limit(1)).first() is not None


def _refused(connection: Connection, event: int) -> tuple[str, ...]:
    message = select(Event.c.message_id).where(Event.c.id == event).scalar_subquery()
    words = select(Event.c.new).where(Event.c.message_id == message, Event.c.kind == "attachment_refused")
    return tuple(str(one) for one in connection.execute(words.order_by(Event.c.id)).scalars())
