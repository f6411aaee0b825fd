"""What stands on a ticket's page, and what must never stand there."""

from __future__ import annotations

import re

import pytest

from gateway.decide import opening
from gateway.portal.words import FLAGS, prose
from store.commands import AddNote, Author, CloseTicket, CustomerReply, NewMessage, OpenTicket, SupportReply
from tests.portal.house import ANNA, KIM, MARIA, House

SECRETS = (
    "INTERNAL-NOTE-SECRET", "TRACE-SECRET", "HIDDEN-NOTICE-SECRET", "note-secret", "trace-secret", "maria@staff.example",
    "Mail sent about", "EQ#1002", "technical@equipment.desk.test", "took this up",
)  # fmt: skip
CUSTOMERS = ("cc", "requester", "member", "admin")


def text(html: str) -> str:
    """A page as its reader sees it, on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html.partition("<main")[2].partition(">")[2]).split())


@pytest.mark.parametrize("role", CUSTOMERS)
def test_customers_see_nothing_internal(house: House, role: str) -> None:
    pages = house.client(role).get("/t/EQ-1001").text + house.client(role).get("/").text
    assert [secret for secret in SECRETS if secret in pages] == []
    assert pages.count("<article") == 3


def test_staff_see_the_secrets_that_customers_do_not(house: House) -> None:
    page = house.client("agent").get("/t/EQ-1001").text
    assert [secret for secret in SECRETS if secret not in page] == []
    assert "Internal note, for staff only" in page
    assert re.search(r'<details class="trace" id="m4">\s*<summary>Automatic reply from', page)


@pytest.mark.req("MV-03")
def test_the_status_changes_stand_between_the_messages(house: House) -> None:
    page = text(house.client("requester").get("/t/EQ-1001").text)
    story = [
        "stops after ten minutes. The manual",
        "Status changed from Open to In Review by Maria Lopez · 20 Nov, 10:30",
        "that is the thermostat",
        "Status changed from In Review to Awaiting Info by Maria Lopez · 20 Nov, 11:00",
        "It does. I stand beside it.",
        "Status changed from Awaiting Info to In Review by Kim Sato",
        "Status changed from In Review to Resolved by Anna Weber",
    ]
    places = [page.find(line) for line in story]
    assert -1 not in places and places == sorted(places)


@pytest.mark.req("EQ-35")
def test_answers_are_marked_as_support_with_author_and_time(house: House) -> None:
    page = house.client("requester").get("/t/EQ-1001").text
    article = re.search(r'<article class="card message support" id="m3".*?</article>', page, re.DOTALL)
    assert article
    assert "Maria Lopez Equipment support team 20 November 2026, 11:00 CET" in text("<main>" + article[0])
    links = [facts["link"] for facts in house.letters() if facts["role"] == "requester"]
    assert f"{house.config.base_url}/t/EQ-1001#m3" in links


@pytest.mark.req("HO-18")
def test_every_public_reply_is_shown_and_no_note(own_house: House) -> None:
    ticket = own_house.do(OpenTicket("hosting", "Mail", NewMessage(ANNA, "one"), "Support", "low", "x")).ticket or 0
    own_house.do(SupportReply(ticket, NewMessage(MARIA, "two", files=(own_house.file("two.pdf"),))))
    own_house.do(AddNote(ticket, NewMessage(MARIA, "between us")))
    own_house.do(CustomerReply(ticket, NewMessage(ANNA, "three")))
    own_house.do(SupportReply(ticket, NewMessage(MARIA, "four")))
    page = own_house.client("requester").get("/t/HO-1002").text
    articles = re.findall(
        r'<article class="card message (\w+)".*?<time datetime="([^"]+)".*?</article>', page, re.DOTALL
    )
    assert [kind for kind, _ in articles] == ["customer", "support", "customer", "support"]
    assert sorted(at for _, at in articles) == [at for _, at in articles]
    assert "two.pdf" in page and "between us" not in page


def test_times_are_in_the_time_zone_of_the_reader(house: House) -> None:
    assert "20 November 2026, 19:00 JST" in house.client("cc").get("/t/EQ-1001").text
    assert "20 November 2026, 10:00 UTC" in house.client("agent").get("/t/EQ-1001").text


def test_files_show_their_size_and_refused_ones_their_reason(house: House) -> None:
    page = house.client("requester").get("/t/EQ-1001").text
    assert '<a href="/f/1"><bdi>manual.pdf</bdi></a> <span class="size">20 bytes</span>' in page
    assert '<bdi>fix.exe</bdi> <span class="size">not taken: files of type .exe are not accepted</span>' in page
    assert "/f/2" not in page
    assert "4 lines hidden" in page


def test_a_claimed_ticket_and_its_flags_are_told_to_staff(house: House) -> None:
    agent = house.client("agent")
    page = agent.get("/t/EQ-1002").text
    assert FLAGS["stranger"] in page and FLAGS["unverified-sender"] in page
    assert 'It points at <a href="/t/EQ-1001">EQ#1001</a>' in page
    assert '<a href="/t/EQ-1002">EQ#1002</a> claims to belong here' in agent.get("/t/EQ-1001").text


def test_a_name_that_looks_like_an_address_is_quoted_beside_the_address(house: House) -> None:
    agent = house.client("agent")
    for page in (agent.get("/t/EQ-1002").text, agent.get("/").text):
        assert "“pay@desk.test” eve@evil.example" in text(page)


def test_staff_of_several_desks_may_look_at_one(house: House) -> None:
    agent = house.client("agent")
    assert 'href="/?desk=moving"' in agent.get("/").text
    assert "/t/EQ-1001" not in agent.get("/?desk=moving").text
    assert "/t/EQ-1001" in agent.get("/?desk=equipment").text
    assert "?desk=" not in house.client("requester").get("/").text


POLYGLOT = """"'--></title></textarea><script>pwned()</script><img src=x onerror=pwned()>{{7*7}}"""


def test_nothing_a_stranger_writes_becomes_markup(own_house: House) -> None:
    author = Author("x@evil.example", POLYGLOT)
    files = (own_house.file(POLYGLOT), own_house.file(POLYGLOT, refused=POLYGLOT))
    message = NewMessage(author, POLYGLOT, hidden=POLYGLOT, files=files)
    own_house.do(OpenTicket("equipment", POLYGLOT, message, POLYGLOT, "high", POLYGLOT, cc=(KIM,), flags=(POLYGLOT,)))
    for role in ("agent", "cc"):
        client = own_house.client(role)
        for path in ("/", "/t/EQ-1003"):
            page = client.get(path)
            assert page.status_code == 200
            for tag in ("<script", "<img", "</textarea"):
                assert tag not in page.text
            assert "{{7*7}}" in page.text and ">49<" not in page.text


@pytest.mark.req("MV-24")
@pytest.mark.req("MV-25")
def test_labels_and_their_help_follow_whose_turn_it_is(own_house: House) -> None:
    client = own_house.client("requester")

    def state() -> str:
        found = re.search(r'<p class="state">.*?</p>', client.get("/t/MV-1001").text)
        assert found
        return text("<main>" + found[0])

    def told() -> str:
        facts = own_house.letters()[-1]
        return f"{facts['label']} {facts['help']}"

    waiting = "Open No response needed at the moment. You are waiting to hear back from the Product Experts team."
    ticket = own_house.do(OpenTicket("moving", "Van", NewMessage(ANNA, "?"), "Support", "low", "x")).ticket or 0
    assert state() == waiting
    own_house.do(SupportReply(ticket, NewMessage(MARIA, "which one?")))
    assert state() == "Awaiting your reply Response needed. Product Experts is waiting to hear back from you."
    assert told() == state()
    own_house.do(CustomerReply(ticket, NewMessage(ANNA, "the red one")))
    assert state() == waiting
    for side, by in (("support", MARIA), ("customer", ANNA)):
        own_house.do(CloseTicket(ticket, by, side))
        assert state() == "Solved The ticket has been closed."
        assert told() == state()
        own_house.do(CustomerReply(ticket, NewMessage(ANNA, "again")))


def test_the_list_is_newest_first_and_ends_at_two_hundred(own_house: House) -> None:
    own_house.do(
        *(OpenTicket("hosting", f"Ticket {n}", NewMessage(ANNA, "?"), "Support", "low", "x") for n in range(201))
    )
    page = own_house.client("requester").get("/").text
    shown = [int(number) for number in re.findall(r">Ticket (\d+)<", page)]
    assert shown == list(range(200, 0, -1))
    assert "200 tickets with the latest changes" in page


def test_every_flag_has_words() -> None:
    assert set(opening._DEFECT_FLAGS.values()) <= set(FLAGS)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("see http://a.example/x.", 'see <a href="http://a.example/x" REL>http://a.example/x</a>.'),
        ("(https://a.example/(b))", '(<a href="https://a.example/(b)" REL>https://a.example/(b)</a>)'),
        ('https://a.test/"on="x', '<a href="https://a.test/" REL>https://a.test/</a>&#34;on=&#34;x'),
        ("https://a.test/?a=1&b=<", '<a href="https://a.test/?a=1&amp;b=" REL>https://a.test/?a=1&amp;b=</a>&lt;'),
        ("https://a.test/\u202egnp.exe", '<a href="https://a.test/" REL>https://a.test/</a>\u202egnp.exe'),
        ("javascript:alert(1) ftp://a data:x", "javascript:alert(1) ftp://a data:x"),
        ("  two  blanks\n\ttab", "  two  blanks\n\ttab"),
    ],
)  # fmt: skip
def test_links_are_safe_and_show_where_they_lead(written: str, shown: str) -> None:
    assert str(prose(written)) == shown.replace("REL", 'rel="noopener noreferrer nofollow"')
