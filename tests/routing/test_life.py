"""A whole ticket by mail alone, each address taken from the mail that offers it (BR-08), and what scanners do with those."""

from __future__ import annotations

import html
import re

import pytest
from starlette.testclient import TestClient

from gateway.portal.app import create_app
from store.clock import now
from tests.harness import Gateway, mail
from tests.portal.house import token
from tests.portal.test_guard import dump
from tests.routing.post import Post

HO = "support@hosting.desk.test"
LOG = ("disk.log", b"07:00 full\n", "text/plain")
MO, KIM, VERA = "mo@new.test", "kim@other.test", "vera@crew.test"


def live(gateway: Gateway, post: Post) -> None:
    """Opened, answered, replied to with a file, a copy and a reference, closed by its address, opened again."""
    gateway.receive(mail("The disk is full.", sender=f"Mo <{MO}>", to=HO, subject="Disk full"), HO)
    post.answer(post.last(VERA, "staff_notice"), "Which disk is it?")
    answer = post.last(MO, "staff_reply")
    said = "Ref: PO-7\n\nThe second one, the log is attached."
    assert post.answer(answer, said, files=[LOG], Cc=f"Kim <{KIM}>")["outcome"] == "reply"
    post.answer(post.last(VERA, "staff_notice"), "#nowait\n\nCleaned. Is it well?")
    assert "Cleaned. Is it well?" in post.last(KIM, "cc_copy").text
    post.answer(post.last(KIM, "cc_copy"), "It is.")
    last = post.last(MO, "staff_reply")
    assert last.close_address not in ("", last.reply_to)
    assert post.answer(last, to=last.close_address, quote=False, subject="[HO#1001] Solved")["outcome"] == "command"
    assert gateway.ticket("HO#1001")["label"] == "Closed"
    assert post.answer(last, "Full again, I am afraid.")["outcome"] == "reply"


@pytest.mark.req("BR-08")
def test_a_whole_life_by_mail_ends_as_one_on_the_portal_would(gateway: Gateway, post: Post) -> None:
    live(gateway, post)
    ticket = gateway.ticket("HO#1001")
    state = {name: ticket[name] for name in ("state", "last_reply_by", "taken", "label", "requester", "cc", "fields")}
    assert state == {
        "state": "waiting_support", "last_reply_by": "customer", "taken": True, "label": "Customer-Reply", "requester": MO,
        "cc": [KIM], "fields": {"ref": "PO-7"},
    }  # fmt: skip
    assert [(m["side"], m["from"], m["text"], [a["filename"] for a in m["attachments"]]) for m in ticket["messages"]] == [
        ("customer", MO, "The disk is full.", []),
        ("support", VERA, "Which disk is it?", []),
        ("customer", MO, "Ref: PO-7\n\nThe second one, the log is attached.", ["disk.log"]),
        ("support", VERA, "Cleaned. Is it well?", []),
        ("customer", KIM, "It is.", []),
        ("customer", MO, "Full again, I am afraid.", []),
    ]  # fmt: skip
    assert [e["kind"] for e in ticket["events"] if e["kind"] in ("created", "cc_added", "closed", "field_ref")] == [
        "created", "cc_added", "field_ref", "closed",
    ]  # fmt: skip
    assert len(gateway.tickets()) == 1 and {row["outcome"] for row in gateway.journal()} == {"new", "reply", "command"}
    page = enter(gateway, post, MO).get("/t/HO-1001").text
    shown = html.unescape(re.sub(r"<[^>]+>", " ", page))
    for words in ("Customer-Reply", "disk.log", "Kim", *(m["text"].split("\n")[-1] for m in ticket["messages"])):
        assert words in shown, words


def enter(gateway: Gateway, post: Post, address: str) -> TestClient:
    """A browser that a mail from the login mailbox let in."""
    gateway.receive(mail("I have no password.", sender=address, to=HO), "login@hosting.desk.test")
    (link,) = re.findall(r"https?://\S+/password\?\S+", post.last(address, "login_help").text)
    client = TestClient(create_app(gateway.config, gateway.store, now), follow_redirects=False)
    page = client.get(client.get(link.removeprefix(gateway.config.base_url)).headers["location"])
    form = {"form": token(page.text), "password": "four green words of mine", "again": "four green words of mine"}
    assert client.post("/password?next=/t/HO-1001", data=form).status_code == 303
    return client


@pytest.mark.req("BR-09")
def test_staff_and_the_customers_own_administrators_hear_of_new_mail_and_replies(gateway: Gateway, post: Post) -> None:
    """By the desk's `notify`: at the infrastructure desk the administrators do, at the hosting desk they do not (A-12)."""
    box = "support@infrastructure.desk.test"
    gateway.receive(mail("Down.", sender="dan@acme.test", to=box), box)
    assert post.told() == [("boss@acme.test", "ticket_update"), ("dan@acme.test", "confirmation"), ("noah@crew.test", "staff_notice")]  # fmt: skip
    post.answer(post.last("dan@acme.test", "confirmation"), "Still down.")
    assert post.told() == [("boss@acme.test", "ticket_update"), ("noah@crew.test", "staff_notice")]
    post.answer(post.last("noah@crew.test", "staff_notice"), "Up.")
    assert post.told() == [("boss@acme.test", "staff_reply"), ("dan@acme.test", "staff_reply")]
    gateway.receive(mail("Bill.", sender="anna@cust.test", to="x@y.test"), "billing@hosting.desk.test")
    assert post.told() == [
        ("anna@cust.test", "confirmation"),
        ("luca@crew.test", "staff_notice"),
        (VERA, "staff_notice"),
    ]
    gateway.receive(mail("Slow.", sender="anna@cust.test", to="x@y.test"), "technical@hosting.desk.test")
    assert post.told() == [("anna@cust.test", "confirmation"), (VERA, "staff_notice")]


def test_an_administrator_closes_by_the_address_in_their_own_copy(gateway: Gateway, post: Post) -> None:
    box = "support@infrastructure.desk.test"
    gateway.receive(mail("Down.", sender="dan@acme.test", to=box), box)
    copy = post.last("boss@acme.test", "ticket_update")
    assert post.answer(copy, to=copy.close_address, quote=False)["outcome"] == "command"
    assert gateway.ticket("IN#1001")["state"] == "closed"
    assert ("dan@acme.test", "ticket_closed") in post.told()


def test_nobody_else_closes_by_an_address_that_was_offered(gateway: Gateway, post: Post) -> None:
    """A person on CC is offered none; one that was passed on, or that a machine answers, does nothing."""
    live(gateway, post)
    post.collect()
    assert [one.close_address for one in post.sent if one.recipient == KIM] == [""] * sum(
        s.recipient == KIM for s in post.sent
    )
    offered = next(one for one in post.sent if one.recipient == MO and one.close_address)
    post.answer(offered, to=offered.close_address, sender=KIM, quote=False)
    assert post.told() == [(KIM, "request_refused")]
    assert "Only whoever opened it may close a ticket." in post.sent[-1].text
    row = post.answer(offered, to=offered.close_address, sender="rex@nowhere.test", quote=False)
    assert row["outcome"] == "held" and "rex@nowhere.test" in post.last(MO, "address_used").text
    absent = post.answer(offered, "I am away.", to=offered.close_address, quote=False, Auto_Submitted="auto-replied")
    assert absent["outcome"] == "auto"
    assert gateway.ticket("HO#1001")["state"] == "waiting_support"


@pytest.mark.threat(64)
def test_a_scanner_that_opens_every_link_of_every_mail_changes_nothing(gateway: Gateway, post: Post) -> None:
    live(gateway, post)
    gateway.receive(mail("I cannot sign in.", sender="tom@cust.test", to=HO), "login@equipment.desk.test")
    post.collect()
    before = dump(gateway.store)
    found = set[str]()
    for one in post.sent:
        found |= set(re.findall(r'href="([^"]+)"', one.html)) | set(re.findall(r"https?://\S+", one.text))
    web = {html.unescape(link) for link in found if not link.startswith("mailto:")}
    assert len(web) > 3 and all(link.startswith(gateway.config.base_url) for link in web)
    scanner = TestClient(create_app(gateway.config, gateway.store, now))
    for link in sorted(web):
        for method in ("HEAD", "GET", "GET"):
            scanner.request(method, link.removeprefix(gateway.config.base_url), headers={"User-Agent": "SafeLinks"})
    assert dump(gateway.store) == before
