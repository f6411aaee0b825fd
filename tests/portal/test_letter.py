"""A message with its layout: nothing runs, its own pictures are shown, those of others only to whom asks."""

from __future__ import annotations

import re

import pytest

from gateway.parse.html import clean_html
from gateway.portal.guard import HEADERS
from store.commands import NewMessage, OpenTicket
from tests.portal.house import ANNA, PNG, House

POLICY = "content-security-policy"
LETTER = "/t/EQ-1001/m/5"


def sources(page: str) -> list[str]:
    """What the pictures of a page would be fetched from."""
    return re.findall(r'<img[^>]* src="([^"]*)"', page)


def button(page: str) -> str:
    """The token of the button that loads images."""
    found = re.search(r'name="images" value="([^"]+)"', page)
    assert found, page
    return found[1]


@pytest.mark.threat(57)
def test_a_picture_of_the_message_comes_from_our_own_store(house: House) -> None:
    client = house.client("requester")
    page = client.get(LETTER).text
    assert sources(page) == [f"/f/{house.files['fan.png']}"]
    picture = client.get(sources(page)[0])
    assert picture.content == PNG and picture.headers["content-type"] == "image/png"
    assert "<b>I stand beside it</b>" in page and "pwned" not in page


@pytest.mark.threat(58)
@pytest.mark.threat(59)
def test_images_from_elsewhere_wait_for_the_button(house: House) -> None:
    client = house.client("agent")
    for path in ("/t/EQ-1001", LETTER):
        page = client.get(path)
        assert "elsewhere.test" not in page.text
        assert "Show images from elsewhere" in page.text
        assert page.headers[POLICY] == HEADERS["Content-Security-Policy"]
        asked = client.get(LETTER, params={"images": button(page.text)})
        assert sources(asked.text)[1:] == ["https://elsewhere.test/pixel.png"]
        assert "Show images from elsewhere" not in asked.text
        assert asked.headers[POLICY] == page.headers[POLICY].replace("img-src 'self'", "img-src 'self' https:")


@pytest.mark.threat(58)
def test_no_link_from_outside_presses_the_button(house: House) -> None:
    other = button(house.client("requester").get(LETTER).text)
    agent = house.client("agent")
    sign_out = re.search(r'name="form" value="([^"]+)"', agent.get(LETTER).text)
    assert sign_out
    for token in ("", "1", "all", other, sign_out[1]):
        page = agent.get(LETTER, params={"images": token})
        assert "elsewhere.test" not in " ".join(sources(page.text))
        assert page.headers[POLICY] == HEADERS["Content-Security-Policy"]


@pytest.mark.threat(57)
@pytest.mark.parametrize(
    ("named", "file", "shown"),
    [
        ("cid:a@b", "x.png", True),
        ("cid:A%40B", "x.png", True),
        ("cid:other", "x.png", False),
        ("cid:../a@b", "x.png", False),
        ("cid:a@b", "x.svg", False),
        ("cid:a@b", "x.pdf", False),
        ("/f/1", "x.png", False),
    ],
)
def test_a_content_id_names_a_picture_of_its_own_message(own_house: House, named: str, file: str, shown: bool) -> None:
    files = (own_house.file(file, PNG, content_id="a@b"),)
    message = NewMessage(ANNA, "see", html=clean_html(f"<p>see</p><img src='{named}'>"), files=files)
    done = own_house.do(OpenTicket("hosting", "x", message, "Support", "low", "x"))
    page = own_house.client("requester").get(f"/t/HO-1002/m/{done.message}")
    assert page.status_code == 200
    assert bool(sources(page.text)) == shown


@pytest.mark.threat(55)
def test_what_was_kept_uncleaned_is_cleaned_before_it_is_shown(own_house: House) -> None:
    html = (
        "<script>pwned()</script><p onclick=pwned()>see</p><img src=x onerror=pwned()><form action=/logout method=post>"
    )
    done = own_house.do(OpenTicket("hosting", "x", NewMessage(ANNA, "see", html=html), "Support", "low", "x"))
    page = own_house.client("requester").get(f"/t/HO-1002/m/{done.message}").text
    assert "<p>see</p>" in page and "pwned" not in page and page.count("<form") == 1
