"""Who cannot sign in writes to the login mailbox, and has a way back in by return of mail (EQ-65)."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from gateway.portal.app import create_app
from store.clock import now
from tests.harness import Gateway, mail
from tests.portal.house import sign_in, token
from tests.routing.post import Post

LOGIN = "login@equipment.desk.test"
NEW = "four green words of mine"


def links(text: str) -> list[str]:
    return re.findall(r"https?://\S+/password\?\S+", text)


@pytest.mark.req("EQ-65")
@pytest.mark.req("BR-10")
def test_a_known_person_gets_a_link_that_lets_them_in_again(gateway: Gateway, post: Post) -> None:
    row = gateway.receive(mail("I cannot log in.", sender="tom@cust.test", to="other@desk.test"), LOGIN)
    assert row["outcome"] == "new"
    ticket = gateway.ticket("EQ#1001")
    assert (ticket["department"], ticket["priority"], ticket["origin"]) == ("Access", "high", f"mail:{LOGIN}")
    sent = post.last("tom@cust.test", "login_help")
    (link,) = links(sent.text)
    assert link.replace("&", "&amp;") in sent.html and "EQ#1001" in sent.text
    client = TestClient(create_app(gateway.config, gateway.store, now), follow_redirects=False)
    page = client.get(link.removeprefix(gateway.config.base_url))
    page = client.get(page.headers["location"])
    form = {"form": token(page.text), "password": NEW, "again": NEW}
    done = client.post(str(page.request.url.raw_path, "ascii"), data=form)
    assert (done.status_code, done.headers["location"]) == (303, "/t/EQ-1001")
    browser = TestClient(create_app(gateway.config, gateway.store, now), follow_redirects=False)
    assert sign_in(browser, "tom@cust.test", NEW).status_code == 303
    assert "I cannot log in." in browser.get("/t/EQ-1001").text


@pytest.mark.req("EQ-65")
@pytest.mark.threat(63)
def test_the_code_of_the_same_mail_lets_them_in_without_the_link(gateway: Gateway, post: Post) -> None:
    gateway.receive(mail("I cannot log in.", sender="tom@cust.test", to=LOGIN), LOGIN)
    sent = post.last("tom@cust.test", "login_help")
    (code,) = re.findall(r"\b[A-Z2-7]{5}-[A-Z2-7]{5}\b", sent.text)
    page = f"{gateway.config.base_url}/password/code"
    assert code in sent.html and page in sent.text and f'href="{page}"' in sent.html
    client = TestClient(create_app(gateway.config, gateway.store, now), follow_redirects=False)
    form = {"form": token(client.get("/password/code").text), "email": "tom@cust.test", "code": code}
    assert client.post("/password/code", data={**form, "password": NEW, "again": NEW}).status_code == 303
    assert "I cannot log in." in client.get("/t/EQ-1001").text


@pytest.mark.req("EQ-65")
@pytest.mark.parametrize("sender", ["rex@nowhere.test", "ruth@cust.test"])
def test_nobody_else_gets_one(gateway: Gateway, post: Post, sender: str) -> None:
    """Neither somebody unknown, nor a closed account; and nobody who merely claims to be a person, for it goes to them."""
    gateway.receive(mail("I cannot log in.", sender=sender, to=LOGIN), LOGIN)
    post.collect()
    assert [links(one.text + one.html) for one in post.sent] == [[]] * len(post.sent)
    assert ("rex@nowhere.test" in [one.recipient for one in post.sent]) == (sender == "rex@nowhere.test")


def test_the_link_goes_to_the_address_on_file_and_stands_in_no_other_mail(gateway: Gateway, post: Post) -> None:
    message = mail("Let me in.", sender="tom@cust.test", to=LOGIN, Cc="mallory@evil.test", Reply_To="mallory@evil.test")
    gateway.receive(message, LOGIN, sender="mallory@evil.test")
    post.collect()
    assert [one.recipient for one in post.sent if links(one.text + one.html)] == ["tom@cust.test"]
    assert "mallory@evil.test" not in [one.recipient for one in post.sent if one.template == "login_help"]
