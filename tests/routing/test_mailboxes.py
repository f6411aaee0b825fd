"""The mailbox decides: department, priority, who is told, and whose mail is taken (BR-10, EQ-63 to 66)."""

from __future__ import annotations

import pytest

from tests.harness import Gateway, mail
from tests.routing.post import Post

EQ = "equipment.desk.test"
HO = "hosting.desk.test"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16


def write(gateway: Gateway, *to: str, text: str = "Smell of gas in hall 2.", **more: str) -> dict[str, object]:
    """A mail that names no address of ours in its headers: only the envelope does, as with Bcc."""
    message = mail(text, to="undisclosed-recipients:;", **{"subject": "Gas", "sender": "rex@nowhere.test", **more})
    return gateway.receive(message, *to)


@pytest.mark.req("EQ-63")
@pytest.mark.req("BR-10")
def test_safety_mail_of_a_stranger_in_bcc_is_urgent_alerts_those_on_call_and_is_acknowledged(
    gateway: Gateway, post: Post
) -> None:
    row = write(gateway, f"safety@{EQ}")
    assert row["outcome"] == "new"
    ticket = gateway.ticket("EQ#1001")
    assert (ticket["department"], ticket["priority"], ticket["label"]) == ("Safety", "urgent", "Open")
    assert ticket["origin"] == f"mail:safety@{EQ}" and ticket["flags"] == []
    assert post.told() == [
        ("ines@crew.test", "staff_notice"), ("oncall@phone.test", "safety_alert"), ("rex@nowhere.test", "safety_ack"),
    ]  # fmt: skip
    alert = post.last("oncall@phone.test", "safety_alert")
    for words in ("Smell of gas in hall 2.", "rex@nowhere.test", "Urgent", "Safety", "/t/EQ-1001"):
        assert words in alert.text and words in alert.html
    assert alert.message["Subject"] == "[EQ#1001] ALERT Safety: Gas"
    ack = post.last("rex@nowhere.test", "safety_ack")
    assert "local emergency number" in ack.text and "EQ#1001" in ack.text and ack.envelope_from == ""
    assert "Smell" not in ack.text and "Gas" not in str(ack.message)


@pytest.mark.parametrize(
    ("desk", "sender"), [(f"safety@{EQ}", "rex@nowhere.test"), (f"safety@{EQ}", "tom@cust.test"), (f"safety@{HO}", "anna@cust.test")]
)  # fmt: skip
def test_safety_mail_is_never_held_and_never_asked_for_a_form(
    gateway: Gateway, post: Post, desk: str, sender: str
) -> None:
    assert write(gateway, desk, sender=sender)["outcome"] == "new"
    assert (sender, "safety_ack") in post.told()
    assert gateway.tickets()[0]["state"] == "new"


@pytest.mark.req("EQ-64")
def test_somebody_who_is_locked_out_settles_the_whole_matter_by_mail(gateway: Gateway, post: Post) -> None:
    """At a desk that shows but the beginning of a text, too: nobody is sent to a portal they cannot enter."""
    infra, long = "access@infrastructure.desk.test", "Please try this. " * 60 + "The very end."
    assert write(gateway, infra, text="I am locked out.", sender="Dan <dan@acme.test>")["outcome"] == "new"
    ticket = gateway.ticket("IN#1001")
    assert (ticket["department"], ticket["priority"]) == ("Access", "high")
    ack = post.last("dan@acme.test", "access_ack")
    assert "no need to sign in" in " ".join(ack.text.split()) and "I am locked out." in ack.text
    post.answer(post.last("noah@crew.test", "staff_notice"), long)
    answer = post.last("dan@acme.test", "staff_reply")
    assert "The very end." in answer.text and "The very end." in answer.html
    assert post.answer(answer, "It works.")["outcome"] == "reply"
    assert post.answer(answer, to=answer.close_address, quote=False)["outcome"] == "command"
    assert gateway.ticket("IN#1001")["state"] == "closed"
    assert [m["text"] for m in gateway.ticket("IN#1001")["messages"]] == ["I am locked out.", long, "It works."]


def test_other_mail_is_answered_with_the_way_to_the_portal(gateway: Gateway, post: Post) -> None:
    filled = "Model: LX-200\nSerial: S1\n\nThe belt slips."
    assert write(gateway, f"support@{EQ}", text=filled, sender="tom@cust.test")["outcome"] == "new"
    assert post.told() == [("ines@crew.test", "staff_notice"), ("tom@cust.test", "portal_nudge")]
    nudge = post.last("tom@cust.test", "portal_nudge")
    assert "opened on the portal is taken up first" in " ".join(nudge.text.split()) and "/t/EQ-1001" in nudge.text
    assert post.answer(nudge, "One more thing.")["outcome"] == "reply"  # replies are always taken


@pytest.mark.req("HO-03")
@pytest.mark.parametrize(("box", "department"), [("technical", "Technical"), ("billing", "Billing"), ("support", "Support"), ("sales", "Sales")])  # fmt: skip
def test_each_department_has_a_mailbox_and_answers_from_it(
    gateway: Gateway, post: Post, box: str, department: str
) -> None:
    write(gateway, f"{box}@{HO}", sender="anna@cust.test")
    ticket = gateway.ticket("HO#1001")
    assert (ticket["department"], ticket["origin"]) == (department, f"mail:{box}@{HO}")
    sent = post.last("anna@cust.test", "confirmation")
    assert sent.message["From"].addresses[0].addr_spec == f"{box}@{HO}"
    assert sent.reply_to.startswith(f"{box}+")


@pytest.mark.req("BR-10")
def test_one_mail_to_two_mailboxes_of_a_desk_is_one_ticket_as_urgent_as_the_more_urgent(
    gateway: Gateway, post: Post
) -> None:
    """Whichever is named first; the other one is remembered."""
    for number, boxes in ((1001, ("support", "safety")), (1002, ("safety", "support"))):
        write(gateway, *(f"{box}@{EQ}" for box in boxes), sender="tom@cust.test")
        ticket = gateway.ticket(f"EQ#{number}")
        assert (ticket["priority"], ticket["department"], ticket["origin"]) == ("urgent", "Safety", f"mail:safety@{EQ}")
        assert [e["new"] for e in ticket["events"] if e["kind"] == "also_to"] == [f"support@{EQ}"]
    assert len(gateway.tickets()) == 2
    alerts = [one for one in post.told() if one[1] == "safety_alert"]
    assert alerts == [("oncall@phone.test", "safety_alert")] * 2


def test_one_mail_to_two_desks_is_two_tickets_that_know_each_other(gateway: Gateway) -> None:
    write(gateway, "support@hosting.desk.test", "support@moving.desk.test", sender="anna@cust.test")
    first, second = gateway.ticket("HO#1001"), gateway.ticket("MV#1001")
    assert [second["links"], first["links"]] == [
        [{"kind": "same_mail", "ticket": "HO#1001"}], [{"kind": "same_mail by", "ticket": "MV#1001"}],
    ]  # fmt: skip
    assert first["flags"] == second["flags"] == []


def test_the_same_mail_again_by_the_safety_mailbox_raises_its_ticket_and_alerts(gateway: Gateway, post: Post) -> None:
    """Once; and with what it is about, for whoever is on call has not seen the ticket."""
    message = mail("The saw does not stop.", sender="Tom <tom@cust.test>", to=f"support@{EQ}", subject="Saw")
    gateway.receive(message, f"support@{EQ}")
    post.collect()
    assert gateway.receive(message, f"safety@{EQ}")["outcome"] == "duplicate"
    ticket = gateway.ticket("EQ#1001")
    assert (ticket["priority"], len(ticket["messages"]), ticket["origin"]) == ("urgent", 1, f"mail:support@{EQ}")
    assert [e["new"] for e in ticket["events"] if e["kind"] == "also_to"] == [f"safety@{EQ}"]
    assert post.told() == [("ines@crew.test", "staff_notice"), ("oncall@phone.test", "safety_alert")]
    for sent in post.sent[-2:]:
        assert "The saw does not stop." in sent.text and "Tom" in sent.text
    gateway.receive(message, f"safety@{EQ}")
    assert post.told() == [] and len(gateway.tickets()) == 1


@pytest.mark.parametrize(("desk", "held"), [("infrastructure", True), ("devices", True), ("equipment", True), ("moving", False), ("hosting", False)])  # fmt: skip
def test_mail_of_people_nobody_knows_is_taken_or_held_as_the_desk_says(
    gateway: Gateway, post: Post, desk: str, held: bool
) -> None:
    """A-24. Held mail is on a ticket for staff, and its sender gets a fixed text."""
    row = write(gateway, f"support@{desk}.desk.test", text="BuyCheapPills", subject="BuyCheapPills")
    assert row["outcome"] == ("held" if held else "new")
    (ticket,) = gateway.tickets()
    assert ("held" in ticket["flags"], "unknown-sender" in ticket["flags"]) == (held, held)
    sent = post.last("rex@nowhere.test", "held_ack" if held else "confirmation")
    assert "BuyCheapPills" not in str(sent.message) and "BuyCheapPills" not in sent.text + sent.html
    assert str(sent.message["Subject"]).endswith("We received your message")
    assert not held or "We do not know this address yet" in " ".join(sent.text.split())
    for box in ("safety", "access", "login"):
        assert write(gateway, f"{box}@{desk}.desk.test", sender=f"{box}@nowhere.test")["outcome"] == "new"


def test_mail_of_inactive_people_is_never_answered_by_any_mailbox(gateway: Gateway, post: Post) -> None:
    for box in ("support", "safety", "access", "login"):
        write(gateway, f"{box}@{HO}", sender="ruth@cust.test", subject=box)
    assert {recipient for recipient, _ in post.told()} == {"vera@crew.test"}
