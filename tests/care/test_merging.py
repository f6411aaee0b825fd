"""Two tickets become one: what was written, who takes part, and mail to the old number follow; and back again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from store.commands import AskOutsider, Author, ChangeCc, MarkSpam, MergeTicket, NewMessage, SplitTicket, UndoLast
from store.errors import BadInput, NotFound, Temporary
from tests import one_row
from tests.care.helpers import (
    GINA,
    box,
    kinds,
    later,
    make_older,
    opened,
    row_of,
    snapshot,
    texts,
    told_since,
    written,
)
from tests.harness import Gateway, mail


def pair(gateway: Gateway) -> tuple[str, str, int, int]:
    """Two tickets of one organisation, the first by Anna, the second by her boss."""
    first = opened(gateway, Cc="carl@third.test")
    second = opened(gateway, "boss@cust.test", subject="The same")
    return first, second, gateway.id_of(first), gateway.id_of(second)


def test_messages_and_people_go_along_and_the_old_one_closes(any_gateway: Gateway) -> None:
    first, second, old, new = pair(any_gateway)
    before = len(any_gateway.told())
    any_gateway.apply(MergeTicket(old, second, GINA))
    ticket, merged = any_gateway.ticket(second), any_gateway.ticket(first)
    assert len(ticket["messages"]) == 2
    assert merged["messages"] == []
    assert (merged["state"], merged["merged_into"]) == ("closed", second)
    assert ticket["cc"] == ["anna@cust.test", "carl@third.test"]
    assert row_of(any_gateway, old).merged_into == new
    for events in (ticket["events"], merged["events"]):
        assert ("merged", first, second) in [(event["kind"], event["old"], event["new"]) for event in events]
    assert told_since(any_gateway, before) == []
    any_gateway.support_replies(second, "For both")
    assert set(told_since(any_gateway, before)) >= {("anna@cust.test", "cc_copy"), ("boss@cust.test", "staff_reply")}


def test_what_was_due_of_the_merged_ticket_still_goes_out(any_gateway: Gateway) -> None:
    first, second, old, _new = pair(any_gateway)
    any_gateway.support_replies(first, "An answer")
    any_gateway.apply(MergeTicket(old, second, GINA))
    due = [row for row in any_gateway.outbox() if row["ticket"] == first and row["template"] != "confirmation"]
    assert {row["recipient"] for row in due} >= {"anna@cust.test", "carl@third.test"}
    confirmation = next(r for r in any_gateway.outbox() if r["ticket"] == first and r["template"] == "confirmation")
    claimed = one_row.claim(any_gateway.store, confirmation["id"], "test", later(minutes=1))
    assert claimed is not None
    assert one_row.accept(any_gateway.store, claimed.id, "test", "250", later(minutes=1))
    for row in due:
        letter = one_row.claim(any_gateway.store, row["id"], "test", later(minutes=1))
        assert letter is not None
        assert row["template"] == "staff_notice" or letter.text == "An answer"


@pytest.mark.parametrize("evidence", ["address", "message_id", "own_message_id", "tag"])
@pytest.mark.req("EQ-38")
def test_a_reply_to_the_old_number_lands_in_the_survivor(any_gateway: Gateway, evidence: str) -> None:
    first, second, old, _new = pair(any_gateway)
    original = any_gateway.ticket(first)["messages"][0]["message_id"]
    confirmation = next(row["message_id"] for row in any_gateway.outbox() if row["ticket"] == first)
    address = any_gateway.reply_address(first, "anna@cust.test", box(any_gateway))
    any_gateway.apply(MergeTicket(old, second, GINA))
    subject = f"Re: [{first}] x" if evidence == "tag" else "no number"
    headers = {"message_id": original, "own_message_id": confirmation}
    extra = {"In_Reply_To": f"<{headers[evidence]}>"} if evidence in headers else {}
    to = address if evidence == "address" else box(any_gateway)
    row = any_gateway.receive(mail("Following", subject=subject, **extra), to)
    assert (row["outcome"], row["ticket"]) == ("reply", second)
    assert texts(any_gateway, second)[-1] == "Following"
    assert any_gateway.ticket(first)["messages"] == []


def test_three_tickets_merged_in_a_row_are_one_step_from_each_old_number(any_gateway: Gateway) -> None:
    tags = [opened(any_gateway, subject=f"Number {n}") for n in range(3)]
    ids = [any_gateway.id_of(tag) for tag in tags]
    any_gateway.apply(MergeTicket(ids[0], tags[1], GINA))
    any_gateway.apply(MergeTicket(ids[1], tags[2], GINA))
    assert [row_of(any_gateway, id_).merged_into for id_ in ids] == [ids[2], ids[2], None]
    assert any_gateway.receive(mail(subject=f"[{tags[0]}]"), box(any_gateway))["ticket"] == tags[2]
    any_gateway.apply(UndoLast(ids[0], GINA))  # of what the first one is now
    assert [row_of(any_gateway, id_).merged_into for id_ in ids] == [ids[1], None, None]
    any_gateway.apply(UndoLast(ids[1], GINA))
    assert [row_of(any_gateway, id_).merged_into for id_ in ids] == [None, None, None]


def test_a_ticket_is_never_merged_with_what_it_is_already(any_gateway: Gateway) -> None:
    first, second, old, new = pair(any_gateway)
    with pytest.raises(BadInput, match="itself"):
        any_gateway.apply(MergeTicket(old, first, GINA))
    any_gateway.apply(MergeTicket(old, second, GINA))
    state = snapshot(any_gateway)
    for ticket, into in ((old, second), (new, first)):
        with pytest.raises(BadInput, match="itself"):
            any_gateway.apply(MergeTicket(ticket, into, GINA))
    assert snapshot(any_gateway) == state


def test_two_merges_at_once_make_no_circle(any_gateway: Gateway) -> None:
    for _ in range(5):
        first, second, old, new = pair(any_gateway)

        def merge(words: tuple[int, str]) -> str:
            try:
                any_gateway.apply(MergeTicket(words[0], words[1], GINA))
            except (BadInput, Temporary) as error:
                return type(error).__name__
            return "merged"

        with ThreadPoolExecutor(2) as pool:
            done = sorted(pool.map(merge, [(old, second), (new, first)]))
        assert done.count("merged") == 1
        leads = {row_of(any_gateway, old).merged_into, row_of(any_gateway, new).merged_into}
        assert leads in ({None, old}, {None, new})


def test_strangers_are_merged_only_when_that_is_meant(any_gateway: Gateway) -> None:
    first, second = opened(any_gateway), opened(any_gateway, "eve@third.test", subject="Hers")
    with pytest.raises(BadInput, match="read each other's words"):
        any_gateway.apply(MergeTicket(any_gateway.id_of(first), second, GINA))
    any_gateway.apply(MergeTicket(any_gateway.id_of(first), second, GINA, strangers_too=True))
    assert any_gateway.ticket(second)["cc"] == ["anna@cust.test"]


def test_tickets_of_two_desks_spam_and_what_does_not_exist_are_not_merged(any_gateway: Gateway) -> None:
    first, other = opened(any_gateway), opened(any_gateway, desk="moving")
    number = any_gateway.id_of(first)
    with pytest.raises(BadInput, match="different desks"):
        any_gateway.apply(MergeTicket(number, other, GINA))
    with pytest.raises(NotFound):
        any_gateway.apply(MergeTicket(number, "HO#9999", GINA))
    spam = opened(any_gateway, subject="Spam")
    any_gateway.apply(MarkSpam(any_gateway.id_of(spam), GINA))
    with pytest.raises(BadInput, match="spam"):
        any_gateway.apply(MergeTicket(number, spam, GINA))


def test_undoing_a_merge_gives_back_what_came_by_it_and_no_more(any_gateway: Gateway) -> None:
    first, second, old, new = pair(any_gateway)
    any_gateway.apply(AskOutsider(old, NewMessage(GINA, "Do you know?"), Author("lab@third.test")))
    any_gateway.apply(ChangeCc(new, GINA, (Author("carl@third.test"),)))
    before = snapshot(any_gateway)
    any_gateway.apply(MergeTicket(old, second, GINA))
    written(any_gateway, second, "Since then")
    any_gateway.apply(UndoLast(new, GINA))
    after = snapshot(any_gateway)
    assert set(before["message"]) < set(after["message"])
    assert len(after["message"]) == len(before["message"]) + 1
    assert texts(any_gateway, second)[-1] == "Since then"
    for name in ("cc", "consulted", "link"):
        assert after[name] == before[name]
    assert row_of(any_gateway, old).state == "new"
    assert row_of(any_gateway, old).merged_into is None
    assert kinds(any_gateway, first)[-1] == kinds(any_gateway, second)[-1] == "undone"
    assert any_gateway.receive(mail(subject=f"[{first}]"), box(any_gateway))["ticket"] == first
    with pytest.raises(BadInput):
        make_older(any_gateway, 11)
        any_gateway.apply(UndoLast(new, GINA))


# --- splitting


def test_messages_of_one_person_become_their_ticket(any_gateway: Gateway) -> None:
    tag = opened(any_gateway, Cc="carl@third.test")
    number = any_gateway.id_of(tag)
    written(any_gateway, tag, "Quite another thing", "carl@third.test")
    message = any_gateway.ticket(tag)["messages"][-1]["id"]
    before = len(any_gateway.told())
    new = row_of(any_gateway, any_gateway.apply(SplitTicket(number, GINA, (message,), "Another thing")).ticket or 0)
    told = any_gateway.ticket(f"HO#{new.number}")
    assert (told["requester"], told["subject"], told["state"]) == ("carl@third.test", "Another thing", "new")
    assert told["cc"] == []
    assert [m["id"] for m in told["messages"]] == [message]
    assert told["links"] == [{"kind": "split", "ticket": tag}]
    assert told_since(any_gateway, before) == []
    assert "split" in kinds(any_gateway, tag) and "split" in kinds(any_gateway, told["tag"])
    reply = mail("Yes", sender="carl@third.test", subject="x", In_Reply_To="<none@x.test>")
    address = any_gateway.reply_address(told["tag"], "carl@third.test", box(any_gateway))
    assert any_gateway.receive(reply, address)["ticket"] == told["tag"]


def test_messages_of_several_people_stay_with_the_requester_and_those_on_copies(any_gateway: Gateway) -> None:
    tag = opened(any_gateway, Cc="carl@third.test")
    written(any_gateway, tag, "One", "carl@third.test")
    any_gateway.support_replies(tag, "Two")
    ids = [m["id"] for m in any_gateway.ticket(tag)["messages"]][1:]
    new = any_gateway.apply(SplitTicket(any_gateway.id_of(tag), GINA, tuple(ids), "Part"))
    told = any_gateway.ticket(f"HO#{row_of(any_gateway, new.ticket or 0).number}")
    assert (told["requester"], told["cc"], told["state"]) == ("anna@cust.test", ["carl@third.test"], "waiting_customer")


@pytest.mark.parametrize(
    ("which", "words"), [("all", "at least one has to stay"), ("none", "has to be named"), ("other", "has no message")]
)
def test_a_split_of_all_none_or_foreign_messages_is_refused(gateway: Gateway, which: str, words: str) -> None:
    tag, other = opened(gateway), opened(gateway, subject="Other")
    written(gateway, tag)
    chosen = {
        "all": [m["id"] for m in gateway.ticket(tag)["messages"]],
        "none": [],
        "other": [gateway.ticket(other)["messages"][0]["id"]],
    }[which]
    before = snapshot(gateway)
    with pytest.raises(BadInput, match=words):
        gateway.apply(SplitTicket(gateway.id_of(tag), GINA, tuple(chosen), "x"))
    assert snapshot(gateway) == before


def test_undoing_a_split_puts_all_back_and_the_new_number_leads_to_the_old(any_gateway: Gateway) -> None:
    tag = opened(any_gateway)
    written(any_gateway, tag, "Second")
    ids = [m["id"] for m in any_gateway.ticket(tag)["messages"]]
    new = any_gateway.apply(SplitTicket(any_gateway.id_of(tag), GINA, (ids[1],), "Part")).ticket or 0
    new_tag = f"HO#{row_of(any_gateway, new).number}"
    written(any_gateway, new_tag, "Third")
    any_gateway.apply(UndoLast(any_gateway.id_of(tag), GINA))
    assert texts(any_gateway, tag)[1:] == ["Second", "Third"]
    assert any_gateway.ticket(tag)["links"] == []
    assert any_gateway.ticket(new_tag)["merged_into"] == tag
    assert any_gateway.receive(mail("Fourth", subject=f"[{new_tag}]"), box(any_gateway))["ticket"] == tag
