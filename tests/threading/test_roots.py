"""Colleagues who answer each other before a tag exists meet on one ticket, in whatever order their mails come."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from store import journal
from store.clock import now
from store.journal import Incoming
from tests.harness import Gateway, mail

TAG = "HO#1001"
ROOT = "<root.7@elsewhere.test>"


def answer(text: str, sender: str, *, cites: str = ROOT, to: str = "support@desk.test", **headers: str) -> EmailMessage:
    """A reply-all to a mail the gateway never saw."""
    return mail(
        text, sender=sender, to=to, subject="Re: the lift", In_Reply_To=cites, References=f"{ROOT} {cites}", **headers
    )


def texts(gateway: Gateway, tag: str = TAG) -> list[str]:
    return [message["text"] for message in gateway.ticket(tag)["messages"]]


@pytest.mark.req("BR-02")
def test_two_answers_to_an_unseen_mail_are_one_ticket_of_both(gateway: Gateway) -> None:
    gateway.receive(answer("it hangs", "anna@cust.test", Cc="Bob <bob@cust.test>"))
    row = gateway.receive(answer("here too", "bob@cust.test", Cc="anna@cust.test"))
    assert (row["outcome"], row["ticket"]) == ("reply", TAG)
    assert texts(gateway) == ["it hangs", "here too"]
    assert gateway.ticket(TAG)["cc"] == ["bob@cust.test"]


def test_who_writes_to_the_requester_as_well_joins(gateway: Gateway) -> None:
    gateway.receive(answer("it hangs", "anna@cust.test"))
    row = gateway.receive(answer("here too", "bob@cust.test", to="support@desk.test, anna@cust.test"))
    assert row["ticket"] == TAG
    ticket = gateway.ticket(TAG)
    assert (ticket["cc"], ticket["flags"]) == (["bob@cust.test"], ["shared-thread"])


@pytest.mark.threat(42)
def test_who_only_knows_the_root_leaves_words_for_staff_and_hears_nothing(gateway: Gateway) -> None:
    gateway.receive(answer("it hangs", "anna@cust.test"))
    told = len(gateway.told())
    row = gateway.receive(answer("let me in", "mallory@evil.test", Cc="eve@evil.test"))
    assert (row["outcome"], row["ticket"]) == ("reply", TAG)
    assert gateway.told()[told:] == [("gina@desk.test", "staff_notice")]
    ticket = gateway.ticket(TAG)
    assert (ticket["cc"], ticket["flags"]) == ([], ["shared-thread"])
    gateway.support_replies(TAG, "for Anna alone")
    assert not [who for who, _ in gateway.told() if "evil" in who]


def test_the_mail_that_others_answered_finds_them_when_it_comes_late(gateway: Gateway) -> None:
    gateway.receive(answer("see below", "bob@cust.test", cites="<first.1@cust.test>", Cc="anna@cust.test"))
    row = gateway.receive(mail("the lift hangs", Message_ID="<first.1@cust.test>", subject="the lift"))
    assert (row["outcome"], row["ticket"]) == ("reply", TAG)


def test_a_chain_of_answers_stays_together_when_the_root_is_cut_off(gateway: Gateway) -> None:
    first = answer("one", "anna@cust.test", Cc="bob@cust.test")
    gateway.receive(first)
    second = mail(
        "two",
        sender="bob@cust.test",
        subject="Re: the lift",
        In_Reply_To="<lost.2@cust.test>",
        References=f"{ROOT} <lost.2@cust.test>",
    )
    gateway.receive(second)
    third = mail("three", sender="bob@cust.test", subject="Re: the lift", In_Reply_To="<lost.2@cust.test>")
    assert gateway.receive(third)["ticket"] == TAG


@pytest.mark.threat(39)
def test_a_root_lets_nobody_in_whose_domain_disowns_the_mail(gateway: Gateway) -> None:
    trusted = gateway.config.settings.auth.model_copy(update={"trusted_host": "mx.desk.test"})
    gateway.config.settings = gateway.config.settings.model_copy(update={"auth": trusted})
    gateway.receive(answer("it hangs", "anna@cust.test"))
    forged = answer("me too", "bob@cust.test", Authentication_Results="mx.desk.test; dmarc=fail header.from=cust.test")
    row = gateway.receive(forged)
    assert (row["outcome"], row["ticket"]) == ("new", "HO#1002")
    assert "dmarc-failed" in gateway.ticket("HO#1002")["flags"]


def test_alarms_under_one_root_are_tickets_of_their_own(gateway: Gateway) -> None:
    for text in ("disk full", "disk still full"):
        row = gateway.receive(answer(text, "monitor@cust.test", Auto_Submitted="auto-generated"))
        assert row["outcome"] == "new"
    assert len(gateway.tickets()) == 2


def test_another_desk_does_not_share_the_root(any_gateway: Gateway) -> None:
    any_gateway.receive(answer("it hangs", "anna@cust.test"), "support@hosting.desk.test")
    row = any_gateway.receive(answer("here too", "bob@cust.test"), "support@moving.desk.test")
    assert (row["outcome"], row["desk"]) == ("new", "moving")


def test_two_hundred_first_mails_citing_one_unknown_root_are_one_ticket(any_gateway: Gateway) -> None:
    """All there before the filer looks at the first of them."""
    mails = [
        bytes(answer(f"mail {n}", f"p{n}@cust.test")).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        for n in range(200)
    ]
    route = (("hosting", ("support@hosting.desk.test",)),)
    journal.append(any_gateway.store, [Incoming("smtp", now(), "e@cust.test", route, raw) for raw in mails])
    any_gateway.file()
    assert [row["outcome"] for row in any_gateway.journal()] == ["new"] + ["reply"] * 199
    (ticket,) = any_gateway.tickets()
    assert len(any_gateway.ticket(ticket["tag"])["messages"]) == 200
