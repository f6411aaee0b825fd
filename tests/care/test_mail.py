"""Staff care by mail: the commands at the head of an answer go to the same hands as those of the command line."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from store.commands import Author, DoParked
from store.schema import Outbox
from tests.care.helpers import opened, told_since
from tests.harness import Gateway, mail


def answered(gateway: Gateway, tag: str, text: str, agent: str = "gina@desk.test") -> dict[str, object]:
    """Gina answers a notice from her signed address."""
    address = gateway.reply_address(tag, agent)
    return gateway.receive(mail(text, sender=agent, subject=f"Re: [{tag}] x"), address)


def problems(gateway: Gateway) -> list[str]:
    """What the last mail that says something cannot be done gives as reasons."""
    with gateway.store.read() as connection:
        query = select(Outbox.c.facts).where(Outbox.c.template == "request_refused").order_by(Outbox.c.id.desc())
        return list(connection.execute(query.limit(1)).scalar_one()["problems"])


def test_an_answer_with_commands_is_sent_without_them_and_they_are_done(gateway: Gateway) -> None:
    tag = opened(gateway)
    before = len(gateway.told())
    row = answered(gateway, tag, "#assign billy@desk.test\n#priority high\n\nPlease restart it.")
    assert (row["outcome"], row["ticket"]) == ("reply", tag)
    ticket = gateway.ticket(tag)
    assert (ticket["assignee"], ticket["priority"], ticket["state"]) == ("billy@desk.test", "high", "waiting_customer")
    assert ticket["messages"][-1]["text"].strip() == "Please restart it."
    assert sorted(told_since(gateway, before)) == [
        ("anna@cust.test", "staff_reply"),
        ("billy@desk.test", "staff_notice"),
    ]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("#department Moon", "There is no department 'Moon' at hosting; there are "),
        ("#assign anna@cust.test", "Nobody with the address anna@cust.test is on the staff of hosting; there is "),
        ("#merge HO#9999", "There is no ticket HO#9999."),
        ("#cc support@desk.test", "A mailbox of a desk, such as support@desk.test, gets no copies."),
    ],
)
def test_when_one_thing_cannot_be_done_nothing_is_and_the_agent_hears_why(
    gateway: Gateway, command: str, said: str
) -> None:  # fmt: skip
    tag = opened(gateway)
    before = len(gateway.told())
    answered(gateway, tag, f"#priority high\n{command}\n\nPlease restart it.")
    ticket = gateway.ticket(tag)
    assert (ticket["assignee"], ticket["priority"], ticket["state"], ticket["cc"]) == (None, "medium", "new", [])
    assert ticket["messages"][-1]["note"] is True
    assert "unsent-answer" in ticket["flags"]
    assert told_since(gateway, before) == [("gina@desk.test", "request_refused")]
    assert problems(gateway)[0].startswith(said)


def test_commands_without_words_mail_the_customer_nothing(gateway: Gateway) -> None:
    tag = opened(gateway)
    before = len(gateway.told())
    assert answered(gateway, tag, "#department Billing\n#cc carl@third.test")["outcome"] == "command"
    ticket = gateway.ticket(tag)
    assert (ticket["department"], ticket["cc"], len(ticket["messages"])) == ("Billing", ["carl@third.test"], 1)
    assert told_since(gateway, before) == [("billy@desk.test", "staff_notice")]


def test_an_answer_that_merges_is_said_on_the_old_ticket_and_goes_along(gateway: Gateway) -> None:
    first, second = opened(gateway), opened(gateway, "boss@cust.test", subject="The same")
    before = len(gateway.told())
    answered(gateway, first, f"#merge {second}\n\nWe go on in the other one.")
    assert told_since(gateway, before) == [("anna@cust.test", "staff_reply")]
    assert gateway.ticket(first)["merged_into"] == second
    assert gateway.ticket(second)["messages"][-1]["text"].strip() == "We go on in the other one."


def test_a_note_with_commands_stays_among_the_staff(gateway: Gateway) -> None:
    tag = opened(gateway)
    before = len(gateway.told())
    answered(gateway, tag, "#note\n#assign me\n\nI know this one.")
    ticket = gateway.ticket(tag)
    assert (ticket["assignee"], ticket["messages"][-1]["note"]) == ("gina@desk.test", True)
    assert "anna@cust.test" not in {who for who, template in told_since(gateway, before) if template == "staff_reply"}


@pytest.mark.parametrize("sender", ["anna@cust.test", "eve@third.test"])
def test_who_is_no_staff_commands_nothing(gateway: Gateway, sender: str) -> None:
    tag = opened(gateway)
    to = gateway.reply_address(tag, "anna@cust.test") if sender.startswith("anna") else "support@desk.test"
    gateway.receive(mail("#priority urgent\n#assign gina@desk.test\n\nx", sender=sender, subject=f"[{tag}]"), to)
    ticket = gateway.ticket(tag)
    assert (ticket["priority"], ticket["assignee"]) == ("medium", None)


def test_care_asked_for_without_proof_waits_for_the_agents_word(gateway: Gateway) -> None:
    tag = opened(gateway)
    before = len(gateway.told())
    row = gateway.receive(mail("#priority high", sender="gina@desk.test", subject=f"Re: [{tag}]"))
    assert row["outcome"] == "held"
    assert gateway.ticket(tag)["priority"] == "medium"
    assert ("gina@desk.test", "confirm_request") in told_since(gateway, before)
    with gateway.store.read() as connection:
        query = select(Outbox.c.facts).where(Outbox.c.template == "confirm_request")
        parked = connection.execute(query).scalar_one()["confirms"]
    for _ in range(2):
        gateway.apply(DoParked(parked, Author("gina@desk.test")))
    assert gateway.ticket(tag)["priority"] == "high"
    held = gateway.ticket(str(row["ticket"]))
    assert (held["state"], held["merged_into"]) == ("closed", tag)
