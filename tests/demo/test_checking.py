"""The demo is a check: whatever is otherwise than its story says must be noticed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.cli.demo.checking import Became, Books, check_door, check_end, check_inside, check_whole
from gateway.cli.demo.sample import End, Sample
from tests.demo.stand_in import our_mail

OWEN, REX = "owen@tallyman-books.example", "rex@mallow.example"
TICKET: dict[str, Any] = {
    "desk": "hosting", "label": "Open", "priority": "medium", "department": "Support", "cc": [OWEN],
    "flags": ["stranger"],
}  # fmt: skip
MAIL: dict[str, Any] = {
    "id": 1, "ticket": "HO#1", "recipient": OWEN, "template": "confirmation", "state": "accepted",
    "message_id": "abc.def@hosting.desk.test",
}  # fmt: skip
SENT = {"abc.def@hosting.desk.test": our_mail()}
SENT["abc.def@hosting.desk.test"].replace_header("X-Envelope-To", f"<{OWEN}>")
GOOD = End(
    "new", "hosting", "web", "Open", "medium", "Support", (OWEN,), "stranger", told=((OWEN, "confirmation"),),
    untold=(REX,), says="it works",
)  # fmt: skip
BOOKS = Books([{"id": 1, "outcome": "new"}], {"HO#1": TICKET}, [MAIL], [MAIL], SENT)


def judged(end: End = GOOD, books: Books = BOOKS, outcome: str = "new", ticket: str = "HO#1") -> list[str]:
    became = Became(Sample("web", "", OWEN, (), (end,)), end, "250 2.0.0", outcome, "", ticket)
    check_end(became, {"web": "HO#1"}, books, OWEN, "abc.def@hosting.desk.test")
    return became.wrong


def test_what_is_as_it_must_be_is_not_complained_of():
    assert judged() == []
    assert check_whole(BOOKS, 1, ["secret"]) == []


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "reply"},
        {"desk": "moving"},
        {"ticket": "another"},
        {"label": "Closed"},
        {"priority": "urgent"},
        {"department": "Billing"},
        {"cc": (REX,)},
        {"flag": "held"},
        {"told": ((OWEN, "staff_reply"),)},
        {"told": ((REX, "confirmation"),), "untold": ()},
        {"untold": (OWEN,)},
        {"says": "it does not work"},
    ],
    ids=str,
)
def test_every_field_of_an_end_is_compared(change: dict[str, Any]):
    assert len(judged(replace(GOOD, **change))) >= 1


def test_a_missing_ticket_is_noticed():
    assert "there is no ticket" in judged(ticket="")


def test_whoever_must_not_be_answered_must_not_be_mailed_about_another_ticket_either():
    elsewhere = replace(BOOKS, fresh=[MAIL, {**MAIL, "ticket": "HO#2"}])
    assert judged(replace(GOOD, told=(), untold=(OWEN,), ticket=""), elsewhere, ticket="HO#1")


def test_a_bounce_must_mark_the_mail_it_is_about():
    end = End("bounce", "hosting")
    assert judged(end, outcome="bounce") == ["state of the mail it is about is 'accepted', expected 'bounced'"]
    bounced = replace(BOOKS, outbox=[{**MAIL, "state": "bounced"}])
    assert judged(end, bounced, outcome="bounce") == []


def test_a_note_must_not_be_mailed():
    assert judged(End("note", "hosting"), outcome="note") == ["a note was mailed"]


@pytest.mark.parametrize(("door", "fine"), [("552 5.3.4 too big", True), ("250 2.0.0 stored", False)])
def test_the_answer_of_the_door_is_compared(door: str, fine: bool):
    became = Became(Sample("big", "", OWEN, (), ()), None, door)
    check_door(became, "552")
    assert (became.wrong == []) is fine


def test_files_links_and_messages_are_compared():
    details = {
        "messages": [
            {
                "side": "support",
                "text": "it works",
                "attachments": [
                    {"filename": "a.txt", "verdict": "accepted"},
                    {"filename": "b.exe", "verdict": "refused"},
                ],
            }
        ],
        "links": [{"kind": "claims", "ticket": "HO#1"}],
    }
    good = End("new", "hosting", accepted=("a.txt",), refused=("b.exe",), linked="web", side="support", says="works")
    changes: list[dict[str, Any]] = [{}, {"accepted": ("b.exe",)}, {"refused": ("a.txt",)}, {"side": "customer"}]
    for change in changes:
        end = replace(good, **change)
        became = Became(Sample("web", "", OWEN, (), (end,)), end, "250")
        check_inside(became, details, {"web": "HO#1"})
        assert len(became.wrong) == len(change)
    became = Became(Sample("web", "", OWEN, (), (good,)), good, "250")
    check_inside(became, details, {"web": "HO#2"})
    assert len(became.wrong) == 1


@pytest.mark.parametrize(
    ("books", "rows", "secrets"),
    [
        (replace(BOOKS, journal=[{"id": 1, "outcome": None}]), 1, []),
        (replace(BOOKS, journal=[{"id": 1, "outcome": "dead", "reason": "a bug"}]), 1, []),
        (BOOKS, 2, []),
        (replace(BOOKS, outbox=[{**MAIL, "state": "deferred"}]), 1, []),
        (replace(BOOKS, sent={}), 1, []),
        (replace(BOOKS, outbox=[]), 1, []),
        (replace(BOOKS, outbox=[{**MAIL, "recipient": REX}]), 1, []),
        (BOOKS, 1, ["it works"]),
    ],
)
def test_what_is_wrong_with_the_whole_is_noticed(books: Books, rows: int, secrets: list[str]):
    assert check_whole(books, rows, secrets)
