"""Who works on a ticket, how urgent it is, where it belongs, who gets copies, what it has to do with."""

from __future__ import annotations

import pytest

from store.commands import (
    AddNote,
    AssignTicket,
    Author,
    ChangeCc,
    LinkTickets,
    MoveTicket,
    NewMessage,
    RaisePriority,
    SetPriority,
    TakeTicket,
    UndoLast,
)
from store.errors import BadInput, NotFound
from tests import one_row
from tests.care.helpers import BILLY, GINA, box, kinds, later, make_older, opened, snapshot, told_since
from tests.harness import Gateway, mail


def test_the_assignee_takes_the_ticket_up_and_is_told(any_gateway: Gateway) -> None:
    tag = opened(any_gateway)
    before = len(any_gateway.told())
    any_gateway.apply(AssignTicket(any_gateway.id_of(tag), GINA, BILLY))
    ticket = any_gateway.ticket(tag)
    assert (ticket["assignee"], ticket["state"], ticket["taken"]) == ("billy@desk.test", "in_progress", True)
    assert ("billy@desk.test", "staff_notice") in told_since(any_gateway, before)
    assert ("gina@desk.test", "staff_notice") not in told_since(any_gateway, before)
    event = next(event for event in ticket["events"] if event["kind"] == "assigned")
    assert (event["actor"], event["old"], event["new"]) == ("gina@desk.test", None, "billy@desk.test")


def test_who_assigns_a_ticket_to_themselves_is_told_nothing(any_gateway: Gateway) -> None:
    tag = opened(any_gateway)
    before = len(any_gateway.told())
    any_gateway.apply(AssignTicket(any_gateway.id_of(tag), GINA, GINA))
    assert [who for who, _ in told_since(any_gateway, before)].count("gina@desk.test") == 0


def test_an_agent_who_asked_for_help_themselves_may_be_assigned_it(any_gateway: Gateway) -> None:
    tag = opened(any_gateway, "billy@desk.test")
    any_gateway.apply(AssignTicket(any_gateway.id_of(tag), GINA, BILLY))
    assert any_gateway.ticket(tag)["assignee"] == "billy@desk.test"


def test_assigning_twice_is_assigning_once_and_nobody_is_nobody(any_gateway: Gateway) -> None:
    tag = opened(any_gateway)
    command = AssignTicket(any_gateway.id_of(tag), GINA, BILLY)
    any_gateway.apply(command)
    once = (kinds(any_gateway, tag), any_gateway.told())
    any_gateway.apply(command)
    assert (kinds(any_gateway, tag), any_gateway.told()) == once
    any_gateway.apply(AssignTicket(any_gateway.id_of(tag), GINA, None))
    assert any_gateway.ticket(tag)["assignee"] is None
    assert any_gateway.ticket(tag)["taken"] is True


@pytest.mark.parametrize("who", ["anna@cust.test", "nobody@desk.test", "gone@cust.test"])
def test_only_the_staff_of_the_desk_may_be_named_and_the_answer_says_who_that_is(gateway: Gateway, who: str) -> None:
    tag = opened(gateway)
    before = snapshot(gateway)
    with pytest.raises(BadInput, match=r"there is billy@desk\.test, gina@desk\.test"):
        gateway.apply(AssignTicket(gateway.id_of(tag), GINA, Author(who)))
    assert snapshot(gateway) == before


def test_the_priority_goes_up_and_down(any_gateway: Gateway) -> None:
    tag = opened(any_gateway)
    for level in ("urgent", "urgent", "low"):
        any_gateway.apply(SetPriority(any_gateway.id_of(tag), GINA, level))
    ticket = any_gateway.ticket(tag)
    assert ticket["priority"] == "low"
    changes = [(event["old"], event["new"]) for event in ticket["events"] if event["kind"] == "priority"]
    assert changes == [("medium", "urgent"), ("urgent", "low")]


def test_another_department_hears_of_the_ticket_and_the_customer_does_not(any_gateway: Gateway) -> None:
    tag = opened(any_gateway)
    before = len(any_gateway.told())
    any_gateway.apply(MoveTicket(any_gateway.id_of(tag), GINA, "billing"))
    assert any_gateway.ticket(tag)["department"] == "Billing"
    assert told_since(any_gateway, before) == [("billy@desk.test", "staff_notice")]
    any_gateway.apply(MoveTicket(any_gateway.id_of(tag), GINA, "Billing"))
    assert kinds(any_gateway, tag).count("department") == 1


def test_an_unknown_department_is_refused_with_those_there_are(gateway: Gateway) -> None:
    tag = opened(gateway)
    with pytest.raises(BadInput, match=r"no department 'Moon' at hosting; there are .*Billing.*Support"):
        gateway.apply(MoveTicket(gateway.id_of(tag), GINA, "Moon"))


@pytest.mark.req("X-08")
def test_people_are_added_to_the_copies_and_a_mailbox_never_is(any_gateway: Gateway) -> None:
    tag = opened(any_gateway)
    number = any_gateway.id_of(tag)
    any_gateway.apply(ChangeCc(number, GINA, (Author("carl@third.test"), Author("Dora@third.test"))))
    assert any_gateway.ticket(tag)["cc"] == ["carl@third.test", "dora@third.test"]
    with pytest.raises(BadInput, match="a mailbox of a desk"):
        any_gateway.apply(ChangeCc(number, GINA, (Author(box(any_gateway)),)))
    with pytest.raises(BadInput, match="nonsense: expected an address"):
        any_gateway.apply(ChangeCc(number, GINA, (Author("nonsense"),)))
    message = mail(to=box(any_gateway), Cc=f"{box(any_gateway)}, d@third.test")
    any_gateway.receive(message, any_gateway.reply_address(tag, "anna@cust.test", box(any_gateway)))
    assert any_gateway.ticket(tag)["cc"] == ["carl@third.test", "dora@third.test", "d@third.test"]


@pytest.mark.req("HO-22")
@pytest.mark.req("BR-05")
def test_who_is_on_the_copies_gets_public_replies_and_who_was_taken_off_nothing_more(any_gateway: Gateway) -> None:
    tag = opened(any_gateway)
    number = any_gateway.id_of(tag)
    any_gateway.apply(ChangeCc(number, GINA, (Author("carl@third.test"), Author("dora@third.test"))))
    any_gateway.support_replies(tag)
    copies = [who for who, template in any_gateway.told() if template == "cc_copy"]
    assert copies == ["carl@third.test", "dora@third.test"]
    any_gateway.apply(ChangeCc(number, GINA, remove=("carl@third.test",)))
    any_gateway.support_replies(tag, "Again")
    copies = [who for who, template in any_gateway.told() if template == "cc_copy"]
    assert copies == ["carl@third.test", "dora@third.test", "dora@third.test"]
    assert [e["old"] for e in any_gateway.ticket(tag)["events"] if e["kind"] == "cc_removed"] == ["carl@third.test"]
    waiting = next(row["id"] for row in any_gateway.outbox() if row["recipient"] == "carl@third.test")
    assert one_row.claim(any_gateway.store, waiting, "test", later(minutes=1)) is None  # threats 85
    any_gateway.apply(AddNote(number, NewMessage(GINA, "Between us")))
    assert [template for _, template in any_gateway.told()].count("cc_copy") == 3
    stranger = mail(subject=f"[{tag}] let me", sender="carl@third.test", to=box(any_gateway))
    assert any_gateway.receive(stranger, box(any_gateway))["ticket"] != tag
    again = mail("And Fred", to=box(any_gateway), Cc="fred@third.test")
    any_gateway.receive(again, any_gateway.reply_address(tag, "anna@cust.test", box(any_gateway)))
    assert any_gateway.ticket(tag)["cc"] == ["dora@third.test", "fred@third.test"]


def test_taking_off_who_is_not_there_changes_nothing(gateway: Gateway) -> None:
    tag = opened(gateway)
    before = kinds(gateway, tag)
    gateway.apply(ChangeCc(gateway.id_of(tag), GINA, remove=("carl@third.test", "anna@cust.test")))
    assert kinds(gateway, tag) == before


def test_two_tickets_are_linked_once_whichever_is_named_first(any_gateway: Gateway) -> None:
    first, second = opened(any_gateway), opened(any_gateway, subject="Other")
    any_gateway.apply(LinkTickets(any_gateway.id_of(first), second, GINA))
    any_gateway.apply(LinkTickets(any_gateway.id_of(second), first, GINA))
    assert any_gateway.ticket(first)["links"] == [{"kind": "related", "ticket": second}]
    assert any_gateway.ticket(second)["links"] == [{"kind": "related by", "ticket": first}]
    assert kinds(any_gateway, second).count("linked") == kinds(any_gateway, first).count("linked") == 1
    with pytest.raises(BadInput, match="itself"):
        any_gateway.apply(LinkTickets(any_gateway.id_of(first), first, GINA))
    with pytest.raises(NotFound):
        any_gateway.apply(LinkTickets(any_gateway.id_of(first), "HO#9999", GINA))


# --- undoing


@pytest.mark.parametrize("kind", ["assign", "priority", "department", "cc", "link"])
def test_the_last_care_is_taken_back_exactly(any_gateway: Gateway, kind: str) -> None:
    tag, other = opened(any_gateway, Cc="eve@third.test"), opened(any_gateway, subject="Other")
    number = any_gateway.id_of(tag)
    before = snapshot(any_gateway)
    any_gateway.apply(
        {
            "assign": AssignTicket(number, GINA, BILLY),
            "priority": SetPriority(number, GINA, "urgent"),
            "department": MoveTicket(number, GINA, "Billing"),
            "cc": ChangeCc(number, GINA, (Author("carl@third.test"), Author("dora@third.test")), ("eve@third.test",)),
            "link": LinkTickets(number, other, GINA),
        }[kind]
    )
    assert snapshot(any_gateway) != before
    any_gateway.apply(UndoLast(number, BILLY))
    assert snapshot(any_gateway) == before
    undone = any_gateway.ticket(tag)["events"][-1]
    assert (undone["kind"], undone["actor"]) == ("undone", "billy@desk.test")
    with pytest.raises(BadInput, match="nothing to take back"):
        any_gateway.apply(UndoLast(number, GINA))


def test_after_ten_minutes_nothing_is_taken_back(gateway: Gateway) -> None:
    tag = opened(gateway)
    gateway.apply(SetPriority(gateway.id_of(tag), GINA, "urgent"))
    make_older(gateway, 11)
    with pytest.raises(BadInput, match="more than 10 minutes old"):
        gateway.apply(UndoLast(gateway.id_of(tag), GINA))
    assert gateway.ticket(tag)["priority"] == "urgent"


def test_cares_are_taken_back_from_the_last_to_the_first(gateway: Gateway) -> None:
    tag = opened(gateway)
    number = gateway.id_of(tag)
    before = snapshot(gateway)
    gateway.apply(SetPriority(number, GINA, "urgent"))
    gateway.apply(AssignTicket(number, GINA, BILLY))
    gateway.apply(UndoLast(number, GINA))
    gateway.apply(UndoLast(number, GINA))
    assert snapshot(gateway) == before


def test_an_answer_given_since_keeps_its_state_when_the_assignment_is_taken_back(gateway: Gateway) -> None:
    tag = opened(gateway)
    gateway.apply(AssignTicket(gateway.id_of(tag), GINA, BILLY))
    gateway.support_replies(tag)
    gateway.apply(UndoLast(gateway.id_of(tag), GINA))
    ticket = gateway.ticket(tag)
    assert (ticket["assignee"], ticket["state"]) == (None, "waiting_customer")


def test_what_changed_again_by_other_means_is_not_taken_back(gateway: Gateway) -> None:
    tag = opened(gateway)
    number = gateway.id_of(tag)
    gateway.apply(SetPriority(number, GINA, "low"))
    gateway.apply(RaisePriority(number, "high"))
    with pytest.raises(BadInput, match="changed since"):
        gateway.apply(UndoLast(number, GINA))
    gateway.apply(AssignTicket(number, GINA, BILLY))
    gateway.apply(TakeTicket(number, GINA))
    with pytest.raises(BadInput, match="taken the ticket up since"):
        gateway.apply(UndoLast(number, GINA))
