"""A desk that wants ordinary mail on its portal: held until it is complete there, or only shown the way (EQ-66)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from store import ledgers
from store.commands import Author, ReleaseTicket
from store.config import Config
from store.schema import Event
from tests.harness import Gateway, mail
from tests.routing.post import Post

EQ = "support@equipment.desk.test"
SAFETY, LOGIN = "safety@equipment.desk.test", "login@equipment.desk.test"
TOM, INES = "tom@cust.test", "ines@crew.test"


@pytest.fixture
def portal(gateway: Gateway, request: pytest.FixtureRequest) -> Gateway:
    """The equipment desk with the policy of the test."""
    file = gateway.config.folder / "desks" / "equipment.toml"
    text = file.read_text(encoding="utf-8")
    assert text.count('general_mail = "nudge"') == 1
    file.write_text(text.replace('general_mail = "nudge"', f'general_mail = "{request.param}"'), encoding="utf-8")
    return Gateway(Config(gateway.config.settings, gateway.config.folder, gateway.config.file), gateway.store)


redirecting = pytest.mark.parametrize("portal", ["redirect"], indirect=True)
holding = pytest.mark.parametrize("portal", ["hold"], indirect=True)


def write(gateway: Gateway, *to: str, sender: str = f"Tom <{TOM}>", **more: Any) -> dict[str, Any]:
    return gateway.receive(mail("The belt slips.", sender=sender, to=", ".join(to), subject="Belt", **more), *to)


@pytest.mark.req("EQ-66")
@redirecting
def test_redirected_mail_makes_no_ticket_and_its_sender_is_told_once(portal: Gateway) -> None:
    post = Post(portal)
    row = write(portal, EQ)
    assert (row["outcome"], row["rule"], row["ticket"]) == ("refused", "portal", None)
    assert portal.tickets() == []
    assert post.told() == [(TOM, "portal_redirect")]
    sent = post.sent[-1]
    assert f"{portal.config.base_url}/\n" in sent.text and f'href="{portal.config.base_url}/"' in sent.html
    assert "Safety: safety@equipment.desk.test" in sent.text and "Access: login@equipment.desk.test" in sent.text
    assert sent.message["Subject"] == "Equipment support: Belt"
    assert (sent.reply_to, sent.envelope_from) == (EQ, "")
    assert sent.message["In-Reply-To"] == f"<{row['message_id']}>"
    assert (sent.message["Auto-Submitted"], "slips" in sent.text) == ("auto-replied", False)


@pytest.mark.req("EQ-66")
@redirecting
def test_redirected_mail_is_found_by_its_message_id_with_its_bytes(portal: Gateway) -> None:
    row = write(portal, EQ)
    (found,) = ledgers.rows_of(portal.store, row["message_id"])
    told = ledgers.explain(portal.store, portal.config, found)
    assert "takes it on its portal alone" in told["reason"]
    assert [one["ticket"] for one in portal.outbox()] == [None]
    with portal.store.read() as connection:
        event = connection.execute(select(Event.c.new).where(Event.c.kind == "redirected")).scalar_one()
    assert event == f"equipment: {row['message_id']}"


@redirecting
def test_the_same_mail_again_is_a_duplicate_and_by_an_urgent_mailbox_a_ticket(portal: Gateway) -> None:
    message = mail("The saw does not stop.", sender=f"Tom <{TOM}>", to=EQ, subject="Saw")
    outcomes = [portal.receive(message, to)["outcome"] for to in (EQ, EQ, SAFETY, SAFETY, EQ)]
    assert outcomes == ["refused", "duplicate", "new", "duplicate", "duplicate"]
    assert portal.ticket("EQ#1001")["priority"] == "urgent"
    assert [template for _, template in portal.told()].count("portal_redirect") == 1


@pytest.mark.parametrize("portal", ["redirect", "hold"], indirect=True)
@pytest.mark.parametrize(("box", "sender"), [(SAFETY, TOM), (SAFETY, "rex@nowhere.test"), (LOGIN, TOM)])
def test_safety_and_login_mail_is_a_ticket_as_ever_also_beside_the_general_mailbox(
    portal: Gateway, box: str, sender: str
) -> None:
    assert [write(portal, *to, sender=sender)["outcome"] for to in ((box,), (EQ, box))] == ["new", "new"]
    assert {template for _, template in portal.told()} & {"portal_hold", "portal_redirect"} == set()


@redirecting
def test_an_answer_to_a_redirection_or_a_loop_ends_as_a_ticket_and_not_as_a_flood(portal: Gateway) -> None:
    """Budgets of threats 38 hold; when nobody may be told any more, nothing is lost."""
    post = Post(portal)
    write(portal, EQ)
    sent = post.last(TOM, "portal_redirect")
    outcomes = [post.answer(sent, f"But why? {n}")["outcome"] for n in range(22)]
    assert set(outcomes) == {"refused", "new"} and outcomes[-1] == "new"
    assert len([1 for _, template in portal.told() if template == "portal_redirect"]) <= 20


@redirecting
def test_a_stranger_is_held_where_the_desk_does_not_know_them_and_told_nothing_of_theirs(portal: Gateway) -> None:
    assert write(portal, EQ, sender="rex@nowhere.test")["outcome"] == "held"
    assert ("rex@nowhere.test", "held_ack") in portal.told()


@pytest.mark.req("EQ-66")
@holding
def test_held_mail_is_answered_with_its_link_and_released_like_other_held_mail(portal: Gateway) -> None:
    post = Post(portal)
    row = write(portal, EQ)
    assert (row["outcome"], row["rule"], row["ticket"]) == ("held", "portal", "EQ#1001")
    ticket = portal.ticket("EQ#1001")
    assert (ticket["flags"], ticket["state"]) == (["held", "portal-first"], "new")
    assert post.told() == [(INES, "staff_notice"), (TOM, "portal_hold")]
    sent = post.last(TOM, "portal_hold")
    assert "/t/EQ-1001" in sent.text and "/t/EQ-1001" in sent.html and "is kept as EQ#1001" in sent.text
    assert post.answer(sent, "Model: LX-200")["outcome"] == "reply"
    assert "held" in portal.ticket("EQ#1001")["flags"]
    portal.apply(ReleaseTicket(portal.id_of("EQ#1001"), Author(INES)))
    assert portal.ticket("EQ#1001")["flags"] == []
    assert (TOM, "confirmation") in post.told()


@pytest.mark.req("EQ-66")
def test_a_nudge_links_to_the_ticket_in_both_versions(gateway: Gateway, post: Post) -> None:
    filled = mail("Model: LX-200\nSerial: S1\n\nThe belt slips.", sender=f"Tom <{TOM}>", to=EQ)
    gateway.receive(filled, EQ)
    nudge = post.last(TOM, "portal_nudge")
    link = f"{gateway.config.base_url}/t/EQ-1001"
    assert link in nudge.text and f'href="{link}' in nudge.html
