"""What the tests of staff care say in few words. All at the hosting desk of `any_gateway` or `gateway`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from store.apply import apply
from store.clock import now
from store.commands import Author, Command, CustomerReply, NewMessage
from store.schema import Cc, Consulted, Event, Link, Message, Ticket
from tests.harness import Gateway, mail

GINA, BILLY = Author("gina@desk.test", "Gina"), Author("billy@desk.test", "Billy")


def box(gateway: Gateway, desk: str = "hosting") -> str:
    """The main mailbox of a desk."""
    return gateway.config.desks[desk].main.address


def opened(gateway: Gateway, sender: str = "Anna <anna@cust.test>", desk: str = "hosting", **headers: Any) -> str:
    """The tag of a ticket that a mail opens."""
    tag = gateway.receive(mail(sender=sender, to=box(gateway, desk), **headers), box(gateway, desk))["ticket"]
    assert tag
    return str(tag)


def written(gateway: Gateway, tag: str, text: str = "More", author: str = "anna@cust.test") -> None:
    """The customer's side writes on a ticket."""
    gateway.apply(CustomerReply(gateway.id_of(tag), NewMessage(Author(author), text)))


def told_since(gateway: Gateway, count: int) -> list[tuple[str, str]]:
    """Who was promised which mail after the first `count`."""
    return gateway.told()[count:]


def kinds(gateway: Gateway, tag: str) -> list[str]:
    return [event["kind"] for event in gateway.ticket(tag)["events"]]


def texts(gateway: Gateway, tag: str) -> list[str]:
    return [message["text"].strip() for message in gateway.ticket(tag)["messages"]]


def at(gateway: Gateway, command: Command, when: datetime) -> None:
    with gateway.store.write() as connection:
        apply(connection, gateway.config, command, when)


def later(**delta: int) -> datetime:
    return now() + timedelta(**delta)


def snapshot(gateway: Gateway) -> dict[str, list[tuple[Any, ...]]]:
    """Every ticket, message place, CC person and consulted person: what undoing must bring back."""
    columns = {
        "ticket": (
            Ticket.c.id, Ticket.c.number, Ticket.c.desk, Ticket.c.requester_id, Ticket.c.assignee_id, Ticket.c.department,
            Ticket.c.priority, Ticket.c.state, Ticket.c.last_reply_by, Ticket.c.taken, Ticket.c.flags, Ticket.c.merged_into,
            Ticket.c.closed_at,
        ),
        "message": (Message.c.id, Message.c.ticket_id),
        "cc": (Cc.c.ticket_id, Cc.c.person_id, Cc.c.via, Cc.c.added_by),
        "consulted": (Consulted.c.ticket_id, Consulted.c.person_id),
        "link": (Link.c.ticket_id, Link.c.other_id, Link.c.kind),
    }  # fmt: skip
    with gateway.store.read() as connection:
        return {
            name: sorted(tuple(map(str, row)) for row in connection.execute(select(*some)))
            for name, some in columns.items()
        }


def row_of(gateway: Gateway, id_: int) -> Any:
    with gateway.store.read() as connection:
        return connection.execute(select(*Ticket.c).where(Ticket.c.id == id_)).one()


def make_older(gateway: Gateway, minutes: int) -> None:
    """All that has happened happened earlier."""
    with gateway.store.write() as connection:
        for row in connection.execute(select(Event.c.id, Event.c.at)).all():
            moved = row.at - timedelta(minutes=minutes)
            connection.execute(update(Event).where(Event.c.id == row.id).values(at=moved))
