"""The links of mails that need no sign-in: what was refused is uploaded once, what was too large is fetched."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from store import people
from store.commands import AskOutsider, Author, CloseTicket, CustomerReply, MergeTicket, NewMessage, OpenTicket
from store.file_links import FETCH, UPLOAD, FileLink, read
from store.schema import Attachment, Event, Ticket
from tests.portal.house import ANNA, KIM, MARIA, PDF, PNG, ROLES, House, token
from tests.portal.test_guard import dump

PICTURE = {"files": ("Foto.png", PNG, "image/png")}


@pytest.fixture
def house(own_house: House) -> House:
    """A ticket whose opener and whose colleague on CC each sent a file that was refused."""
    refused = own_house.file("fix.exe", refused="files of type .exe are not accepted")
    opened = own_house.do(
        OpenTicket("equipment", "Valve", NewMessage(ANNA, "Look", files=(refused,)), "Support", "low", "x", cc=(KIM,))
    )
    own_house.do(CustomerReply(opened.ticket or 0, NewMessage(KIM, "Mine too", files=(refused,))))
    own_house.tickets["valve"] = opened
    return own_house


def links(house: House) -> dict[str, str]:
    """Where the mails of the outbox lead each person who may upload."""
    found = {facts["recipient_name"]: facts["upload_link"] for facts in house.letters() if "upload_link" in facts}
    return {name: link.removeprefix(house.config.base_url) for name, link in found.items()}


def opened(house: House, name: str = "Anna Weber", **options: Any) -> TestClient:
    """A browser that has followed somebody's link."""
    client = house.client(**options)
    answer = client.get(links(house)[name])
    assert (answer.status_code, answer.headers["location"]) == (303, "/upload")
    return client


def send(client: TestClient, files: Any = PICTURE, **headers: str) -> Any:
    form = re.search(r'name="form" value="([^"]+)"', client.get("/upload").text)
    return client.post("/upload", data={"form": form[1] if form else ""}, files=files, headers=headers)


def valve(house: House) -> int:
    return house.tickets["valve"].ticket or 0


def person(house: House, address: str) -> int:
    with house.store.read() as connection:
        found = people.find(connection, address)
    assert found
    return found.id


def fetch_link(house: House, who: str, attachment: int, ticket: int = 1) -> str:
    link = FileLink(FETCH, person(house, who), attachment, ticket, house.clock())
    return link.address("", house.config.secret)


def test_mails_about_refused_files_hold_a_link_for_whoever_sent_them(house: House) -> None:
    assert set(links(house)) == {"Anna Weber", "Kim Sato"}


@pytest.mark.threat(63)
def test_looking_changes_nothing_and_the_upload_is_a_message_of_the_person(house: House) -> None:
    before = dump(house.store)
    for agent in ("Mozilla/5.0 SafeLinks", "curl/8", "GoogleImageProxy"):
        scanner = opened(house, headers={"User-Agent": agent})
        for method in ("HEAD", "GET", "GET"):
            assert scanner.request(method, "/upload").status_code == 200
        assert scanner.get("/").status_code == 401  # nobody is signed in by it
    assert dump(house.store) == before
    client = opened(house)
    shown = client.get("/upload").text
    assert "fix.exe: files of type .exe are not accepted" in shown and "EQ#1003" in shown and "Valve" in shown
    done = send(client)
    assert done.status_code == 200 and "Foto.png" in done.text
    page = house.client("agent").get("/t/EQ-1003").text
    assert "Foto.png" in page
    assert "Foto.png" in house.client("cc").get("/t/EQ-1003").text
    assert send(client).status_code == 410
    assert "used already" in client.get("/upload").text
    assert send(opened(house, "Kim Sato")).status_code == 200  # each link is used by itself


def test_what_is_refused_again_is_said_and_the_link_stays_good(house: House) -> None:
    client = opened(house)
    for name, content, why in (
        ("fix.exe", b"MZ", "not accepted"), ("a.pdf", b"MZ not a pdf", "pdf"), ("empty.txt", b"", "empty"),
        ("large.txt", b"x" * (15 * 1024 * 1024 + 1), "larger than 15 MB"),
    ):  # fmt: skip
        answer = send(client, {"files": (name, content)})
        assert answer.status_code == 422 and why in answer.text, name
    assert send(client, {}).status_code in (400, 422)
    assert send(client).status_code == 200


def test_many_files_go_up_together_or_not_at_all(house: House) -> None:
    client = opened(house)
    both = [("files", ("a.png", PNG)), ("files", ("b.exe", b"MZ"))]
    assert send(client, both).status_code == 422
    assert "a.png" not in house.client("agent").get("/t/EQ-1003").text
    assert send(client, [both[0], ("files", ("c.png", PNG))]).status_code == 200
    page = house.client("agent").get("/t/EQ-1003").text
    assert "a.png" in page and "c.png" in page


def test_a_form_that_is_too_large_is_refused_before_it_is_read(house: House) -> None:
    client = opened(house)
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(50 << 20)}
    assert client.post("/upload", content=b"--x--", headers=headers).status_code == 413
    assert (
        client.post("/upload", content=iter([b"--x--"]), headers={"Content-Type": headers["Content-Type"]}).status_code
        == 411
    )


def test_a_link_ends_with_its_time_and_with_its_ticket(house: House) -> None:
    client = opened(house)
    house.do(CloseTicket(valve(house), MARIA, "support"))
    answer = client.get("/upload")
    assert answer.status_code == 410 and "is closed" in answer.text
    with house.store.write() as connection:
        connection.execute(update(Ticket).where(Ticket.c.id == valve(house)).values(state="new"))
    form = token(client.get("/upload").text)
    house.clock.forward(days=15)
    answer = client.get("/upload")
    assert answer.status_code == 410 and "too old" in answer.text
    assert client.post("/upload", data={"form": form}, files=PICTURE).status_code == 410


@pytest.mark.threat(53)
def test_a_link_is_good_only_for_whom_and_what_it_was_made(house: House) -> None:
    client = opened(house)
    house.change(ANNA.email, status="inactive")
    assert client.get("/upload").status_code == send(client).status_code == 404
    house.change(ANNA.email, status="active")
    with house.store.write() as connection:  # the ticket is somebody else's now
        connection.execute(
            update(Ticket)
            .where(Ticket.c.id == valve(house))
            .values(requester_id=person(house, ROLES["other"] or ""), organization_id=None)
        )
    assert client.get("/upload").status_code == 404
    made = links(house)["Anna Weber"].partition("token=")[2]
    for place in range(0, len(made), 7):
        changed = made[:place] + ("A" if made[place] != "A" else "B") + made[place + 1 :]
        other = house.client()
        other.get(f"/upload?token={changed}")
        assert other.get("/upload").status_code == 404
    assert read(FETCH, made, house.config.secret) is None  # one kind of link is not the other
    assert read(UPLOAD, made, b"another secret" * 3) is None
    assert len(made.rpartition(".")[2]) >= 43  # 256 bits in base64


@pytest.mark.threat(67)
def test_the_form_is_good_only_from_our_page_in_the_browser_it_was_shown_in(house: House) -> None:
    client, other = opened(house), opened(house)
    form = token(client.get("/upload").text)
    other.get("/upload")
    assert other.post("/upload", data={"form": form}, files=PICTURE).status_code == 403
    assert client.post("/upload", files=PICTURE).status_code == 403
    assert send(client, Origin="https://evil.example", **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    client.get(links(house)["Kim Sato"])  # another tab
    assert client.post("/upload", data={"form": form}, files=PICTURE).status_code == 403
    assert "Foto.png" not in house.client("agent").get("/t/EQ-1003").text


@pytest.mark.threat(65)
def test_the_token_leaves_the_address_at_once_and_reaches_no_log(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = opened(house)
    secret = links(house)["Anna Weber"].partition("token=")[2]
    page = client.get("/upload")
    send(client)
    assert page.headers["referrer-policy"] == "no-referrer" and page.headers["cache-control"] == "no-store"
    assert secret not in page.text and not any(
        secret in one.getMessage() for one in caplog.records if one.name.startswith("postern")
    )


def test_after_a_merge_the_files_come_to_where_the_ticket_went(house: House) -> None:
    client = opened(house)
    into = house.do(OpenTicket("equipment", "Second", NewMessage(ANNA, "?"), "Support", "low", "x"))
    house.do(MergeTicket(valve(house), "EQ#1004", MARIA))
    assert send(client).status_code == 200
    assert send(client).status_code == 410
    with house.store.read() as connection:
        used = connection.execute(select(Event.c.ticket_id).where(Event.c.kind == "uploaded")).scalars().all()
    assert list(used) == [into.ticket]


def test_a_file_is_fetched_without_signing_in_as_it_would_be_with(house: House) -> None:
    client = house.client()
    answer = client.get(fetch_link(house, ANNA.email, house.files["manual.pdf"]))
    assert (answer.status_code, answer.headers["location"]) == (303, "/file")
    got = client.get("/file")
    signed_in = house.client("requester").get(f"/f/{house.files['manual.pdf']}")
    assert got.content == signed_in.content == PDF
    assert dict(got.headers) == dict(signed_in.headers)
    assert client.get("/").status_code == 401
    house.clock.forward(days=15)
    answer = client.get("/file")
    assert answer.status_code == 410 and "too old" in answer.text


@pytest.mark.threat(53)
def test_of_another_file_or_person_there_is_nothing(house: House) -> None:
    """Whoever has lost their place, what is internal, what hangs on another ticket, what was refused."""
    manual = house.files["manual.pdf"]
    for who, file, ticket in (
        (ROLES["other"] or "", manual, 1), (ANNA.email, house.files["note-secret.pdf"], 1),
        (ANNA.email, house.files["trace-secret.pdf"], 1), (ANNA.email, manual, valve(house)),
        (ANNA.email, house.files["fix.exe"], 1), (ANNA.email, 4711, 1), (ANNA.email, manual, 4711),
    ):  # fmt: skip
        client = house.client()
        client.get(fetch_link(house, who, file, ticket))
        assert client.get("/file").status_code == 404, (who, file, ticket)


def test_somebody_outside_fetches_the_file_they_were_sent(house: House) -> None:
    eve = Author("eve@factory.example", "Eve")
    asked = house.do(AskOutsider(1, NewMessage(MARIA, "Look at this", files=(house.file("plan.pdf"),)), eve))
    with house.store.read() as connection:
        plan = connection.execute(select(Attachment.c.id).where(Attachment.c.message_id == asked.message)).scalar_one()
    client = house.client()
    client.get(fetch_link(house, eve.email, plan))
    assert client.get("/file").content == PDF
