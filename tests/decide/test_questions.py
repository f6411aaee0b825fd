"""What a mail costs the store before it is decided: three questions, each answered by indexes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, column, select, table
from sqlalchemy.exc import DBAPIError

from gateway.lookup import look_up
from gateway.parse import parse
from gateway.parse.authentication import Proof
from store import journal
from store.clock import now
from store.database import Store
from store.questions import Question, among
from store.schema import MAIN, Person
from tests.harness import Gateway, mail

SUPPORT = "support@hosting.desk.test"
Asked = list[tuple[str, Any]]


@contextmanager
def questions(store: Store) -> Iterator[Asked]:
    """The statements that run meanwhile, with their values."""
    seen: Asked = []
    dialect: Any = type(store.main.dialect)

    with pytest.MonkeyPatch.context() as patch:
        execute = dialect.do_execute

        def note(self: Any, cursor: Any, statement: str, values: Any, *context: Any) -> None:
            if not statement.startswith(("BEGIN", "PRAGMA")):
                seen.append((statement, values))
            execute(self, cursor, statement, values, *context)

        patch.setattr(dialect, "do_execute", note)
        yield seen


@pytest.fixture
def asked(any_gateway: Gateway) -> Asked:
    """What is asked about an answer that carries every kind of evidence."""
    gateway = any_gateway
    first = mail(References="<root@cust.test>", In_Reply_To="<root@cust.test>", Cc="carl@third.test")
    gateway.receive(first, SUPPORT)
    gateway.support_replies("HO#1001")
    sent = next(row for row in gateway.outbox() if row["template"] == "staff_reply")
    to = gateway.reply_address("HO#1001", "anna@cust.test", SUPPORT)
    ids = f"<root@cust.test> {first['Message-ID']} <{sent['message_id']}>"
    gateway.receive(mail("again", subject="Re: [HO#1001] x", In_Reply_To=f"<{sent['message_id']}>", References=ids), to)
    row = journal.row(gateway.store, 2)
    with questions(gateway.store) as seen, gateway.store.read() as connection:
        facts = look_up(connection, gateway.config, row, parse(row.raw), now(), Proof())
    assert len({one.kind for one in facts.evidence}) == 5
    return seen


def test_a_mail_costs_three_questions(asked: Asked) -> None:
    assert len(asked) == 3


def test_no_question_reads_a_table_from_end_to_end(asked: Asked, any_gateway: Gateway) -> None:
    tables = {table.name for table in MAIN} | {"merged", "once", "asked", "further", "same"}
    with any_gateway.store.read() as connection:
        for statement, values in asked:
            if any_gateway.store.sqlite:
                plan = [row[3] for row in explained(connection, "EXPLAIN QUERY PLAN", statement, values)]
                scans = [step for step in plan if step.startswith("SCAN") and step.split()[1] in tables]
            else:
                connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # of a few rows it would read all
                plan = [row[0] for row in explained(connection, "EXPLAIN", statement, values)]
                scans = [step for step in plan if "Seq Scan on" in step]
            assert not scans, (scans, plan)


def explained(connection: Connection, how: str, statement: str, values: Any) -> list[Any]:
    return connection.connection.cursor().execute(f"{how} {statement}", values).fetchall()


# --- what is run by the driver is asked as Core would ask it

PEOPLE = select(Person.c.id, Person.c.email, Person.c.confirmed, Person.c.created).where(
    among(Person.c.email, "emails")
)


@pytest.mark.parametrize("emails", [[], ["gina@desk.test"], ["gina@desk.test", "anna@cust.test", "nobody@cust.test"]])
def test_the_driver_gives_what_core_gives(any_gateway: Gateway, emails: list[str]) -> None:
    with any_gateway.store.read() as connection:
        asked = Question(PEOPLE.order_by(Person.c.id)).ask(connection, {"emails": emails})
        core = connection.execute(PEOPLE.order_by(Person.c.id), {"emails": emails}).all()
    assert [tuple(row) for row in asked] == [tuple(row) for row in core]
    assert [type(value) for row in asked for value in row] == [type(value) for row in core for value in row]


def test_one_text_serves_lists_of_any_length(any_gateway: Gateway) -> None:
    question = Question(PEOPLE)
    with questions(any_gateway.store) as seen, any_gateway.store.read() as connection:
        for emails in ([], ["a@cust.test"], ["a@cust.test", "b@cust.test"]):
            question.ask(connection, {"emails": emails})
    assert len(seen) == 3
    assert len({statement for statement, _values in seen}) == 1


def test_an_error_of_the_driver_is_the_error_core_would_raise(any_gateway: Gateway) -> None:
    lost = select(table("lost", column("id")))
    with pytest.raises(DBAPIError) as core, any_gateway.store.read() as connection:
        connection.execute(lost)
    with pytest.raises(type(core.value)) as ours, any_gateway.store.read() as connection:
        Question(lost).ask(connection, {})
    assert str(ours.value.orig) == str(core.value.orig)
