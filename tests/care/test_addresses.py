"""Several addresses of one person: `also` in the file that is loaded."""

from __future__ import annotations

from typing import Any

import pytest

from store import people
from store.commands import AskOutsider, Author, ChangeCc, NewMessage
from store.errors import BadInput
from tests import one_row
from tests.care.helpers import GINA, box, later, opened, snapshot, told_since, written
from tests.harness import Gateway, mail

ANNA = {"email": "anna@cust.test", "name": "Anna", "organization": "acme", "also": ["Anna@Home.test"]}


def test_mail_from_a_further_address_is_the_persons(any_gateway: Gateway) -> None:
    for _ in range(2):
        any_gateway.load(people=[ANNA])
    tag = opened(any_gateway, "anna@home.test")
    ticket = any_gateway.ticket(tag)
    assert (ticket["requester"], ticket["organization"]) == ("anna@cust.test", "acme")
    assert any_gateway.told()[0] == ("anna@cust.test", "confirmation")
    address = any_gateway.reply_address(tag, "anna@cust.test", box(any_gateway))
    row = any_gateway.receive(mail("From home", sender="anna@home.test", subject="no number"), address)
    assert (row["outcome"], row["ticket"]) == ("reply", tag)
    assert any_gateway.ticket(tag)["messages"][-1]["from"] == "anna@home.test"
    before = len(any_gateway.told())
    any_gateway.support_replies(tag)
    assert told_since(any_gateway, before) == [("anna@cust.test", "staff_reply")]


def test_what_a_guest_wrote_before_is_the_persons_then(any_gateway: Gateway) -> None:
    guest = opened(any_gateway, "anna@home.test", subject="As a guest")
    other = opened(any_gateway, "boss@cust.test", subject="Other")
    both = opened(any_gateway, "anna@cust.test", subject="Both", Cc="anna@home.test")
    any_gateway.apply(ChangeCc(any_gateway.id_of(other), GINA, (Author("anna@home.test"), Author("anna@cust.test"))))
    asked = opened(any_gateway, "eve@third.test", subject="Asked")
    any_gateway.apply(AskOutsider(any_gateway.id_of(asked), NewMessage(GINA, "Do you know?"), Author("anna@home.test")))
    token = any_gateway.reply_address(guest, "anna@home.test", box(any_gateway))
    any_gateway.load(people=[ANNA])
    assert any_gateway.ticket(guest)["requester"] == "anna@cust.test"
    assert any_gateway.ticket(other)["cc"] == ["anna@cust.test"]
    assert any_gateway.ticket(both)["cc"] == []
    assert any_gateway.ticket(guest)["events"][0]["actor"] == "anna@cust.test"
    row = any_gateway.receive(mail("Old address", sender="anna@home.test", subject="x"), token)
    assert (row["outcome"], row["ticket"]) == ("reply", guest)
    row = any_gateway.receive(mail("New sender", sender="anna@cust.test", subject="x"), token)
    assert (row["outcome"], row["ticket"]) == ("reply", guest)
    answer = any_gateway.reply_address(asked, "anna@cust.test", box(any_gateway))
    assert any_gateway.receive(mail("I do", sender="anna@home.test", subject="x"), answer)["ticket"] == asked
    assert any_gateway.ticket(asked)["messages"][-1]["note"] is True
    before = len(any_gateway.told())
    any_gateway.support_replies(guest)
    assert told_since(any_gateway, before) == [("anna@cust.test", "staff_reply")]
    once = snapshot(any_gateway)
    any_gateway.load(people=[ANNA])
    assert snapshot(any_gateway) == once


def test_what_waited_to_go_out_to_the_guest_still_goes_out(any_gateway: Gateway) -> None:
    tag = opened(any_gateway, "boss@cust.test", Cc="anna@home.test")
    any_gateway.support_replies(tag)
    any_gateway.load(people=[ANNA])
    row = next(row for row in any_gateway.outbox() if row["template"] == "cc_copy")
    letter = one_row.claim(any_gateway.store, row["id"], "test", later(minutes=1))
    assert letter is not None
    assert letter.person_id == any_gateway.person("anna@cust.test")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"email": "anna@cust.test", "also": ["gina@desk.test"]}], r"people\[0\].also\[0\]: gina@desk.test belongs to somebody on the staff"),
        ([{"email": "boss@cust.test", "password": "secret words"}, {"email": "anna@cust.test", "also": ["a@home.test", "boss@cust.test"]}], r"people\[1\].also\[1\]: .* with a password"),
        ([{"email": "anna@cust.test", "also": ["support@desk.test"]}], "is a mailbox of a desk"),
        ([{"email": "anna@cust.test", "also": ["nonsense"]}], r"people\[0\].also\[0\]: expected an address"),
        ([{"email": "anna@cust.test", "also": ["anna@cust.test"]}], "is the main address"),
        ([{"email": "anna@cust.test", "also": ["a@home.test"]}, {"email": "boss@cust.test", "also": ["a@home.test"]}], r"people\[1\].also\[0\]: a@home.test is a further address of anna@cust.test"),
        ([{"email": "anna@cust.test", "also": ["a@home.test"]}, {"email": "boss@cust.test", "also": ["anna@cust.test"]}], "has further addresses of its own"),
        ([{"email": "anna@cust.test", "also": ["a@home.test"]}, {"email": "a@home.test", "also": ["b@home.test"]}], r"people\[1\].email: a@home.test is a further address of anna@cust.test"),
    ],
)  # fmt: skip
def test_nobody_becomes_a_further_address_who_is_somebody(gateway: Gateway, rows: list[Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        gateway.load(people=rows)
    with gateway.store.read() as connection:
        assert people.find(connection, "a@home.test") is None
        boss = people.find(connection, "boss@cust.test")
    assert boss is not None and boss.email == "boss@cust.test"


def test_a_copy_to_a_further_address_puts_the_person_on_the_ticket(gateway: Gateway) -> None:
    gateway.load(people=[ANNA])
    tag = opened(gateway, "boss@cust.test", Cc="anna@home.test")
    assert gateway.ticket(tag)["cc"] == ["anna@cust.test"]
    written(gateway, tag, "Thanks", "anna@home.test")
    assert gateway.ticket(tag)["cc"] == ["anna@cust.test"]
