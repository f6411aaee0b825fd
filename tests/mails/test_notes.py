"""What staff say among themselves is in no mail to anybody else, whatever happens to the ticket afterwards (threats 47, 85)."""

from __future__ import annotations

import pytest

from store import pending
from store.clock import now
from store.commands import (
    AddNote,
    AskOutsider,
    AssignTicket,
    Author,
    ChangeCc,
    CloseTicket,
    Command,
    CustomerReply,
    LinkTickets,
    MarkSpam,
    MergeTicket,
    MoveTicket,
    NewFile,
    NewMessage,
    ParkRequest,
    RaisePriority,
    RecordBounce,
    RefuseRequest,
    SetPriority,
    SplitTicket,
    SupportReply,
    TakeTicket,
    UnmarkSpam,
)  # fmt: skip
from store.rules.desk import Notify
from tests import one_row
from tests.harness import Gateway, mail
from tests.mails.letters import TEMPLATES, read
from workers.compose import compose

SECRET = "WeThinkTheyWillNotPay"
GINA, ANNA, KIM = Author("gina@desk.test", "Gina"), Author("anna@cust.test", "Anna"), Author("kim@else.test", "Kim")
STAFF = {"gina@desk.test", "billy@desk.test", "oncall@desk.test"}
EVERYBODY = {"anna@cust.test", "boss@cust.test", "kim@else.test", "lee@else.test", "expert@maker.test", "new@else.test"}


def noted(ticket: int) -> list[Command]:
    """A note in each of the forms there are, with a file."""
    file = NewFile(f"{SECRET}.txt", "text/plain", 6, "a" * 64)
    message = NewMessage(GINA, f"{SECRET}, so be careful.", files=(file,))
    return [AddNote(ticket, message), AddNote(ticket, message, unsent=True), AddNote(ticket, message, outsider=True)]


def everything(ticket: int, other: str, split: int) -> list[Command]:
    """All that can happen to a ticket and be told to somebody."""
    said = NewMessage(ANNA, "It is still broken.")
    film = NewFile("film.mov", "video/quicktime", 6, "b" * 64, verdict="refused", reason="not accepted")
    return [
        ChangeCc(ticket, GINA, add=(KIM, Author("lee@else.test"))), TakeTicket(ticket, GINA),
        CustomerReply(ticket, said), CustomerReply(ticket, NewMessage(KIM, "For me too.", files=(film,))),
        SupportReply(ticket, NewMessage(GINA, "Restart it.")), SupportReply(ticket, NewMessage(GINA, "And?"), wait=False),
        AskOutsider(ticket, NewMessage(GINA, "Which version is it?"), Author("expert@maker.test")),
        RaisePriority(ticket, "urgent", alerts=("oncall@desk.test",)), SetPriority(ticket, GINA, "high"),
        AssignTicket(ticket, GINA, Author("billy@desk.test")), MoveTicket(ticket, GINA, "Billing"),
        LinkTickets(ticket, other, GINA), ParkRequest(ticket, ANNA, (CloseTicket(ticket, ANNA, "customer"),), None),
        RefuseRequest(ticket, ANNA, ("It cannot be closed.",), False, ("#close: closes the ticket",)),
        RecordBounce(ticket, None, None, "anna@cust.test", True, "550 no such user"),
        CloseTicket(ticket, GINA, "support"), CustomerReply(ticket, said), CloseTicket(ticket, ANNA, "customer"),
        MarkSpam(ticket, GINA), UnmarkSpam(ticket, GINA), CustomerReply(ticket, said),
        ChangeCc(ticket, GINA, add=(Author("new@else.test"),), remove=("lee@else.test",)),
        SupportReply(ticket, NewMessage(GINA, "Here you are.")),
        SplitTicket(ticket, GINA, (split,), "Another matter"), MergeTicket(ticket, other, GINA, strangers_too=True),
    ]  # fmt: skip


@pytest.mark.threat(47)
@pytest.mark.threat(85)
def test_a_note_reaches_nobody_but_the_staff_whatever_happens_afterwards(gateway: Gateway) -> None:
    desk = gateway.config.desks["hosting"]
    notify = Notify(organization_admins=True, echo_actor=True)
    gateway.config.desks["hosting"] = desk.model_copy(update={"notify": notify})
    tag = gateway.receive(mail())["ticket"]
    other = gateway.receive(mail(sender="Lee <lee@else.test>", subject="Scanner"))["ticket"]
    ticket = gateway.id_of(tag)
    for note in noted(ticket):
        gateway.apply(note)
    by_mail = mail(f"#note\n{SECRET}", sender="Gina <gina@desk.test>", to=gateway.reply_address(tag, "gina@desk.test"))
    gateway.receive(by_mail, gateway.reply_address(tag, "gina@desk.test"))
    assert sum(message["note"] for message in gateway.ticket(tag)["messages"]) == 4
    first = gateway.ticket(tag)["messages"][0]["id"]
    for number, act in enumerate(everything(ticket, other, first)):
        gateway.apply(act)
        for note in noted(ticket) if number % 6 == 0 else []:
            gateway.apply(note)
    told = sent(gateway)
    assert {person for person, _ in told} - STAFF == EVERYBODY
    for person, words in told:
        assert SECRET not in words or person in STAFF, words
    assert any(SECRET in words for person, words in told if person in STAFF)  # it would be noticed


def sent(gateway: Gateway) -> list[tuple[str, str]]:
    """Everything that is due, as its recipients read it."""
    told = []
    while due := pending.due(gateway.store, now(), 100):
        for id_ in due:
            letter = one_row.claim(gateway.store, id_, "test", now())
            if letter is None:
                continue
            assert letter.template in TEMPLATES
            desk = gateway.config.desks["hosting"]
            made = compose(letter, desk, secret=gateway.config.secret, read_blob=lambda _digest: SECRET.encode())
            seen = read(made)
            contents = "\n".join(content.decode("latin-1") for content in seen.files.values())
            told.append((letter.recipient, f"{letter.template}\n{seen.everything}\n{contents}"))
            one_row.accept(gateway.store, id_, "test", "250 ok", now())
    return told
