"""The order of the staff queue: the rule, and that both databases sort by the very same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import insert

from store import people, views
from store.rules.desk import Desk, Mailbox
from store.rules.queue import Queued, origin_ranks, queue_key
from store.schema import Ticket
from tests.harness import Gateway

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DESK = Desk(
    name="equipment", key="EQ", title="Equipment",
    mailboxes=(
        Mailbox(address="support@desk.test"), Mailbox(address="safety@desk.test", priority="urgent"),
        Mailbox(address="login@desk.test", priority="high"), Mailbox(address="sales@desk.test", priority="low"),
    ),
)  # fmt: skip
GENERAL, SALES, SAFETY, LOGIN = (f"mail:{name}@desk.test" for name in ("support", "sales", "safety", "login"))


def order(*tickets: tuple[str, str, str, int]) -> list[int]:
    """The places of tickets in the queue; each is its state, priority, origin and age in days."""
    origins = origin_ranks([DESK])
    made = [
        Queued(at, state, priority, origin, AT - timedelta(days=age), AT - timedelta(days=age))
        for at, (state, priority, origin, age) in enumerate(tickets)
    ]
    return [ticket.id for ticket in sorted(made, key=lambda ticket: queue_key(ticket, origins))]


def test_priority_comes_before_everything_else() -> None:
    priorities = ("low", "urgent", "medium", "high")
    assert order(*(("new", priority, GENERAL, 3 - at) for at, priority in enumerate(priorities))) == [1, 3, 2, 0]


@pytest.mark.parametrize("urgent", [SAFETY, LOGIN])
@pytest.mark.parametrize("form", ["portal", "api", "cli"])
@pytest.mark.parametrize("general", [GENERAL, SALES, "load", "mail:gone@desk.test", ""])
def test_at_equal_priority_urgent_mailboxes_come_before_forms_and_those_before_general_mail(
    urgent: str, form: str, general: str
) -> None:
    for priority in ("low", "medium", "high", "urgent"):
        oldest_last = [("new", priority, origin, age) for age, origin in ((3, general), (2, form), (1, urgent))]
        assert order(*oldest_last) == [2, 1, 0]


def test_at_equal_rank_the_oldest_comes_first_whatever_its_state() -> None:
    states = ("waiting_customer", "new", "in_progress", "waiting_support")
    assert order(*((state, "high", "portal", age) for age, state in enumerate(states))) == [3, 2, 1, 0]


def test_closed_tickets_come_last_the_latest_first() -> None:
    closed = [("closed", priority, SAFETY, age) for priority, age in (("low", 2), ("urgent", 3), ("medium", 1))]
    assert order(*closed, ("new", "low", GENERAL, 0)) == [3, 2, 0, 1]


def test_the_databases_sort_by_the_rule(any_gateway: Gateway) -> None:
    chance = Random(11)
    desks = any_gateway.config.desks
    mailboxes = [f"mail:{mailbox.address}" for desk in desks.values() for mailbox in desk.mailboxes]
    origins = [*mailboxes, "portal", "api", "cli", "load", "mail:gone@desk.test", "mail:x' OR 1=1"]
    rows = []
    for number in range(400):
        created = AT + timedelta(seconds=chance.randrange(9), microseconds=chance.randrange(3))
        rows.append({
            "desk": chance.choice(sorted(desks)), "number": 5000 + number, "subject": "x", "department": "", "flags": [],
            "priority": chance.choice(("low", "medium", "high", "urgent", "never heard of")),
            "origin": chance.choice(origins), "last_reply_by": "none", "taken": False,
            "state": chance.choice(("new", "in_progress", "waiting_support", "waiting_customer", "closed", "closed")),
            "created": created, "updated": created + timedelta(seconds=chance.randrange(9)),
        })  # fmt: skip
    with any_gateway.store.write() as connection:
        anna = people.ensure(connection, "anna@cust.test", "Anna", AT)
        connection.execute(insert(Ticket), [row | {"requester_id": anna} for row in rows])
    with any_gateway.store.read() as connection:
        stored = connection.execute(Ticket.select()).all()
        found = views.tickets(connection, any_gateway.config, queue=True)
        of_one = views.tickets(connection, any_gateway.config, "equipment", limit=7, queue=True)
    ranks = origin_ranks(desks.values())
    waiting = [Queued(row.id, row.state, row.priority, row.origin, row.created, row.updated) for row in stored]
    by_id = {row.id: (row.desk, row.number) for row in stored}
    wanted = [by_id[ticket.id] for ticket in sorted(waiting, key=lambda ticket: queue_key(ticket, ranks))]
    assert len(wanted) >= 400
    assert [(ticket["desk"], ticket["number"]) for ticket in found] == wanted
    assert [ticket["number"] for ticket in of_one] == [number for desk, number in wanted if desk == "equipment"][:7]
