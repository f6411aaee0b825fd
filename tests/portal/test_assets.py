"""The page of an asset: what stands on it, for whom, and where the mails about it lead."""

from __future__ import annotations

import re

import pytest

from store.commands import Author, NewMessage, OpenTicket, Wish
from store.commands.assets import AcknowledgeMissed, AskForAssets, CompleteActivation, MoveAsset, WithdrawDeactivation
from store.renewing import end_due, renew_due
from store.schema import Asset, Grant
from tests.portal.house import ANNA, KIM, MARIA, House

OTTO = Author("otto@weber.example", "Otto Weber")


def asset(house: House, key: str = "P-200") -> int:
    with house.store.read() as connection:
        found = connection.execute(Asset.select().where(Asset.c.key == key)).one()
    return int(found.id)


def ask(house: House, who: Author, action: str, key: str = "P-200", text: str = "please") -> None:
    opening = OpenTicket(
        "equipment", f"{action} it", NewMessage(who, text), "Support", "medium", "mail:support@desk.test"
    )
    wish = Wish("register", key=key) if action == "register" else Wish(action, asset(house, key))  # type: ignore[arg-type]
    house.do(AskForAssets(opening, (wish,), settles=True))


def words(html: str) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", html.partition("<main")[2]).split()).replace(" ,", ",")


def test_a_page_says_what_is_known_of_an_asset(house: House) -> None:
    page = words(house.client("requester").get("/asset/P-200").text)
    for said in (
        "Pump of line 2 Active Renews soon", "Group Hall 2 / Line 2", "Organization Weber KG", "Plan Yearly",
        "Renews on 10 December 2026", "Contract until 10 December 2026", "Model P2", "Serial number S-4711",
        "Warned Otto Weber Ben Weber Anna Weber", "It was entered here",
    ):  # fmt: skip
        assert said in page
    assert "You have no ticket about it." in page and "Requests" not in page and "@" not in page


@pytest.mark.req("DV-40")
def test_its_requests_tickets_and_history_are_shown(own_house: House) -> None:
    ask(own_house, ANNA, "renew")
    ask(own_house, OTTO, "deactivate")
    own_house.do(WithdrawDeactivation(asset(own_house), MARIA))
    own_house.do(MoveAsset(asset(own_house), OTTO, "hall"))
    page = words(own_house.client("admin").get("/asset/P-200").text)
    for said in (
        "Renewal, asked by Anna Weber Done EQ#1003", "Deactivation, asked by Otto Weber Withdrawn EQ#1004",
        "Anna Weber confirmed the renewal on 10 December 2026", "Otto Weber asked to end it; its last day is 10 December 2026",
        "moved it from line to hall",
    ):  # fmt: skip
        assert said in page
    history = page.partition("History")[2]
    assert history.index("moved it") < history.index("took back its end") < history.index("It was entered here")
    assert "maria@staff.example" not in page and "Maria Lopez took back its end on 10 December 2026" in history
    assert "maria@staff.example" not in own_house.client("member").get("/asset/P-200").text
    assert "otto@weber.example" in own_house.client("agent").get("/asset/P-200").text


@pytest.mark.threat(69)
def test_only_tickets_that_may_be_opened_are_named(own_house: House) -> None:
    own_house.do(
        OpenTicket(
            "moving", "A secret of hers", NewMessage(ANNA, "?"), "Support", "low", "x", assets=(asset(own_house),)
        )
    )
    ask(own_house, ANNA, "deactivate")
    shown = {
        role: sorted(set(re.findall(r"[A-Z]{2}#\d+|secret", own_house.client(role).get("/asset/P-200").text)))
        for role in ("requester", "member", "admin", "agent")
    }
    assert shown["requester"] == ["EQ#1003", "MV#1001", "secret"] == shown["agent"]
    assert shown["member"] == ["EQ#1003"]  # a colleague sees the tickets of one desk, not of the other


def test_what_the_clock_did_is_told_and_what_passed_is_marked(own_house: House) -> None:
    ask(own_house, OTTO, "deactivate", "north/7")
    later = own_house.clock.forward(days=40)
    for job in (end_due, renew_due):
        list(job(own_house.config, own_house.store, later))
    client = own_house.client("admin")
    page = words(client.get("/asset/P-200").text)
    assert "Active Renewed without a word from anybody" in page and "Unconfirmed 10 December 2026" in page
    assert (
        "It renewed itself on 10 December 2026, because nobody had said a word; it renews again on 10 December 2027"
        in page
    )
    assert "Deactivated" in words(client.get("/asset/north/7").text)
    own_house.do(AcknowledgeMissed(asset(own_house), OTTO))
    page = words(client.get("/asset/P-200").text)
    assert "took note that it had renewed itself on 10 December 2026" in page and "Unconfirmed" not in page


def test_a_new_one_has_a_page_from_the_request_on(own_house: House) -> None:
    ask(own_house, OTTO, "register", "<b>new</b>")
    client = own_house.client("admin")
    html = client.get("/asset/%3Cb%3Enew%3C/b%3E").text
    assert "<b>new" not in html and "&lt;b&gt;new" in html and "Activation pending" in html
    own_house.do(CompleteActivation(asset(own_house, "<b>new</b>"), MARIA, "quarterly"))
    assert "Maria Lopez activated it" in words(client.get("/asset/%3Cb%3Enew%3C/b%3E").text)


def test_whoever_loses_the_right_loses_sight_at_once(own_house: House) -> None:
    client = own_house.client("member")
    assert client.get("/asset/P-200").status_code == 200
    with own_house.store.write() as connection:
        connection.execute(Grant.delete())
    assert client.get("/asset/P-200").status_code == 404


def test_a_supervisor_from_outside_sees_the_asset_alone(own_house: House) -> None:
    own_house.load(
        {"groups": [{"key": "line", "organization": "weber", "name": "Line 2", "parent": "hall",
                     "grants": [{"email": KIM.email, "right": "supervisor"}]}]}
    )  # fmt: skip
    client = own_house.client("cc")
    assert client.get("/asset/P-200").status_code == 200 and client.get("/asset/P-300").status_code == 404
