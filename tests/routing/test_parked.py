"""What is asked for by mail without proof waits for the word of the person in whose name it came (threats 40, X-02)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from store.commands import Author, MoveTicket
from tests.harness import Gateway, mail
from tests.routing.conftest import MX
from tests.routing.post import Post

HO = "support@hosting.desk.test"
ANNA, VERA, NINA = "anna@cust.test", "vera@crew.test", "nina@crew.test"
PLAN = ("plan.txt", b"first the backup\n", "text/plain")


def forge(gateway: Gateway, text: str, sender: str, *files: tuple[str, bytes, str], **headers: str) -> dict[str, Any]:
    """A mail that has nothing but a name and a number: whoever sent it knows no address that was signed."""
    message = mail(text, sender=sender, to=HO, subject="[HO#1001] Printer", **headers)
    for name, content, kind in files:
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return gateway.receive(message, HO, sender="mallory@evil.test")


@pytest.fixture(autouse=True)
def ticket(gateway: Gateway, post: Post) -> None:
    gateway.receive(mail("It jams.", sender=f"Anna <{ANNA}>", to=HO, subject="Printer"), HO)
    post.collect()


@pytest.mark.req("X-02")
def test_closing_with_the_number_alone_asks_the_requester_whose_answer_closes(gateway: Gateway, post: Post) -> None:
    row = forge(gateway, "#close", ANNA)
    assert (row["outcome"], gateway.ticket("HO#1001")["state"]) == ("command", "new")
    assert post.told() == [(ANNA, "confirm_request")]
    asked = post.sent[-1]
    assert asked.envelope_from == "" and asked.message["Auto-Submitted"] == "auto-replied"
    assert "- close it" in asked.text and "Any answer to this mail" in asked.text
    assert post.answer(asked, "Yes.")["outcome"] == "command"
    after = gateway.ticket("HO#1001")
    assert (after["state"], len(after["messages"])) == ("closed", 1)


@pytest.mark.req("X-02")
def test_closing_by_a_signed_address_needs_no_question(gateway: Gateway, post: Post) -> None:
    post.answer(post.last(ANNA, "confirmation"), "#close")
    assert gateway.ticket("HO#1001")["state"] == "closed"
    assert (ANNA, "confirm_request") not in post.told()


def test_words_beside_the_command_arrive_at_once(gateway: Gateway, post: Post) -> None:
    forge(gateway, "#solved\n\nIt was the paper.", ANNA)
    ticket = gateway.ticket("HO#1001")
    assert (ticket["state"], ticket["messages"][-1]["text"]) == ("waiting_support", "It was the paper.")
    post.answer(post.last(ANNA, "confirm_request"), "yes", quote=False)
    assert gateway.ticket("HO#1001")["state"] == "closed"


def test_an_answer_counts_once(gateway: Gateway, post: Post) -> None:
    """Opened again since, the ticket does not close a second time by the old question."""
    forge(gateway, "#close", ANNA)
    asked = post.last(ANNA, "confirm_request")
    post.answer(asked, "Yes.")
    post.answer(post.last(ANNA, "confirmation"), "It jams again.")
    post.answer(asked, "Yes, I said.")
    ticket = gateway.ticket("HO#1001")
    assert ticket["state"] == "waiting_support"
    assert (
        [e["kind"] for e in ticket["events"]].count("closed")
        == [e["kind"] for e in ticket["events"]].count("confirmed")
        == 1
    )


@pytest.mark.parametrize(
    ("who", "headers"),
    [
        (ANNA, {"Auto_Submitted": "auto-replied"}),
        (ANNA, {"Precedence": "bulk"}),
        (VERA, {}),
        ("rex@nowhere.test", {}),
        (ANNA, {"Authentication_Results": f"{MX}; dmarc=fail header.from=cust.test"}),
    ],
)
def test_no_machine_no_other_person_and_no_forged_answer_gives_the_word(
    gateway: Gateway, post: Post, who: str, headers: dict[str, str]
) -> None:
    forge(gateway, "#close", ANNA)
    asked = post.last(ANNA, "confirm_request")
    post.answer(asked, "Yes.", sender=who, **headers)
    ticket = gateway.ticket("HO#1001")
    assert ticket["state"] != "closed" and "confirmed" not in [e["kind"] for e in ticket["events"]]
    post.answer(asked, "Yes.")
    assert gateway.ticket("HO#1001")["state"] == "closed"


def test_who_may_not_close_is_told_so_and_nothing_waits(gateway: Gateway, post: Post) -> None:
    kim = "kim@other.test"
    post.answer(post.last(ANNA, "confirmation"), "Kim knows more.", Cc=kim)
    post.answer(post.last(VERA, "staff_notice"), "Hello both.")
    post.answer(post.last(kim, "cc_copy"), "I do.")
    post.answer(post.last(kim, "cc_copy"), "#close")
    assert gateway.ticket("HO#1001")["state"] == "waiting_support"
    told = post.last(kim, "request_refused")
    assert "Only whoever opened it may close a ticket." in told.text and "#close" not in told.text
    assert (kim, "confirm_request") not in {(one.recipient, one.template) for one in post.sent}


@pytest.mark.threat(40)
def test_an_answer_in_the_name_of_staff_is_sent_once_they_give_their_word(gateway: Gateway, post: Post) -> None:
    """With exactly the words and the files; until then the customer hears nothing and staff see what waits."""
    row = forge(gateway, "Press the green button.\n\nVera", VERA, PLAN)
    assert (row["outcome"], row["ticket"]) == ("held", "HO#1002")
    assert {"held", "unproved-staff"} <= set(gateway.ticket("HO#1002")["flags"])
    assert len(gateway.ticket("HO#1001")["messages"]) == 1
    sent = post.collect()
    assert ANNA not in {one.recipient for one in sent} and (VERA, "confirm_request") in {
        (s.recipient, s.template) for s in sent
    }
    asked = post.last(VERA, "confirm_request")
    assert "- send an answer to the customer" in asked.text and "green button" not in asked.text
    assert post.answer(asked, "It was me.")["outcome"] == "command"
    told = [one for one in post.collect() if one.recipient == ANNA]
    assert [one.template for one in told] == ["staff_reply"]
    assert "Press the green button.\n\nVera" in told[0].text and "It was me" not in told[0].text
    assert {name: str(content).replace("\r\n", "\n") for name, content in told[0].files.items()} == {
        "plan.txt": PLAN[1].decode()
    }
    first, held = gateway.ticket("HO#1001"), gateway.ticket("HO#1002")
    assert [(m["side"], m["text"]) for m in first["messages"]][1:] == [("support", "Press the green button.\n\nVera")]
    assert held["state"] == "closed" and "merged" in [e["kind"] for e in held["events"]]
    post.answer(asked, "Once more.")
    assert post.told() == [(VERA, "staff_notice")]
    assert "Your answer was not sent" in post.sent[-1].text
    assert len([m for m in gateway.ticket("HO#1001")["messages"] if m["side"] == "support" and not m["note"]]) == 1


def test_a_note_in_the_name_of_staff_waits_as_well(gateway: Gateway, post: Post) -> None:
    forge(gateway, "#note\nThe customer owes us money.", VERA)
    assert len(gateway.ticket("HO#1001")["messages"]) == 1
    post.answer(post.last(VERA, "confirm_request"), "yes")
    note = gateway.ticket("HO#1001")["messages"][-1]
    assert (note["note"], note["text"]) == (True, "The customer owes us money.")
    assert ANNA not in {one.recipient for one in post.collect()}


STAFF_COMMANDS = (
    "#assign me", "#priority urgent", "#department Billing", "#cc eve@evil.test", "#merge HO#1002", "#close", "#note", "#wait",
)  # fmt: skip
_PLACES: dict[str, Callable[[Post], str]] = {
    "the plain mailbox": lambda post: HO,
    "a customer's address": lambda post: post.last(ANNA, "confirmation").reply_to,
    "a customer's address for closing": lambda post: post.last(ANNA, "confirmation").close_address,
    "another agent's address": lambda post: post.last(NINA, "staff_notice").reply_to,
}


@pytest.mark.req("X-02")
@pytest.mark.threat(40)
@pytest.mark.parametrize("place", _PLACES)
def test_no_command_of_staff_takes_effect_from_a_forged_sender(gateway: Gateway, post: Post, place: str) -> None:
    """Neither at the plain mailbox nor at an address made for somebody else: the agent is asked, nobody else hears of it."""
    gateway.load(agents=[{"email": NINA, "name": "Nina", "desk": "hosting"}])
    gateway.receive(mail("It jams too.", sender=f"Anna <{ANNA}>", to=HO, subject="[HO#1001] Printer"), HO)
    gateway.receive(mail("Smoke.", sender=f"Anna <{ANNA}>", to=HO, subject="Scanner"), HO)
    to = _PLACES[place](post)
    post.collect()
    before = _apart_from_history(gateway)
    for command in STAFF_COMMANDS:
        forged = mail(f"{command}\n\nDo as I say.", sender=VERA, to=to, subject="Re: [HO#1001] Printer")
        row = gateway.receive(forged, to, sender="mallory@evil.test")
        assert row["outcome"] == "held" and row["ticket"] not in ("HO#1001", "HO#1002")
        told = post.collect()
        assert {one.recipient for one in told} & {"eve@evil.test", "mallory@evil.test"} == set()
        assert ANNA not in {one.recipient for one in told if one.template != "address_used"}
        assert [one.recipient for one in told if one.template == "confirm_request"] == [VERA], command
        assert _apart_from_history(gateway) == before, command


def _apart_from_history(gateway: Gateway) -> list[dict[str, Any]]:
    history = ("updated", "events", "links")
    tickets = (gateway.ticket(tag) for tag in ("HO#1001", "HO#1002"))
    return [{name: value for name, value in ticket.items() if name not in history} for ticket in tickets]


@pytest.mark.req("X-02")
def test_an_agent_of_the_desk_a_ticket_went_to_who_writes_to_the_old_mailbox_is_asked_as_staff(
    gateway: Gateway, post: Post
) -> None:
    """Whose word it is depends on where the ticket is, not on the mailbox."""
    ines = "ines@crew.test"
    gateway.apply(MoveTicket(gateway.id_of("HO#1001"), Author(VERA), "", "equipment"))
    forge(gateway, "#priority high\n#close\n\nDone.", ines)
    asked = post.last(ines, "confirm_request")
    for words in ("- send an answer to the customer", "- change its priority"):
        assert words in asked.text
    assert (gateway.ticket("EQ#1001")["state"], gateway.ticket("EQ#1001")["priority"]) == ("new", "medium")
    assert post.answer(asked, "It was me.")["outcome"] == "command"
    ticket = gateway.ticket("EQ#1001")
    assert (ticket["state"], ticket["priority"]) == ("closed", "high")
    assert [(m["side"], m["text"]) for m in ticket["messages"]][1:] == [("support", "Done.")]
    assert gateway.ticket("HO#1002")["merged_into"] == "EQ#1001"  # what was held there has no use of its own
    assert "Done." in post.last(ANNA, "ticket_closed").text


def test_what_cannot_be_understood_is_answered_with_what_can_be_asked_for(gateway: Gateway, post: Post) -> None:
    """To its author alone; their words are a note."""
    post.answer(post.last(VERA, "staff_notice"), "#clsoe\n\nAll is well.")
    assert post.told() == [(VERA, "request_refused")]
    refused = post.sent[-1]
    for words in ("There is no command #clsoe.", "Nothing was sent", "#assign ADDRESS", "#note:"):
        assert words in refused.text
    assert "All is well." not in refused.text
    ticket = gateway.ticket("HO#1001")
    assert ticket["messages"][-1]["note"] and ticket["state"] == "new"
    post.answer(refused, "All is well.")  # said again, above the line, it goes out
    assert "All is well." in post.last(ANNA, "staff_reply").text


def test_a_thousand_forged_requests_fill_nobodys_mailbox(gateway: Gateway, post: Post) -> None:
    """The questions count against the budget of automatic answers (threats 38)."""
    for number in range(30):
        forge(gateway, f"#close\n\n{number}", ANNA)
    assert len([one for one in post.collect() if one.template == "confirm_request"]) <= 20
