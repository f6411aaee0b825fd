"""What a form would ask is read from mail, and asked for where it lacks (EQ-22, EQ-23, A-28)."""

from __future__ import annotations

import pytest

from tests.harness import Gateway, mail
from tests.routing.post import Post

EQ = "support@equipment.desk.test"


def write(gateway: Gateway, text: str, sender: str = "Tom <tom@cust.test>") -> None:
    gateway.receive(mail(text, sender=sender, to=EQ), EQ)


def test_fields_named_in_a_mail_are_those_of_the_ticket(gateway: Gateway, post: Post) -> None:
    write(gateway, "Model: X200\nSerial: S1\nError code: E42\n\nIt stops.")
    ticket = gateway.ticket("EQ#1001")
    assert ticket["fields"] == {"model": "X200", "serial": "S1", "error_code": "E42"}
    assert (ticket["label"], ticket["state"]) == ("Open", "new")
    assert ("tom@cust.test", "missing_info") not in post.told()


@pytest.mark.parametrize(
    ("text", "lines"),
    [("It stops.", "Model:\nSerial:\n"), ("Model: X200\n\nIt stops.", "Serial:\n"), ("Serial: S1\n\nIt stops.", "Model:\n")],
)  # fmt: skip
def test_what_lacks_is_asked_for_by_name_and_the_ticket_waits(
    gateway: Gateway, post: Post, text: str, lines: str
) -> None:
    write(gateway, text)
    ticket = gateway.ticket("EQ#1001")
    assert (ticket["state"], ticket["label"], ticket["last_reply_by"]) == ("waiting_customer", "Awaiting Info", "none")
    assert post.told() == [("ines@crew.test", "staff_notice"), ("tom@cust.test", "missing_info")]
    asked = post.last("tom@cust.test", "missing_info")
    assert f"\n\n{lines}\n" in asked.text and "EQ#1001" in asked.text and "Awaiting Info" in asked.text
    assert "answer on the portal" in asked.text


def test_an_answer_with_the_lines_fills_them_in_and_the_ticket_goes_on(gateway: Gateway, post: Post) -> None:
    write(gateway, "Model: X200\n\nIt stops.")
    row = post.answer(post.last("tom@cust.test", "missing_info"), "Serial: S1")
    ticket = gateway.ticket("EQ#1001")
    assert (row["outcome"], ticket["fields"]) == ("reply", {"model": "X200", "serial": "S1"})
    assert (ticket["state"], ticket["label"], ticket["last_reply_by"]) == ("waiting_support", "Open", "customer")
    assert [(e["kind"], e["new"]) for e in ticket["events"] if e["kind"].startswith("field")] == [
        ("field_serial", "S1")
    ]


def test_the_lines_of_our_own_question_fill_nothing_in(gateway: Gateway, post: Post) -> None:
    """Quoted below the answer, as most programs do, with or without a mark."""
    write(gateway, "It stops.")
    post.answer(post.last("tom@cust.test", "missing_info"), "I do not know, where does it stand?")
    assert gateway.ticket("EQ#1001")["fields"] == {}


def test_mail_that_answers_and_mail_of_desks_that_ask_for_nothing_is_not_asked(gateway: Gateway, post: Post) -> None:
    gateway.receive(mail("Hello", sender="anna@cust.test", to="support@hosting.desk.test"), "support@hosting.desk.test")
    assert post.told() == [("anna@cust.test", "confirmation"), ("vera@crew.test", "staff_notice")]


def test_staff_write_to_their_own_desk_without_a_form(gateway: Gateway, post: Post) -> None:
    write(gateway, "A customer called.", sender="Ines <ines@crew.test>")
    assert gateway.ticket("EQ#1001")["state"] == "new"
