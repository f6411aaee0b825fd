"""Spam, blocked senders, and mail that was held."""

from __future__ import annotations

import pytest

from store import blocking
from store.commands import Author, BlockSender, MarkSpam, ReleaseTicket, UnblockSender, UndoLast, UnmarkSpam
from store.errors import BadInput, NotFound
from tests.care.helpers import GINA, box, kinds, opened, snapshot, told_since, written
from tests.harness import Gateway, mail


def test_spam_is_closed_out_of_sight_and_nobody_is_told(any_gateway: Gateway) -> None:
    tag = opened(any_gateway, "eve@third.test")
    before = len(any_gateway.told())
    any_gateway.apply(MarkSpam(any_gateway.id_of(tag), GINA))
    any_gateway.apply(MarkSpam(any_gateway.id_of(tag), GINA))
    ticket = any_gateway.ticket(tag)
    assert (ticket["state"], ticket["flags"]) == ("closed", ["spam"])
    assert kinds(any_gateway, tag).count("spam") == 1
    states = {row["template"]: row["state"] for row in any_gateway.outbox()}
    assert states == {"confirmation": "suppressed", "staff_notice": "due"}
    written(any_gateway, tag, "Buy", "eve@third.test")
    assert told_since(any_gateway, before) == []
    assert any_gateway.ticket(tag)["state"] == "closed"


def test_what_is_no_spam_is_again_what_it_was(any_gateway: Gateway) -> None:
    tag = opened(any_gateway)
    any_gateway.support_replies(tag)
    before = snapshot(any_gateway)
    any_gateway.apply(MarkSpam(any_gateway.id_of(tag), GINA))
    any_gateway.apply(UnmarkSpam(any_gateway.id_of(tag), GINA))
    any_gateway.apply(UnmarkSpam(any_gateway.id_of(tag), GINA))
    assert snapshot(any_gateway) == before
    assert kinds(any_gateway, tag).count("unspam") == 1


def test_marking_and_unmarking_are_taken_back(any_gateway: Gateway) -> None:
    tag = opened(any_gateway)
    number = any_gateway.id_of(tag)
    before = snapshot(any_gateway)
    any_gateway.apply(MarkSpam(number, GINA))
    marked = snapshot(any_gateway)
    any_gateway.apply(UndoLast(number, GINA))
    assert snapshot(any_gateway) == before
    any_gateway.apply(MarkSpam(number, GINA))
    any_gateway.apply(UnmarkSpam(number, GINA))
    any_gateway.apply(UndoLast(number, GINA))
    again = snapshot(any_gateway)
    assert [row[:-1] for row in again["ticket"]] == [row[:-1] for row in marked["ticket"]]
    any_gateway.apply(UnmarkSpam(number, GINA))
    assert snapshot(any_gateway) == before


@pytest.mark.parametrize("pattern", ["Eve@Third.test", "@third.test", " @THIRD.test "])
def test_a_blocked_sender_is_kept_silently_until_unblocked(any_gateway: Gateway, pattern: str) -> None:
    for _ in range(2):
        any_gateway.apply(BlockSender("hosting", pattern, GINA))
    with any_gateway.store.read() as connection:
        rows = blocking.blocked(connection, "hosting")
        assert blocking.blocked(connection, "moving") == []
    assert [(row["pattern"], row["by"]) for row in rows] == [(pattern.strip().lower(), "gina@desk.test")]
    row = any_gateway.receive(mail(sender="eve@third.test", to=box(any_gateway)), box(any_gateway))
    assert (row["outcome"], row["rule"]) == ("held", "blocked")
    assert any_gateway.ticket(row["ticket"])["flags"] == ["spam"]
    assert any_gateway.told() == []
    at_moving = mail("hi", sender="eve@third.test", to=box(any_gateway, "moving"))
    assert any_gateway.receive(at_moving, box(any_gateway, "moving"))["outcome"] == "new"
    any_gateway.apply(UnmarkSpam(any_gateway.id_of(row["ticket"]), GINA))
    assert any_gateway.ticket(row["ticket"])["state"] == "new"
    any_gateway.apply(UnblockSender("hosting", pattern, GINA))
    assert any_gateway.receive(mail("ho", sender="eve@third.test"), box(any_gateway))["outcome"] == "new"
    with pytest.raises(NotFound, match="is not blocked at hosting"):
        any_gateway.apply(UnblockSender("hosting", pattern, GINA))


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("support@desk.test", "of this installation"), ("support+x@desk.test", "of this installation"),
        ("@desk.test", "of this installation"), ("gina@desk.test", "on the staff"), ("nonsense", "expected an address"),
        ("@", "expected an address"), ("", "expected an address"),
    ],
)  # fmt: skip
def test_neither_a_mailbox_nor_staff_nor_nonsense_is_blocked(gateway: Gateway, pattern: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        gateway.apply(BlockSender("hosting", pattern, GINA))


def held(gateway: Gateway, sender: str = "new@third.test") -> str:
    """The tag of a ticket that the infrastructure desk holds for staff."""
    desk = gateway.config.desks["infrastructure"]
    gateway.config.desks["infrastructure"] = desk.model_copy(update={"unknown_sender": "hold"})
    inbox = box(gateway, "infrastructure")
    row = gateway.receive(mail(sender=sender, to=inbox), inbox)
    assert row["outcome"] == "held"
    return str(row["ticket"])


def test_a_released_ticket_is_ordinary_and_its_sender_is_vouched_for(any_gateway: Gateway) -> None:
    any_gateway.load(agents=[{"email": "ian@desk.test", "desk": "infrastructure"}])
    tag = held(any_gateway)
    before = len(any_gateway.told())
    any_gateway.apply(ReleaseTicket(any_gateway.id_of(tag), Author("ian@desk.test")))
    assert any_gateway.ticket(tag)["flags"] == []
    assert told_since(any_gateway, before) == [("new@third.test", "confirmation")]
    with pytest.raises(BadInput, match="is not held"):
        any_gateway.apply(ReleaseTicket(any_gateway.id_of(tag), Author("ian@desk.test")))
    inbox = box(any_gateway, "infrastructure")
    assert any_gateway.receive(mail("Another", sender="new@third.test", to=inbox), inbox)["outcome"] == "new"
