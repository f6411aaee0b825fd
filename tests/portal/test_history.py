"""Whatever happens to a ticket has words on its page; and so has every mail about it."""

from __future__ import annotations

import re
from typing import Any, get_args

from gateway.portal.history import FOR_ALL, FOR_STAFF, LINKS, SAID, UNDONE, sentence
from gateway.portal.words import MAIL_STATES, MAILS
from store import outbox, views
from store.acts import undoing
from store.commands import (
    AskOutsider,
    AssignTicket,
    Author,
    ChangeCc,
    CustomerReply,
    LinkTickets,
    MergeTicket,
    MoveTicket,
    NewMessage,
    OpenTicket,
    SetPriority,
    SplitTicket,
    UndoLast,
)  # fmt: skip
from store.commands.values import LinkKind
from store.rules.events import PUBLIC, TicketEvent
from store.rules.fanout import Template
from tests.portal.house import ANNA, KIM, MARIA, House
from tests.portal.test_pages import text

HUGO = Author("hugo@staff.example", "Hugo Brandt")
VARIANTS = {"assigned to oneself", "assigned to nobody"}


def test_every_event_is_a_sentence_or_said_by_a_message() -> None:
    assert {*FOR_STAFF} - VARIANTS | SAID == {*get_args(TicketEvent)}
    assert not SAID & {*FOR_STAFF}
    assert {*FOR_ALL} | SAID >= {*PUBLIC} >= {*FOR_ALL}


def test_every_mail_every_state_of_it_and_every_link_has_words() -> None:
    assert {*MAILS} == {*get_args(Template)}
    states = [line.split()[0] for line in (outbox.__doc__ or "").splitlines() if line.startswith("    ")]
    assert [*MAIL_STATES] == states[1:]
    assert {*LINKS} == {kind + way for kind in get_args(LinkKind) for way in ("", " by")}


def test_what_can_be_taken_back_has_words() -> None:
    assert {*UNDONE} == {*undoing._UNDO}


def test_sentences_hold_no_raw_names_and_no_empty_places() -> None:
    for kind in FOR_STAFF.keys() - VARIANTS:
        event: dict[str, Any] = {"kind": kind, "actor": "a@x.test", "old": "<old>", "new": "<new>"}
        said = str(sentence(event, lambda address: f"name of {address}", staff=True))
        assert not re.search(r"[{}_]|<old>|<new>|  ", said), said


def test_the_page_tells_the_whole_story_of_a_ticket(own_house: House) -> None:
    def opened(subject: str, **more: Any) -> int:
        made = own_house.do(OpenTicket("equipment", subject, NewMessage(ANNA, "?"), "Support", "low", "x", **more))
        return made.ticket or 0

    ticket, other = opened("Whole story"), opened("Other")
    own_house.load({"agents": [{"email": HUGO.email, "name": HUGO.name, "desk": "equipment"}]})
    lab = Author("lab@third.example", "Maria Lopez")
    own_house.do(
        AssignTicket(ticket, MARIA, MARIA),
        AssignTicket(ticket, MARIA, None),
        AssignTicket(ticket, MARIA, HUGO),
        SetPriority(ticket, MARIA, "high"),
    )
    own_house.clock.forward(minutes=-10)
    own_house.do(
        UndoLast(ticket, MARIA),
        MoveTicket(ticket, MARIA, "Billing"),
        ChangeCc(ticket, MARIA, (KIM,)),
        ChangeCc(ticket, MARIA, remove=(KIM.email,)),
        AskOutsider(ticket, NewMessage(MARIA, "Is it yours?"), lab),
        CustomerReply(
            ticket, NewMessage(ANNA, "Serial: 4711"), fields=(("serial", "4711"),), cc_left_out=("x@y.test",)
        ),
        LinkTickets(ticket, "EQ#1002", MARIA),
        MergeTicket(other, "EQ#1003", MARIA),
    )
    with own_house.store.read() as connection:
        row, _ = views.find_ticket(connection, own_house.config, "EQ#1003")
        last = views.ticket(connection, own_house.config, row)["messages"][-1]["id"]
    own_house.do(SplitTicket(ticket, MARIA, (last,), "Apart"))
    page = text(own_house.client("agent").get("/t/EQ-1003").text)
    story = [
        "Assigned to Hugo Brandt hugo@staff.example",
        "Maria Lopez gave this to Hugo Brandt",
        "Maria Lopez works on this now",
        "Maria Lopez took this up",
        "Maria Lopez gave this to nobody in particular",
        "Priority changed from low to high by Maria Lopez",
        "Maria Lopez took back the change of the priority",
        "Maria Lopez moved this from Support to Billing",
        "Kim Sato was added to the copies by Maria Lopez",
        "Maria Lopez took kim@partner.example off the copies",
        "Maria Lopez asked lab@third.example",
        "The mail of Anna Weber also went to x@y.test; they get no copies",
        "Anna Weber gave the serial: 4711",
        "Maria Lopez linked this with EQ#1002",
        "Maria Lopez merged EQ#1004 into EQ#1003",
        "Maria Lopez split EQ#1005 off EQ#1003",
    ]
    assert [line for line in story if line not in page] == []
    assert "It was split off" in text(own_house.client("agent").get("/t/EQ-1005").text)
    for role in ("requester", "admin"):
        seen = text(own_house.client(role).get("/t/EQ-1003").text)
        assert [line for line in story if line in seen] == ["Kim Sato was added to the copies by Maria Lopez"]
    own_house.do(MoveTicket(ticket, MARIA, "", "moving"))
    assert "Maria Lopez moved EQ#1003 here as MV#1001" in text(own_house.client("agent").get("/t/EQ-1003").text)
