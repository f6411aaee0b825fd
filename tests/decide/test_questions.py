"""What a mail costs the store before it is decided: three questions, each answered by indexes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from gateway.lookup import look_up
from gateway.parse import parse
from gateway.parse.authentication import Proof
from store import journal
from store.clock import now
from store.database import Store
from store.tables import MAIN
from tests.harness import Gateway, mail


@contextmanager
def questions(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """The statements that run meanwhile, with their values."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append((statement, values))

    event.listen(store.main, "before_cursor_execute", note)
    yield seen
    event.remove(store.main, "before_cursor_execute", note)


@pytest.fixture
def asked(gateway: Gateway) -> list[tuple[str, Any]]:
    """What is asked about an answer that carries every kind of evidence."""
    first = mail(References="<root@cust.test>", In_Reply_To="<root@cust.test>", Cc="carl@third.test")
    gateway.receive(first)
    gateway.support_replies("HO#1001")
    sent = next(row for row in gateway.outbox() if row["template"] == "staff_reply")
    to = gateway.reply_address("HO#1001", "anna@cust.test")
    ids = f"<root@cust.test> {first['Message-ID']} <{sent['message_id']}>"
    gateway.receive(mail("again", subject="Re: [HO#1001] x", In_Reply_To=f"<{sent['message_id']}>", References=ids), to)
    row = journal.row(gateway.store, 2)
    with questions(gateway.store) as seen, gateway.store.read() as connection:
        facts = look_up(connection, gateway.config, row, parse(row.raw), now(), Proof())
    assert len({one.kind for one in facts.evidence}) == 5
    return seen


def test_a_mail_costs_three_questions(asked: list[tuple[str, Any]]) -> None:
    assert len(asked) == 3


def test_no_question_reads_a_table_from_end_to_end(asked: list[tuple[str, Any]], gateway: Gateway) -> None:
    tables = {table.name for table in MAIN} | {"merged", "asked", "further"}
    with gateway.store.read() as connection:
        for statement, values in asked:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            scans = [step for step in plan if step.startswith("SCAN") and step.split()[1] in tables]
            assert not scans, (scans, plan)
