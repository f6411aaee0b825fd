"""The pages in a real Chromium: the anchor survives signing in, nothing runs, nothing foreign is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from store.clock import now
from tests.portal.browser import Browser, chromium
from tests.portal.house import ANNA, MARIA, PASSWORD, House, serving
from tests.portal.test_new_password import link

pytestmark = pytest.mark.skipif(chromium() is None, reason="NO CHROMIUM: the pages were not looked at in a browser")


@pytest.fixture(scope="module")
def address(house: House) -> Iterator[str]:
    with serving(house) as address:
        yield address


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


@pytest.fixture
def browser(chrome: Browser) -> Browser:
    """The one browser, as if it had never been here."""
    chrome.call("Network.clearBrowserCookies")
    chrome.open("about:blank")
    return chrome


@pytest.mark.req("IN-24")
@pytest.mark.req("IN-25")
def test_the_link_of_a_mail_leads_through_signing_in_to_its_message(
    house: House, browser: Browser, address: str
) -> None:
    answer = next(facts for facts in house.letters() if facts["change"] == "support_reply")
    link = answer["link"].replace(house.config.base_url, address)
    browser.look(380, 500)
    browser.open(link)
    assert browser.run("document.querySelector('h1').innerText") == "Sign in"
    browser.submit(email=ANNA.email, password="wrong")
    assert "do not belong together" in browser.run("document.querySelector('[role=alert]').innerText")
    browser.submit(email=ANNA.email, password=PASSWORD)
    assert browser.run("location.href") == link == f"{address}/t/EQ-1001#m3"
    assert browser.run("document.querySelector(':target').innerText").startswith("Maria Lopez")
    assert browser.run("getComputedStyle(document.querySelector(':target')).outlineStyle") == "solid"
    top = browser.run("document.querySelector('#m3').getBoundingClientRect().top")
    assert 0 <= top < 500
    browser.submit_sign_out()
    assert browser.run("location.pathname") == "/login"
    browser.open(link)
    browser.submit(email="mallory@foreign.example", password=PASSWORD)
    assert browser.run("document.querySelector('h1').innerText") == "Nothing to see here"


@pytest.mark.req("IN-11")
def test_a_row_of_the_list_opens_its_ticket(browser: Browser, address: str) -> None:
    browser.open(f"{address}/")
    browser.submit(email=MARIA.email, password=PASSWORD)
    browser.click("[...document.querySelectorAll('h2 a')].find(a => a.innerText.startsWith('Pump'))")
    assert browser.run("location.pathname") == "/t/EQ-1001"
    assert "that is the thermostat" in browser.run("document.body.innerText")


def test_pages_fit_and_ask_for_nothing_foreign(browser: Browser, address: str) -> None:
    browser.open(f"{address}/")
    browser.submit(email=MARIA.email, password=PASSWORD)
    for path in ("/", "/t/EQ-1001", "/t/EQ-1002", "/t/EQ-4711", "/asset/P-200"):
        browser.open(address + path)
        assert all(asked.startswith(address) for asked in browser.requests())
        said = [e["params"]["entry"]["text"] for e in browser.events if e.get("method") == "Log.entryAdded"]
        assert [line for line in said if "Content Security" in line] == []
        assert browser.run("getComputedStyle(document.querySelector('.card')).borderRadius") == "12px"
        for width in (320, 380, 768, 1200):
            browser.look(width)
            assert browser.run("document.documentElement.scrollWidth") <= width


@pytest.mark.threat(55)
@pytest.mark.threat(58)
def test_a_letter_asks_nobody_else_until_the_button_is_pressed(browser: Browser, address: str) -> None:
    browser.open(f"{address}/t/EQ-1001/m/5")
    browser.submit(email=MARIA.email, password=PASSWORD)
    for path in ("/t/EQ-1001", "/t/EQ-1001/m/5"):
        browser.open(address + path)
        assert all(asked.startswith(address) for asked in browser.requests())
        for width in (320, 1200):
            browser.look(width)
            assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("document.querySelector('.letter img').naturalWidth") == 1
    browser.click("document.querySelector('.held button')")
    assert "https://elsewhere.test/pixel.png" in browser.requests()
    assert browser.run("typeof pwned") == "undefined"


@pytest.mark.threat(63)
def test_a_link_from_another_site_sets_a_password_and_signs_in(own_house: House, browser: Browser) -> None:
    own_house.clock.at = now()
    with serving(own_house) as address:
        path = link(own_house, onwards="/t/EQ-1001")
        browser.open(address.replace("127.0.0.1", "localhost") + "/login")  # webmail, say: another site
        browser.events.clear()
        browser.run(f"location.href = {address + path!r}")
        browser.loaded()
        assert browser.run("location.href") == f"{address}/password?next=%2Ft%2FEQ-1001"
        for width in (320, 380, 1200):
            browser.look(width)
            assert browser.run("document.documentElement.scrollWidth") <= width
        browser.submit(password="four green words", again="four green worts")
        assert "not the same" in browser.run("document.querySelector('[role=alert]').innerText")
        assert browser.run("document.activeElement.id") == "password"
        browser.submit(password="four green words", again="four green words")
        assert browser.run("location.href") == f"{address}/t/EQ-1001"
        assert all(asked.startswith(address) for asked in browser.requests())
        browser.open(address + path)
        assert browser.run("document.querySelector('h1').innerText") == "This link is no longer good"
