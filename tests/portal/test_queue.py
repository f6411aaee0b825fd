"""What staff see first in the portal."""

from __future__ import annotations

import re

import pytest

from store.commands import CloseTicket, NewMessage, OpenTicket
from tests.harness import Gateway, mail
from tests.portal.house import ANNA, MARIA, House

DOMAIN = "equipment.desk.test"


def subjects(html: str) -> list[str]:
    """The tickets of a list, from the top."""
    return re.findall(r'<h2><a [^>]*dir="auto">([^<]*)</a>', html)


@pytest.mark.req("EQ-27")
def test_staff_see_safety_before_the_portal_before_general_mail_and_customers_the_latest_change(
    own_house: House,
) -> None:
    gateway = Gateway(own_house.config, own_house.store)
    gateway.receive(mail(subject="General", sender=ANNA.email), f"support@{DOMAIN}")
    by_portal = NewMessage(ANNA, "?", channel="portal")
    gateway.apply(OpenTicket("equipment", "By portal", by_portal, "Support", "medium", "portal"))
    gateway.receive(mail(subject="Gas leak", sender=ANNA.email), f"safety@{DOMAIN}")
    made = ["Gas leak", "By portal", "General"]
    assert [ticket["origin"] for ticket in gateway.tickets() if ticket["subject"] in made] == [
        f"mail:safety@{DOMAIN}", "portal", f"mail:support@{DOMAIN}",
    ]  # fmt: skip
    for path in ("/", "/?desk=equipment"):
        assert [subject for subject in subjects(own_house.client("agent").get(path).text) if subject in made] == made
    # At equal priority as well: an urgent ticket of the portal stands below the older and the newer safety mail.
    gateway.apply(OpenTicket("equipment", "Urgent by portal", by_portal, "Support", "urgent", "portal"))
    gateway.receive(mail(subject="Fire", sender=ANNA.email), f"safety@{DOMAIN}")
    assert subjects(own_house.client("agent").get("/").text)[:3] == ["Gas leak", "Fire", "Urgent by portal"]
    mine = [subject for subject in subjects(own_house.client("requester").get("/").text) if subject in made]
    assert sorted(mine) == sorted(made)


def test_what_is_closed_stands_below_what_is_open(own_house: House) -> None:
    opened = own_house.do(OpenTicket("equipment", "Leak", NewMessage(ANNA, "?"), "Safety", "urgent", "portal"))
    assert subjects(own_house.client("agent").get("/").text)[0] == "Leak"
    own_house.do(CloseTicket(opened.ticket or 0, MARIA, "support"))
    assert subjects(own_house.client("agent").get("/").text)[:2] == ["Re: [EQ#1001] Pump", "Leak"]


def test_a_long_queue_says_that_it_ends(own_house: House) -> None:
    own_house.do(*(OpenTicket("moving", f"Van {n}", NewMessage(ANNA, "?"), "Support", "low", "x") for n in range(201)))
    page = own_house.client("agent").get("/?desk=moving").text
    assert subjects(page) == [f"Van {n}" for n in range(200)]
    assert "These are the first 200 tickets of the queue." in page
