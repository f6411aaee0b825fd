"""What deciding about a mail costs: three questions to the store and the rules, beside few and beside many messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, insert

from benchmarks.house import installation
from benchmarks.measure import Figure, compare, cpu_of
from gateway.decide import decide
from gateway.lookup import look_up
from gateway.parse import Parsed, parse
from gateway.parse.authentication import Proof
from store.config import Config
from store.database import Store
from store.journal import JournalRow
from store.rules.tokens import Token, sign
from store.schema import Cited, Event, Message, Outbox, Outcome, Person, Ticket

FEW, MANY = 10_000, 1_000_000
_A_TICKET = 5  # messages
_PEOPLE = 1_000
_TIMES = 200
_PORTION = 20_000
_BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class House:
    """A desk with messages, and a reply to one in their midst."""

    config: Config
    store: Store
    row: JournalRow
    parsed: Parsed
    now: datetime


def measure() -> Figure:
    """CPU of a decision at a million messages against one at ten thousand."""
    with house(MANY) as large, house(FEW) as small:
        return compare(
            "deciding, a million messages", "<= 1.3", "ms CPU", lambda: _cost(large),
            "deciding, ten thousand messages (ms CPU)", lambda: _cost(small),
        )  # fmt: skip


def measure_store() -> Figure:
    """CPU of a decision against what of it is the database's own: its three statements, run by sqlite3 and nothing else."""
    with house(FEW) as small, small.store.read() as connection:
        driver: Any = connection.connection.dbapi_connection
        asked: list[str] = []
        driver.set_trace_callback(asked.append)
        _decide(small, connection)
        driver.set_trace_callback(None)
        return compare(
            "deciding about a mail", "<= 0.3 ms", "ms CPU", lambda: cpu_of(lambda: _decide(small, connection), _TIMES),
            "its three statements on sqlite3 alone (ms CPU)",
            lambda: cpu_of(lambda: [driver.execute(one).fetchall() for one in asked], _TIMES),
        )  # fmt: skip


def measure_rules() -> Figure:
    """CPU of the rules alone against reading the mail."""
    with house(FEW) as small:
        with small.store.read() as connection:
            facts = look_up(connection, small.config, small.row, small.parsed, small.now, Proof())
        return compare(
            "the rules alone", "<= 0.3 ms", "ms CPU", lambda: cpu_of(lambda: decide(small.parsed, facts), _TIMES),
            "reading the mail (ms CPU)", lambda: cpu_of(lambda: parse(small.row.raw), 20),
        )  # fmt: skip


@contextmanager
def house(messages: int) -> Iterator[House]:
    """A hosting desk whose tables hold so many messages, with their tickets, events, mails and outcomes."""
    with installation() as (config, store):
        with store.write() as connection:
            fill(connection, messages)
            if store.sqlite:
                connection.exec_driver_sql("ANALYZE")
        ticket = messages // _A_TICKET // 2
        token = sign(Token("reply", ticket, 1 + (ticket - 1) % _PEOPLE), config.secret)
        raw = _reply(ticket, token)
        row = JournalRow(
            messages + 1, "hosting", (f"support+{token}@desk.test",), "smtp", _BEGIN, "p@cust.test", len(raw), "0" * 64, raw
        )  # fmt: skip
        yield House(config, store, row, parse(raw), _BEGIN + timedelta(days=300))


def fill(connection: Connection, messages: int) -> None:
    """Writes the rows; every person has as many tickets as the next."""
    tickets = messages // _A_TICKET
    _insert(connection, Person, (
        {"email": f"p{n}@cust.test", "confirmed": True, "name": "", "status": "active", "language": "", "timezone": "", "created": _BEGIN}
        for n in range(_PEOPLE)
    ))  # fmt: skip
    _insert(connection, Ticket, (
        {
            "desk": "hosting", "number": 1000 + n, "subject": f"Printer {n}", "requester_id": 1 + n % _PEOPLE, "department": "Support",
            "priority": "medium", "origin": "mail:support@desk.test", "state": "waiting_customer", "last_reply_by": "support",
            "taken": True, "flags": [], "fields": {}, "created": _at(n, tickets), "updated": _at(n, tickets),
        }
        for n in range(tickets)
    ))  # fmt: skip
    _insert(connection, Message, (
        {
            "ticket_id": 1 + n // _A_TICKET, "side": "customer", "note": False, "from_address": "", "from_name": "", "text": "It broke.",
            "hidden": "", "channel": "mail", "message_id": f"m{n}@cust.test", "journal_id": 1 + n, "at": _at(n, messages),
        }
        for n in range(messages)
    ))  # fmt: skip
    _insert(
        connection,
        Event,
        ({"ticket_id": 1 + n // _A_TICKET, "kind": "reply", "at": _at(n, messages)} for n in range(messages)),
    )
    _insert(connection, Outcome, (
        {
            "journal_id": 1 + n, "desk": "hosting", "attempts": 1, "outcome": "reply", "rule": "reply", "reason": "", "signals": [],
            "ticket_id": 1 + n // _A_TICKET, "message_id": f"m{n}@cust.test", "content_hash": f"{n:064x}", "at": _at(n, messages),
        }
        for n in range(messages)
    ))  # fmt: skip
    _insert(connection, Outbox, (
        {
            "event_id": 1 + n, "ticket_id": 1 + n // _A_TICKET, "person_id": 1 + n // _A_TICKET % _PEOPLE, "recipient": "p@cust.test",
            "template": "confirmation", "state": "accepted", "attempts": 1, "next_at": _BEGIN, "claimed_by": "", "reply": "",
            "header_id": f"h{n}@desk.test", "facts": {}, "correspondent": f"p{n // _A_TICKET % _PEOPLE}@cust.test",
            "created": _at(n, messages),
        }
        for n in range(messages)
    ))  # fmt: skip
    _insert(connection, Cited, (
        {"desk": "hosting", "message_id": f"root{n}@cust.test", "ticket_id": 1 + n} for n in range(tickets)
    ))  # fmt: skip


def _insert(connection: Connection, table: Table, rows: Iterator[dict[str, object]]) -> None:
    while portion := list(islice(rows, _PORTION)):
        connection.execute(insert(table), portion)


def _at(number: int, of: int) -> datetime:
    return _BEGIN + timedelta(seconds=number * 86_400 * 290 // of)


def _reply(ticket: int, token: str) -> bytes:
    last = ticket * _A_TICKET
    return (
        f"From: Pat <p{(ticket - 1) % _PEOPLE}@cust.test>\r\nTo: support+{token}@desk.test\r\n"
        f"Subject: Re: [HO#{999 + ticket}] Printer\r\nMessage-ID: <answer@cust.test>\r\n"
        f"In-Reply-To: <m{last - 1}@cust.test>\r\n"
        f"References: <root{ticket - 1}@cust.test> <m{last - 2}@cust.test> <m{last - 1}@cust.test>\r\n"
        "Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n\r\nStill broken.\r\n\r\nOn Monday Gina wrote:\r\n> Please restart it.\r\n"
    ).encode()


def _cost(place: House) -> float:
    with place.store.read() as connection:
        _decide(place, connection)
        return cpu_of(lambda: _decide(place, connection), _TIMES)


def _decide(place: House, connection: Connection) -> None:
    decide(place.parsed, look_up(connection, place.config, place.row, place.parsed, place.now, Proof()))
