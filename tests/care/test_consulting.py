"""Somebody outside is asked about a ticket: their answer is a note, and they neither see nor touch anything else."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from store import people, views
from store.commands import AskOutsider, AssignTicket, Author, ChangeCc, MergeTicket, NewMessage
from store.errors import BadInput
from store.rules.people import relation
from store.schema import Outbox, Person
from tests.care.helpers import BILLY, GINA, box, opened, texts, told_since
from tests.harness import Gateway, mail

LAB = Author("lab@third.test", "Lab")


def asked(gateway: Gateway, tag: str, text: str = "Is this yours?") -> None:
    gateway.apply(AskOutsider(gateway.id_of(tag), NewMessage(GINA, text), LAB))


def answer(gateway: Gateway, tag: str, text: str = "It is ours", **headers: str) -> dict[str, object]:
    address = gateway.reply_address(tag, "lab@third.test", box(gateway))
    return gateway.receive(mail(text, sender="lab@third.test", subject="Re: x", **headers), address)


def test_the_question_and_its_answer_are_notes_and_the_customer_is_mailed_nothing(any_gateway: Gateway) -> None:
    tag = opened(any_gateway, Cc="carl@third.test")
    before, state = len(any_gateway.told()), any_gateway.ticket(tag)["state"]
    asked(any_gateway, tag)
    assert told_since(any_gateway, before) == [("lab@third.test", "outsider_question")]
    row = answer(any_gateway, tag, Cc="mallory@evil.test")
    assert (row["outcome"], row["ticket"]) == ("reply", tag)
    ticket = any_gateway.ticket(tag)
    assert [(m["text"].strip(), m["note"], m["side"]) for m in ticket["messages"]][1:] == [
        ("Is this yours?", True, "support"), ("It is ours", True, "support"),
    ]  # fmt: skip
    assert (ticket["state"], ticket["cc"]) == (state, ["carl@third.test"])
    assert {template for _, template in told_since(any_gateway, before)} == {"outsider_question", "staff_notice"}
    customers = {"anna@cust.test", "carl@third.test", "mallory@evil.test"}
    assert not customers & {who for who, _ in told_since(any_gateway, before)}
    with any_gateway.store.read() as connection:
        found, _ = views.find_ticket(connection, any_gateway.config, tag)
        public = views.ticket(connection, any_gateway.config, found, public_only=True)
    assert len(public["messages"]) == 1
    assert not {"asked", "note"} & {event["kind"] for event in public["events"]}


def test_the_answer_is_told_to_who_asked_and_whose_the_ticket_is(any_gateway: Gateway) -> None:
    """Not to the whole department; to that again once neither works there."""
    tag = opened(any_gateway)
    any_gateway.load(agents=[{"email": name, "desk": "hosting"} for name in ("ida@desk.test", "otto@desk.test")])

    def told() -> list[str]:
        before = len(any_gateway.told())
        answer(any_gateway, tag, f"It is ours {before}")
        return sorted(who for who, template in told_since(any_gateway, before) if template == "staff_notice")

    asked(any_gateway, tag)
    assert told() == ["gina@desk.test"]
    any_gateway.apply(AssignTicket(any_gateway.id_of(tag), GINA, BILLY))  # of another department
    assert told() == ["billy@desk.test", "gina@desk.test"]
    any_gateway.apply(AskOutsider(any_gateway.id_of(tag), NewMessage(Author("ida@desk.test"), "And this?"), LAB))
    assert told() == ["billy@desk.test", "ida@desk.test"]
    with any_gateway.store.write() as connection:
        gone = Person.c.email.in_(["billy@desk.test", "ida@desk.test"])
        connection.execute(update(Person).where(gone).values(status="inactive"))
    assert told() == ["gina@desk.test", "otto@desk.test"]


def test_the_outsiders_mail_tells_nothing_of_the_customers(any_gateway: Gateway) -> None:
    tag = opened(any_gateway)
    asked(any_gateway, tag)
    with any_gateway.store.read() as connection:
        query = select(*Outbox.c).where(Outbox.c.template == "outsider_question")
        row = connection.execute(query).one()
    assert row.facts["role"] == "outsider"
    assert (row.facts["references"], row.facts["in_reply_to"]) == ([], None)
    assert "anna" not in str(row.facts).lower()


def test_the_outsider_can_neither_write_on_nor_read_anything_else(any_gateway: Gateway) -> None:
    tag, other = opened(any_gateway), opened(any_gateway, subject="Other")
    asked(any_gateway, tag)
    row = any_gateway.receive(mail("Let me in", sender="lab@third.test", subject=f"[{other}]"), box(any_gateway))
    assert row["ticket"] not in (tag, other)
    assert texts(any_gateway, other) == ["Hello"]
    answer(any_gateway, tag, "#close")
    assert any_gateway.ticket(tag)["state"] == "new"
    answer(any_gateway, tag, "#cc mallory@evil.test\n\nPlease")
    assert any_gateway.ticket(tag)["cc"] == []
    with any_gateway.store.read() as connection:
        lab = people.find(connection, "lab@third.test")
        found, desk = views.find_ticket(connection, any_gateway.config, tag)
        assert lab is not None
        assert relation(lab, views.facts(connection, found), desk) == "none"
        listed = views.tickets(connection, any_gateway.config, visible_to=lab)
    assert [one["tag"] for one in listed] == [row["ticket"]]


def test_another_person_at_the_outsiders_address_is_a_stranger(any_gateway: Gateway) -> None:
    tag = opened(any_gateway)
    asked(any_gateway, tag)
    address = any_gateway.reply_address(tag, "lab@third.test", box(any_gateway))
    row = any_gateway.receive(mail("Me", sender="mallory@evil.test", subject="x"), address)
    assert row["outcome"] == "held"
    assert "Me" not in texts(any_gateway, tag)


def test_the_answer_follows_a_merge(any_gateway: Gateway) -> None:
    first, second = opened(any_gateway), opened(any_gateway, subject="Other")
    asked(any_gateway, first)
    address = any_gateway.reply_address(first, "lab@third.test", box(any_gateway))
    any_gateway.apply(MergeTicket(any_gateway.id_of(first), second, GINA))
    row = any_gateway.receive(mail("Late", sender="lab@third.test", subject="Re: x"), address)
    assert (row["outcome"], row["ticket"]) == ("reply", second)
    assert any_gateway.ticket(second)["messages"][-1]["note"] is True


@pytest.mark.parametrize("who", ["anna@cust.test", "boss@cust.test", "carl@third.test", "billy@desk.test"])
def test_who_has_a_part_in_the_ticket_is_no_outsider(any_gateway: Gateway, who: str) -> None:
    tag = opened(any_gateway)
    any_gateway.apply(ChangeCc(any_gateway.id_of(tag), GINA, (Author("carl@third.test"),)))
    before = len(any_gateway.told())
    with pytest.raises(BadInput, match="has a part in"):
        any_gateway.apply(AskOutsider(any_gateway.id_of(tag), NewMessage(GINA, "x"), Author(who)))
    assert told_since(any_gateway, before) == []
    assert len(any_gateway.ticket(tag)["messages"]) == 1


def test_neither_a_mailbox_nor_somebody_inactive_is_asked(gateway: Gateway) -> None:
    tag = opened(gateway)
    for who, words in (
        (box(gateway), "a mailbox of a desk"),
        ("gone@cust.test", "inactive"),
        ("x", "expected an address"),
    ):
        with pytest.raises(BadInput, match=words):
            gateway.apply(AskOutsider(gateway.id_of(tag), NewMessage(GINA, "x"), Author(who)))


def test_a_second_question_continues_the_first(any_gateway: Gateway) -> None:
    tag = opened(any_gateway)
    asked(any_gateway, tag)
    asked(any_gateway, tag, "Are you sure?")
    rows = [row for row in any_gateway.outbox() if row["template"] == "outsider_question"]
    with any_gateway.store.read() as connection:
        facts = connection.execute(select(Outbox.c.facts).where(Outbox.c.id == rows[1]["id"])).scalar_one()
    assert facts["in_reply_to"] == rows[0]["message_id"]
