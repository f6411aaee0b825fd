"""Links of mails that need no sign-in: where they stand, and in whose mails they never do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from store.letters import LetterFile
from tests.mails.letters import BLOBS, DESK, SECRET, letter, read, send
from workers.compose import compose

BIG = LetterFile("big.zip", "application/zip", 10240, "b" * 64, False, None, 12)
SMALL = LetterFile("small.log", "text/plain", 6, "a" * 64, False, None, 13)
SITE = {"site": "https://help.test"}
UPLOAD = "https://help.test/upload?token=x.y"


def without_room(template: str, **facts: object) -> str:
    made = letter(template, files=(BIG, SMALL), **SITE, **facts)
    mail = compose(made, DESK, secret=SECRET, read_blob=BLOBS.__getitem__, room=100)
    again = compose(replace(made, attempts=2), DESK, secret=SECRET, read_blob=BLOBS.__getitem__, room=100)
    assert mail == again
    seen = read(mail)
    assert ("https://help.test/file?token=" in seen.text) == ("https://help.test/file?token=" in seen.html)
    return seen.text


@pytest.mark.parametrize("template", ["staff_reply", "cc_copy", "staff_notice", "outsider_question"])
def test_what_is_too_large_to_travel_is_fetched_by_a_link(template: str) -> None:
    role = "outsider" if template == "outsider_question" else "staff" if template == "staff_notice" else "requester"
    text = without_room(template, role=role, by_support=True)
    assert text.count("https://help.test/file?token=") == 1
    assert "big.zip" in text


@pytest.mark.parametrize(
    ("template", "facts"), [("ticket_update", {}), ("staff_reply", {"known": False, "by_support": False})]
)
def test_a_mail_that_never_carries_files_links_to_none(template: str, facts: dict[str, object]) -> None:
    """Nor does one to a stranger, who is told of no file at all."""
    assert "/file?token=" not in without_room(template, **facts)


@pytest.mark.threat(38)
def test_only_who_sent_a_refused_file_and_is_known_gets_the_link_to_upload() -> None:
    for template in ("confirmation", "attachment_refused"):
        seen = read(send(letter(template, upload_link=UPLOAD)))
        assert UPLOAD in seen.text and UPLOAD in seen.html
        assert "/upload?" not in read(send(letter(template, upload_link=UPLOAD, known=False))).everything
        assert "/upload?" not in read(send(letter(template))).everything
