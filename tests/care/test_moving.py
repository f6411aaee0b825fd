"""A ticket goes to another desk: it gets a number there, and whoever answers its old one reaches it."""

from __future__ import annotations

import pytest

from store.commands import AssignTicket, Author, MoveTicket, SetPriority, UndoLast
from store.errors import BadInput
from tests.care.helpers import BILLY, GINA, box, kinds, opened, row_of, snapshot, texts, told_since, written
from tests.harness import Gateway, mail


def moved(gateway: Gateway, tag: str, desk: str = "moving", department: str = "") -> str:
    done = gateway.apply(MoveTicket(gateway.id_of(tag), GINA, department, desk))
    row = row_of(gateway, done.ticket or 0)
    return f"{gateway.config.desks[row.desk].key}#{row.number}"


@pytest.fixture
def house(any_gateway: Gateway) -> Gateway:
    """Two desks with people: Mona works at the moving desk."""
    any_gateway.load(agents=[{"email": "mona@desk.test", "name": "Mona", "desk": "moving"}])
    return any_gateway


def test_everything_goes_along_and_the_staff_there_is_told(house: Gateway) -> None:
    tag = opened(house, Cc="carl@third.test", subject="Boxes")
    house.apply(AssignTicket(house.id_of(tag), GINA, BILLY))
    before = len(house.told())
    new = moved(house, tag)
    assert new.startswith("MV#")
    old, there = house.ticket(tag), house.ticket(new)
    assert (there["requester"], there["cc"], there["subject"]) == ("anna@cust.test", ["carl@third.test"], "Boxes")
    assert (there["organization"], there["assignee"], there["taken"], there["state"]) == (None, None, False, "new")
    assert there["department"] == house.config.desks["moving"].main.department
    assert len(there["messages"]) == 1
    assert (old["state"], old["merged_into"], old["messages"]) == ("closed", new, [])
    assert kinds(house, tag)[-1] == kinds(house, new)[-1] == "moved"
    assert told_since(house, before) == [("mona@desk.test", "staff_notice")]


def test_a_department_of_the_other_desk_may_be_named_and_no_other(house: Gateway) -> None:
    tag = opened(house)
    with pytest.raises(BadInput, match="no department 'Moon' at moving"):
        moved(house, tag, department="Moon")
    with pytest.raises(BadInput, match="no desk 'moon'"):
        moved(house, tag, desk="moon")
    assert house.ticket(moved(house, tag, department="safety"))["department"] == "Safety"


@pytest.mark.parametrize("evidence", ["address", "message_id", "own_message_id", "tag"])
def test_a_reply_to_the_old_desk_reaches_the_ticket(house: Gateway, evidence: str) -> None:
    tag = opened(house)
    original = house.ticket(tag)["messages"][0]["message_id"]
    confirmation = next(row["message_id"] for row in house.outbox() if row["ticket"] == tag)
    address = house.reply_address(tag, "anna@cust.test", box(house))
    new = moved(house, tag)
    headers = {"message_id": original, "own_message_id": confirmation}
    extra = {"In_Reply_To": f"<{headers[evidence]}>"} if evidence in headers else {}
    subject = f"Re: [{tag}] x" if evidence == "tag" else "no number"
    row = house.receive(mail("After", subject=subject, **extra), address if evidence == "address" else box(house))
    assert (row["outcome"], row["ticket"]) == ("reply", new)
    assert texts(house, new)[-1] == "After"


def test_the_rights_are_those_of_the_desk_it_is_at(house: Gateway) -> None:
    """Gina works at the old desk and not at the new one: what she sends to the old number is a stranger's there."""
    tag = opened(house)
    address = house.reply_address(tag, "gina@desk.test", box(house))
    new = moved(house, tag)
    before = len(house.told())
    row = house.receive(mail("From support", sender="gina@desk.test", subject="x"), address)
    assert row["ticket"] != new
    assert "From support" not in texts(house, new)
    assert [who for who, template in told_since(house, before) if template == "staff_reply"] == []


def test_support_of_the_new_desk_answers_from_there(house: Gateway) -> None:
    tag = opened(house)
    new = moved(house, tag)
    address = house.reply_address(new, "mona@desk.test", box(house, "moving"))
    before = len(house.told())
    assert house.receive(mail("Hello", sender="mona@desk.test", subject="x"), address)["ticket"] == new
    assert told_since(house, before) == [("anna@cust.test", "staff_reply")]


def test_moved_twice_every_number_leads_to_the_last(house: Gateway) -> None:
    tag = opened(house)
    second = moved(house, tag)
    third = moved(house, second, "devices")
    assert house.receive(mail(subject=f"[{tag}]"), box(house))["ticket"] == third
    row = house.receive(mail(subject=f"[{second}]", to=box(house, "moving")), box(house, "moving"))
    assert row["ticket"] == third


def test_a_move_to_another_desk_is_taken_back_with_all_that_was_written_since(house: Gateway) -> None:
    tag = opened(house, Cc="carl@third.test")
    number = house.id_of(tag)
    house.apply(AssignTicket(number, GINA, BILLY))
    before = row_of(house, number)
    new = moved(house, tag)
    house.apply(UndoLast(number, GINA))
    after = row_of(house, number)
    assert (after.state, after.taken, after.assignee_id, after.merged_into) == (
        before.state, before.taken, before.assignee_id, None,
    )  # fmt: skip
    assert house.ticket(new)["merged_into"] == tag
    second = moved(house, tag)
    written(house, second, "Meanwhile")
    house.apply(UndoLast(number, GINA))
    assert texts(house, tag)[-1] == "Meanwhile"
    assert house.ticket(tag)["state"] == "waiting_support"
    for old in (new, second):
        row = house.receive(mail("x" + old, subject=f"[{old}]", to=box(house, "moving")), box(house, "moving"))
        assert row["ticket"] == tag


def test_a_desk_that_is_its_own_changes_nothing(house: Gateway) -> None:
    tag = opened(house)
    before = snapshot(house)
    house.apply(MoveTicket(house.id_of(tag), GINA, house.ticket(tag)["department"], "hosting"))
    assert snapshot(house) == before


def test_whoever_moved_it_may_take_that_back_and_nothing_that_was_done_there(house: Gateway) -> None:
    tag = opened(house)
    new = moved(house, tag)
    house.apply(SetPriority(house.id_of(new), Author("mona@desk.test"), "urgent"))
    with pytest.raises(BadInput, match="on the staff of moving"):
        house.apply(UndoLast(house.id_of(tag), GINA))
    assert house.ticket(new)["priority"] == "urgent"
    house.apply(UndoLast(house.id_of(new), Author("mona@desk.test")))
    with pytest.raises(BadInput, match="on the staff of moving"):
        house.apply(UndoLast(house.id_of(tag), BILLY))
    house.apply(UndoLast(house.id_of(tag), GINA))
    assert house.ticket(new)["merged_into"] == tag
