"""Pictures that stood in a message are seen in the mail that passes it on, in the frame and on every screen."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import replace

import pytest

from gateway.parse import parse
from store.letters import LetterFile
from tests.mails.letters import BLOBS, DESK, LOG, SECRET, letter, read, send
from workers.compose import compose
from workers.pictures import pictures


def png(width: int, height: int) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


SHOT = LetterFile('screen "1".png', "image/png", 400, "c" * 64, True, "from@the.sender")
WIDE = png(1600, 900)


@pytest.fixture(autouse=True)
def _blobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BLOBS, "c" * 64, WIDE)


def test_a_picture_of_the_message_is_shown_within_the_frame() -> None:
    mail = send(letter(files=[SHOT, LOG]))
    seen = read(mail)
    (part,) = (part for part in seen.headers.walk() if part.get_content_type() == "image/png")
    cid = str(part["Content-ID"]).strip("<>")
    (image,) = re.findall(r"<img [^>]+>", seen.html)
    assert f'src="cid:{cid}"' in image and 'width="526"' in image and "max-width:526px" in image
    assert 'alt="screen _1_.png"' in image or 'alt="screen &#34;1&#34;.png"' in image
    assert part.get_payload(decode=True) == WIDE and part.get_content_disposition() == "inline"
    assert [p.get_content_type() for p in seen.headers.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png", "text/plain",
    ]  # fmt: skip
    assert list(seen.files) == ["error.log"] and "- screen _1_.png (400 bytes)" in seen.text
    assert {file.filename for file in parse(mail.content).files} == {"screen _1_.png", "error.log"}
    assert send(letter(files=[SHOT, LOG])).content == mail.content


def test_a_content_id_holds_neither_a_token_of_ours_nor_the_senders_words() -> None:
    """People forward what a mail shows (threats 40)."""
    made = letter(files=[SHOT])
    cid = re.findall(r'src="cid:([^"]+)"', read(send(made)).html)[0]
    assert made.header_id.partition("@")[0] not in cid and "sender" not in cid
    assert cid not in read(send(replace(made, header_id="another@desk.test"))).html


def test_whoever_may_not_read_the_message_sees_no_picture_of_it() -> None:
    for made, desk in (
        (letter("confirmation", files=[SHOT]), DESK), (letter("staff_notice", known=False, files=[SHOT]), DESK),
        (letter(files=[SHOT]), DESK.model_copy(update={"mail_body": "link_only"})),
    ):  # fmt: skip
        mail = compose(made, desk, secret=SECRET, read_blob=BLOBS.__getitem__)
        assert b"image/png" not in mail.content and "<img" not in read(mail).html


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (replace(SHOT, inline=False), WIDE), (replace(SHOT, content_type="image/svg+xml"), WIDE),
        (replace(SHOT, content_type="image/bmp"), WIDE), (SHOT, png(1, 1)), (SHOT, png(600, 20)), (SHOT, b"no picture"), (SHOT, b""),
    ],
)  # fmt: skip
def test_other_files_stay_files(file: LetterFile, content: bytes) -> None:
    assert pictures([(file, content)], "seed") == {}


def test_a_small_picture_keeps_its_size_and_only_so_many_are_shown() -> None:
    files = [(replace(SHOT, sha256=f"{number:064}"), png(200, 100)) for number in range(30)]
    found = pictures(files, "seed")
    assert len(found) == 20 and {picture.width for picture in found.values()} == {200}
    assert len({picture.cid for picture in found.values()}) == 20
