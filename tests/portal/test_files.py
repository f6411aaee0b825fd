"""Downloads: headers that leave a browser nothing to run, and names that are only names."""

from __future__ import annotations

from hashlib import sha256

import pytest

from gateway.portal.files import content_type, disposition, safe_name
from store.commands import NewMessage, OpenTicket
from tests.portal.house import ANNA, PDF, House


@pytest.mark.parametrize("extra", ["", "?inline=1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.threat(50)
def test_a_download_has_exactly_these_headers(house: House, method: str, extra: str) -> None:
    answer = house.client("requester").request(method, f"/f/1{extra}", headers={"Range": "bytes=0-3"})
    assert answer.status_code == 200
    assert method == "HEAD" or answer.content == PDF
    told = answer.headers
    assert told["content-disposition"] == "attachment; filename=\"manual.pdf\"; filename*=UTF-8''manual.pdf"
    assert told["content-type"] == "application/pdf"  # the sender said text/html
    assert told["x-content-type-options"] == "nosniff"
    assert told["content-security-policy"] == "sandbox; default-src 'none'"
    assert told["cross-origin-resource-policy"] == "same-origin"
    assert told["cache-control"] == "private, no-store"
    assert told["content-length"] == str(len(PDF))


def test_the_name_comes_in_both_forms(house: House) -> None:
    plain, full = house.client("agent").get("/f/4").headers["content-disposition"].split("; ")[1:]
    assert plain == 'filename="Pr_fplan f_r Pumpe.pdf"'
    assert full == "filename*=UTF-8''Pr%C3%BCfplan%20f%C3%BCr%20Pumpe.pdf"


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("a.pdf", "a.pdf"),
        ("../../../../tmp/pwn.pdf", "_.._.._.._tmp_pwn.pdf"),
        ("C:\\Windows\\x.pdf", "C__Windows_x.pdf"),
        ("a\r\nSet-Cookie: x=1.pdf", "a Set-Cookie_ x=1.pdf"),
        ('a".pdf', "a_.pdf"),
        ("in\u202evoice_fdp.exe", "invoice_fdp.exe"),
        (".htaccess\u200b", "htaccess"),
        ("a.pdf. .", "a.pdf"),
        ("nul\0l.pdf", "nul l.pdf"),
        ("", "file"),
        ("...", "file"),
        ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
        ("\ud800.pdf", "pdf"),
    ],
)
@pytest.mark.threat(49)
def test_a_name_is_one_line_without_folders(given: str, safe: str) -> None:
    name = safe_name(given)
    assert name == safe
    assert disposition(name).encode("ascii").isascii()


def test_what_is_not_in_the_table_is_bytes() -> None:
    for name in ("a.html", "a.svg", "a.js", "a.pdf.html", "a", "a.PDF.", "a.xml", "a.swf"):
        assert content_type(name) == "application/octet-stream"
    assert content_type("A.PDF") == "application/pdf"
    assert content_type("a.csv") == "text/csv"


def test_a_file_that_is_gone_is_told_in_a_sentence(own_house: House) -> None:
    content = b"%PDF- soon gone"
    message = NewMessage(ANNA, "", files=(own_house.file("x.pdf", content),))
    own_house.do(OpenTicket("hosting", "x", message, "Support", "low", "x"))
    client = own_house.client("requester")
    number = client.get("/t/HO-1002").text.partition('href="/f/')[2].partition('"')[0]
    assert client.get(f"/f/{number}").content == content
    own_house.store.blobs.path(sha256(content).hexdigest()).unlink()
    gone = client.get(f"/f/{number}")
    assert gone.status_code == 404 and "This file is missing" in gone.text
    assert client.get("/t/HO-1002").status_code == 200
