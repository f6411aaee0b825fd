"""Whose a ticket is hears, once, what colleagues answer and close on it and that it was taken away; never of a note."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

import pytest
from sqlalchemy import select, update

from store.commands import AddNote, AssignTicket, Author, CloseTicket, NewMessage, SupportReply, TakeTicket, UndoLast
from store.rules.desk import Notify
from store.schema import Outbox, Ticket
from tests import one_row
from tests.care.helpers import BILLY, GINA, later, opened, told_since
from tests.harness import Gateway
from workers.compose import compose

HUGO = Author("hugo@desk.test", "Hugo")
NOTICE = "staff_notice"


def given(gateway: Gateway, to: Author = BILLY, sender: str = "anna@cust.test", **notify: Any) -> tuple[int, str, int]:
    """A ticket assigned to somebody: its id, its tag, and how many mails were promised by then."""
    gateway.load(agents=[{"email": HUGO.email, "name": HUGO.name, "desk": "hosting", "departments": ["Billing"]}])
    desks = gateway.config.desks
    desks["hosting"] = desks["hosting"].model_copy(update={"notify": Notify(**notify)})
    tag = opened(gateway, sender)
    gateway.apply(AssignTicket(gateway.id_of(tag), GINA, to))
    return gateway.id_of(tag), tag, len(gateway.told())


def last(gateway: Gateway, email: str) -> str:
    """What the newest mail to somebody says."""
    query = select(Outbox.c.id).where(Outbox.c.recipient == email).order_by(Outbox.c.id)
    with gateway.store.read() as connection:
        ids = connection.execute(query).scalars().all()
    letter = None
    for id_ in ids:  # each waits for those before it
        if letter := one_row.claim(gateway.store, id_, "test", later(minutes=1)):
            one_row.accept(gateway.store, id_, "test", "250 ok", later(minutes=1))
    assert letter
    desk, blobs = gateway.config.desks["hosting"], gateway.store.blobs
    mail = compose(letter, desk, secret=gateway.config.secret, read_blob=blobs.get)
    body = message_from_bytes(mail.content, policy=policy.default).get_body(("plain",))  # type: ignore[attr-defined]
    return " ".join(body.get_content().split())


@pytest.mark.parametrize("close", [False, True])
def test_the_assignee_is_told_once_what_a_colleague_answers(any_gateway: Gateway, close: bool) -> None:
    ticket, _tag, before = given(any_gateway)
    any_gateway.apply(SupportReply(ticket, NewMessage(GINA, "It is repaired."), close=close))
    customer = "ticket_closed" if close else "staff_reply"
    assert told_since(any_gateway, before) == [("anna@cust.test", customer), (BILLY.email, NOTICE)]
    said = last(any_gateway, BILLY.email)
    assert f"Gina {'closed' if close else 'answered'} the ticket" in said and "It is repaired." in said
    assert "By: Gina <gina@desk.test>" in said and "because this ticket is assigned to you." in said


def test_the_assignee_is_told_that_a_colleague_closed_it_without_a_word(any_gateway: Gateway) -> None:
    ticket, _tag, before = given(any_gateway)
    any_gateway.apply(CloseTicket(ticket, GINA, "support"))
    assert (BILLY.email, NOTICE) in told_since(any_gateway, before)
    assert "Gina closed the ticket" in last(any_gateway, BILLY.email)


@pytest.mark.parametrize("echo", [False, True])
def test_who_answers_and_closes_their_own_is_told_only_where_the_desk_echoes(gateway: Gateway, echo: bool) -> None:
    ticket, _tag, before = given(gateway, echo_actor=echo)
    gateway.apply(SupportReply(ticket, NewMessage(BILLY, "Done.")))
    gateway.apply(CloseTicket(ticket, BILLY, "support"))
    gateway.apply(AssignTicket(ticket, BILLY, None))
    assert told_since(gateway, before).count((BILLY.email, NOTICE)) == (3 if echo else 0)


@pytest.mark.threat(47)
def test_a_note_is_told_to_nobody(gateway: Gateway) -> None:
    ticket, _tag, before = given(gateway, echo_actor=True, organization_admins=True)
    gateway.apply(AddNote(ticket, NewMessage(GINA, "Between us.")))
    assert told_since(gateway, before) == []


def test_a_ticket_given_to_somebody_else_is_told_to_both(any_gateway: Gateway) -> None:
    ticket, _tag, before = given(any_gateway)
    any_gateway.apply(AssignTicket(ticket, GINA, HUGO))
    assert told_since(any_gateway, before) == [(HUGO.email, NOTICE), (BILLY.email, NOTICE)]
    assert "The ticket is yours now" in last(any_gateway, HUGO.email)
    said = last(any_gateway, BILLY.email)
    assert "The ticket is no longer yours" in said and "Gina gave it to Hugo." in said
    any_gateway.apply(SupportReply(ticket, NewMessage(GINA, "We look.")))
    assert told_since(any_gateway, before).count((BILLY.email, NOTICE)) == 1


def test_a_ticket_given_to_nobody_and_one_that_a_colleague_takes_are_told_so(any_gateway: Gateway) -> None:
    ticket, _tag, before = given(any_gateway)
    any_gateway.apply(AssignTicket(ticket, GINA, None))
    assert told_since(any_gateway, before) == [(BILLY.email, NOTICE)]
    assert "Gina gave it to nobody in particular." in last(any_gateway, BILLY.email)
    ticket, _tag, before = given(any_gateway)
    any_gateway.apply(AssignTicket(ticket, HUGO, HUGO))
    assert told_since(any_gateway, before) == [(BILLY.email, NOTICE)]
    assert "Hugo works on it now." in last(any_gateway, BILLY.email)


def test_who_takes_the_ticket_of_a_colleague_up_tells_them(any_gateway: Gateway) -> None:
    """The customer, and here the former assignee is one, hears of the new state by an event of its own."""
    ticket, tag, before = given(any_gateway, sender=BILLY.email)
    desks = any_gateway.config.desks
    labels = desks["hosting"].labels.model_copy(update={"taken": "In Review"})
    desks["hosting"] = desks["hosting"].model_copy(update={"labels": labels})
    with any_gateway.store.write() as connection:  # as after a move to another desk
        connection.execute(update(Ticket).values(state="new", taken=False))
    any_gateway.apply(TakeTicket(ticket, GINA))
    assert told_since(any_gateway, before) == [(BILLY.email, "ticket_update"), (BILLY.email, NOTICE)]
    assert "Gina works on it now." in last(any_gateway, BILLY.email)
    assert any_gateway.ticket(tag)["assignee"] == GINA.email


def test_taking_an_assignment_back_tells_whom_it_comes_back_to_and_whom_it_leaves(any_gateway: Gateway) -> None:
    ticket, _tag, _ = given(any_gateway)
    any_gateway.apply(AssignTicket(ticket, GINA, HUGO))
    before = len(any_gateway.told())
    any_gateway.apply(UndoLast(ticket, GINA))
    assert told_since(any_gateway, before) == [(BILLY.email, NOTICE), (HUGO.email, NOTICE)]
    assert "Gina gave it to Billy." in last(any_gateway, HUGO.email)


def test_an_agent_who_asked_for_help_themselves_gets_one_mail(gateway: Gateway) -> None:
    ticket, _tag, before = given(gateway, sender=BILLY.email)
    gateway.apply(SupportReply(ticket, NewMessage(GINA, "It is repaired.")))
    assert told_since(gateway, before) == [(BILLY.email, "staff_reply")]


def test_who_no_longer_works_at_the_desk_hears_nothing(gateway: Gateway) -> None:
    ticket, _tag, before = given(gateway)
    gateway.load(people=[{"email": BILLY.email, "status": "inactive"}])
    gateway.apply(SupportReply(ticket, NewMessage(GINA, "It is repaired.")))
    gateway.apply(AssignTicket(ticket, GINA, HUGO))
    assert [who for who, _template in told_since(gateway, before)] == ["anna@cust.test", HUGO.email]


def test_a_desk_whose_assignees_are_not_told_tells_them_only_whose_it_is(gateway: Gateway) -> None:
    ticket, _tag, before = given(gateway, assignee=False)
    gateway.apply(SupportReply(ticket, NewMessage(GINA, "It is repaired.")))
    assert (BILLY.email, NOTICE) not in told_since(gateway, before)
    gateway.apply(AssignTicket(ticket, GINA, HUGO))
    assert (BILLY.email, NOTICE) in told_since(gateway, before)
