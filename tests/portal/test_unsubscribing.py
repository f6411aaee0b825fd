"""The link that ends digests: looked at by anybody's programs, pressed once, and good for nothing else (RFC 8058)."""

from __future__ import annotations

import pytest

from store import people
from store.digests import unsubscribe_link, unsubscribed_by
from store.preferences import preferences
from store.rules.pacing import CATEGORIES
from store.rules.tokens import Token, verify
from tests.mails.letters import letter, read, send
from tests.portal.house import ROLES, House
from tests.portal.test_guard import dump

OTTO = ROLES["admin"] or ""
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def path(house: House, *categories: str) -> str:
    with house.store.read() as connection:
        person = people.find(connection, OTTO)
    assert person
    return unsubscribe_link(house.config, person.id, categories or ("organization",)).removeprefix(
        house.config.base_url
    )


def wants(house: House) -> dict[str, str]:
    with house.store.read() as connection:
        person = people.find(connection, OTTO)
        assert person
        return {name: choice for name, choice in preferences(connection, person.id).items() if choice != "each"}


@pytest.mark.threat(63)
@pytest.mark.threat(64)
def test_looking_changes_nothing_and_one_click_ends_these_mails_alone(own_house: House) -> None:
    link, before = path(own_house), dump(own_house.store)
    for agent in ("Mozilla/5.0 SafeLinks", "curl/8", "GoogleImageProxy"):
        scanner = own_house.client(headers={"User-Agent": agent})
        for method in ("HEAD", "GET", "GET"):
            assert scanner.request(method, link).status_code == 200
        assert not scanner.cookies
    assert dump(own_house.store) == before
    assert "Stop these mails?" in own_house.client().get(link).text
    done = own_house.client().post(link, data=ONE_CLICK)
    assert done.status_code == 200 and not done.cookies  # RFC 8058 3.2: no redirect
    assert wants(own_house) == {"organization": "none"}
    assert own_house.client().post(link, data=ONE_CLICK).status_code == 200


def test_mail_programs_may_send_it_as_multipart_from_anywhere(own_house: House) -> None:
    headers = {"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"}
    assert (
        own_house.client()
        .post(path(own_house), files={"List-Unsubscribe": (None, "One-Click")}, headers=headers)
        .is_success
    )
    assert wants(own_house) == {"organization": "none"}
    assert (
        own_house.client().post(path(own_house), content=b"x", headers={"Content-Type": "text/plain"}).status_code
        == 400
    )


def test_what_was_ended_by_mistake_begins_again(own_house: House) -> None:
    link, client = path(own_house, "organization", "copies"), own_house.client()
    client.post(link, data=ONE_CLICK)
    page = client.get(link).text
    assert "You get no mails any more" in page and CATEGORIES["copies"] in page and CATEGORIES["replies"] not in page
    assert "You get these mails again" in client.post(link, data={"again": "yes"}).text
    assert wants(own_house) == {"organization": "daily", "copies": "daily"}


@pytest.mark.threat(64)
def test_an_administrator_who_ended_the_mails_has_all_rights_they_had(own_house: House) -> None:
    own_house.client().post(path(own_house, *CATEGORIES), data=ONE_CLICK)
    assert own_house.client("admin").get("/t/EQ-1001").status_code == 200
    assert "in any case" in own_house.client().get(path(own_house)).text


@pytest.mark.threat(64)
def test_the_link_opens_nothing_and_no_other_token_ends_mails(own_house: House) -> None:
    link, client = path(own_house), own_house.client()
    client.post(link, data=ONE_CLICK)
    assert client.get("/").status_code == 401
    own_house.change(OTTO, status="inactive")
    assert client.get(link).status_code == client.post(link, data=ONE_CLICK).status_code == 404
    token = verify(link.rpartition("/")[2], own_house.config.secret)
    assert token and unsubscribed_by(token) == ("organization",)
    assert unsubscribed_by(Token("unsubscribe", 1 << 40, 1)) == ()


@pytest.mark.threat(64)
def test_a_digest_offers_one_click_over_tls_alone() -> None:
    for url, one_click in (("https://help.test/u/x", "List-Unsubscribe=One-Click"), ("http://127.0.0.1/u/x", None)):
        headers = read(send(letter("digest", unsubscribe=url))).headers
        assert (headers["List-Unsubscribe"], headers["List-Unsubscribe-Post"]) == (f"<{url}>", one_click)
    for template in ("staff_reply", "ticket_update", "confirmation", "digest"):
        assert "List-Unsubscribe" not in read(send(letter(template))).headers
