"""A ticket's life is one conversation in the mailbox of each who reads it, in whatever program."""

from __future__ import annotations

from base64 import b64encode
from email.message import EmailMessage
from email.utils import parseaddr

import pytest

from gateway.parse import parse
from store.commands import AssignTicket, Author, CloseTicket, MergeTicket, MoveTicket, SetPriority
from tests.conftest import installation
from tests.harness import Gateway
from tests.threading.readers import RULES, Reader, deliver, strict_gmail

each_rule = pytest.mark.parametrize("rule", RULES)
own_program = pytest.mark.parametrize("outlook", [False, True], ids=["others", "outlook"])
GINA = Author("gina@desk.test")


class Life:
    """Anna opens a ticket with Carl on copy; Boss looks after her organisation, Gina answers, Ben is a colleague."""

    def __init__(self, gateway: Gateway, outlook: bool) -> None:
        gateway.load(people=[{"email": "ben@cust.test", "name": "Ben", "organization": "acme"}])
        notify = gateway.config.desks["hosting"].notify.model_copy(update={"organization_admins": True})
        gateway.config.desks["hosting"] = gateway.config.desks["hosting"].model_copy(update={"notify": notify})
        self.gateway = gateway
        self.anna, self.carl, self.boss, self.gina, self.ben = self.readers = [
            Reader(f"{name}", outlook)
            for name in ("anna@cust.test", "carl@third.test", "boss@cust.test", "gina@desk.test", "ben@cust.test")
        ]

    def sends(self, made: EmailMessage) -> str:
        """A mail comes in and what follows goes out; the ticket it is on."""
        row = self.gateway.receive(made, parseaddr(str(made["To"]))[1], sender=parseaddr(str(made["From"]))[1])
        assert row["outcome"] in ("new", "reply", "command"), row["reason"]
        deliver(self.gateway, self.readers)
        return str(row["ticket"])

    def does(self, command: object) -> None:
        self.gateway.apply(command)  # type: ignore[arg-type]
        deliver(self.gateway, self.readers)

    def opens(self) -> int:
        made = self.anna.write("The disk is full.", "Disk full on web-3", cc=self.carl.address)
        self.carl.mails.append(made)
        assert self.sends(made) == "HO#1001"
        return self.gateway.id_of("HO#1001")

    def goes_on(self, tag: str = "HO#1001") -> None:
        for reader in (self.gina, self.anna, self.gina, self.carl):
            assert self.sends(reader.answer(f"Words of {reader.address}.")) == tag


@each_rule
@own_program
def test_from_opening_to_reopening_each_reader_has_one_conversation(gateway: Gateway, rule: str, outlook: bool) -> None:
    life = Life(gateway, outlook)
    ticket = life.opens()
    life.goes_on()
    life.does(SetPriority(ticket, GINA, "urgent"))
    life.does(AssignTicket(ticket, Author("billy@desk.test"), GINA))
    assert life.sends(life.gina.answer("#close\n\nThat is all then.")) == "HO#1001"
    assert gateway.ticket("HO#1001")["state"] == "closed"
    assert life.sends(life.anna.answer("It is back.")) == "HO#1001"
    assert gateway.ticket("HO#1001")["state"] != "closed"
    life.goes_on()
    life.does(CloseTicket(ticket, GINA, "support"))
    for reader in life.readers[:4]:
        assert len(reader.mails) >= 5
        assert len(RULES[rule](reader.mails)) == 1, (reader.address, RULES[rule](reader.mails))


@each_rule
@own_program
def test_whose_ticket_was_merged_reads_on_where_they_were(gateway: Gateway, rule: str, outlook: bool) -> None:
    """Anna's goes into Ben's. She has one conversation, under the number she knows, and Ben has his."""
    life = Life(gateway, outlook)
    ticket = life.opens()
    life.goes_on()
    assert life.sends(life.ben.write("Nothing works.", "Web-3 is down")) == "HO#1002"
    life.does(MergeTicket(ticket, "HO#1002", GINA))
    gateway.support_replies("HO#1002", "The disk is new.")
    deliver(gateway, life.readers)
    for reader, number in ((life.anna, "1001"), (life.carl, "1001"), (life.ben, "1002")):
        assert f"[HO#{number}]" in str(reader.newest["Subject"])
        assert life.sends(reader.answer("Thank you.")) == "HO#1002"
        assert len(RULES[rule](reader.mails)) == 1, (reader.address, RULES[rule](reader.mails))
    # Gina was told of both from the beginning; what comes after the merge is all in one of her two.
    assert len(RULES[rule](life.gina.mails)) <= 2
    assert "[HO#1002]" in str(life.gina.newest["Subject"])


@pytest.mark.parametrize("rule", ["gmail", "outlook", "apple"])
@own_program
def test_at_another_desk_it_has_another_number_and_is_the_same_conversation(
    tmp_path_factory: pytest.TempPathFactory, gateway: Gateway, rule: str, outlook: bool
) -> None:
    both = installation(tmp_path_factory.mktemp("both"), ("hosting", "moving"))
    gateway.config.desks["moving"] = both.desks["moving"]
    life = Life(gateway, outlook)
    ticket = life.opens()
    life.goes_on()
    life.does(MoveTicket(ticket, GINA, "", "moving"))
    gateway.support_replies("MV#1001", "We take it from here.")
    deliver(gateway, life.readers)
    assert str(life.anna.newest["Subject"]) == "[MV#1001] Disk full on web-3"
    assert len(RULES[rule](life.anna.mails)) == 1


def test_the_acknowledgement_to_a_stranger_alone_stands_beside_the_rest_in_gmail(gateway: Gateway) -> None:
    """It may hold none of their words, so no subject either (threats 38)."""
    stranger = Reader("new@else.test", True)
    gateway.receive(stranger.write("Hello?", "A question"), "support@desk.test", sender=stranger.address)
    deliver(gateway, [stranger])
    gateway.support_replies("HO#1001")
    deliver(gateway, [stranger])
    gateway.receive(stranger.answer("Thanks"), parseaddr(str(stranger.newest["Reply-To"]))[1], sender=stranger.address)
    gateway.support_replies("HO#1001")
    deliver(gateway, [stranger])
    assert len(stranger.mails) == 5
    alone = ["[HO#1001] We received your message"]
    assert sorted(map(len, RULES["gmail"](stranger.mails))) == [1, 4] and alone in RULES["gmail"](stranger.mails)
    assert alone in strict_gmail(stranger.mails)
    assert len(RULES["apple"](stranger.mails)) == len(RULES["outlook"](stranger.mails)) == 1


@pytest.mark.threat(47)
def test_somebody_outside_gets_nothing_of_the_customers_conversation(gateway: Gateway) -> None:
    from store.commands import AskOutsider, NewMessage

    life, maker = Life(gateway, True), Reader("maker@else.test")
    ticket = life.opens()
    gateway.apply(AskOutsider(ticket, NewMessage(GINA, "Which version?"), Author(maker.address)))
    deliver(gateway, [maker])
    theirs = str(life.anna.mails[0]["Thread-Index"])[:24]
    assert not str(maker.newest["Thread-Index"]).startswith(theirs)
    assert maker.newest["References"] is None


HEAD = bytes([1, *range(21)])


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (b64encode(HEAD), HEAD.hex()),
        (b64encode(HEAD + b"12345" * 3), HEAD.hex()),
        (b64encode(HEAD + b"12345" * 300)[:76] + b"\r\n " + b64encode(HEAD + b"12345" * 300)[76:], HEAD.hex()),
        (b64encode(HEAD + b"1234"), None),
        (b64encode(HEAD[:21]), None),
        (b64encode(b"\0" + HEAD[1:]), None),
        (b64encode(HEAD + b"12345" * 1000), None),
        (b"no base64!", None),
        (b"", None),
    ],
)
def test_what_begins_a_thread_index_is_read_and_nothing_else(value: bytes, read: str | None) -> None:
    parsed = parse(b"From: a@b.test\r\nThread-Index: " + value + b"\r\n\r\nx")
    assert parsed.conversation == read and parsed.defects == ()
