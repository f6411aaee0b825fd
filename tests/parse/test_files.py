"""Names of attachments: safe to show, and none of their readings lost."""

from __future__ import annotations

import re

import pytest

from gateway.parse import parse
from store.rules.desk import Files
from store.rules.files import judge
from tests.parse.samples import TEXT, multipart

SAFE = re.compile('[^/\\\\\x00-\x1f\u200b-\u200f\u202a-\u202e\u2066-\u2069<>:"|?*]{1,255}')


def named(disposition: str, kind: str = "application/octet-stream") -> tuple[str, tuple[str, ...]]:
    part = f"Content-Type: {kind}\nContent-Disposition: attachment{disposition}\n\nx"
    file = parse(multipart(TEXT, part)).files[0]
    assert SAFE.fullmatch(file.filename)
    return file.filename, file.names


@pytest.mark.req("BR-01")
@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        ('; filename="plan.pdf"', "plan.pdf"),
        ("; filename=my plan.pdf", "my plan.pdf"),
        ('; filename="=?utf-8?q?Gr=C3=B6=C3=9Fe.pdf?="', "Größe.pdf"),
        ("; filename*=utf-8''Gr%C3%B6%C3%9Fe.pdf", "Größe.pdf"),
        ("; filename*0*=utf-8''Gr%C3; filename*1*=%B6%C3%9F; filename*2=e.pdf", "Größe.pdf"),
        ('; filename="../../etc/x.pdf"', "x.pdf"),
        ('; filename="C:\\\\temp\\\\x.pdf"', "x.pdf"),
        ('; filename="x.pdf. . "', "x.pdf"),
        ('; filename="ｘ.ｐｄｆ"', "x.pdf"),
        ('; filename=".pdf"', "attachment.pdf"),
        ('; filename=".."', "attachment"),
        ('; filename="a?b*.pdf"', "a_b_.pdf"),
    ],
)
def test_file_names(disposition: str, filename: str) -> None:
    assert named(disposition)[0] == filename


def test_a_long_name_keeps_its_extension() -> None:
    name = named(f'; filename="{"ä" * 400}.pdf"')[0]
    assert name.endswith(".pdf") and len(name.encode()) <= 255


def test_a_missing_name_is_made_from_the_type() -> None:
    assert named("", "application/pdf")[0] == "attachment.pdf"


@pytest.mark.threat(48)
@pytest.mark.parametrize(
    ("disposition", "kind", "hidden"),
    [
        ("; filename=ok.pdf; filename*=utf-8''real.exe", "application/pdf", "real.exe"),
        ("; filename=ok.pdf; filename=real.exe", "application/pdf", "real.exe"),
        ("; filename=ok.pdf", "application/pdf; name=real.exe", "real.exe"),
        ('; filename="real.exe\x00.pdf"', "application/pdf", "real.exe"),
        ('; filename="x.pdf:real.exe"', "application/pdf", "real.exe"),
        ('; filename="real\u202efdp.exe"', "application/pdf", "realfdp.exe"),
        ('; filename="real.exe. "', "application/pdf", "real.exe"),
        ('; filename="real.e\u200bxe"', "application/pdf", "real.exe"),
        ('; filename="ok.pdf.exe"', "application/pdf", "ok.pdf.exe"),
        ('; filename="real.exe...  "', "application/pdf", "real.exe"),
        ('; filename="real.ｅｘｅ"', "application/pdf", "real.exe"),
        ('; filename="\u2067gpj.real\u2069.exe"', "image/jpeg", "gpj.real.exe"),
        ('; filename="real.exe:stream.txt"', "text/plain", "real.exe"),
        ('; filename="x.txt::$DATA:real.exe"', "text/plain", "real.exe"),
        ('; filename="=?utf-8?q?real=2Eexe?="', "application/pdf", "real.exe"),
        ("; filename*0=ok.pdf; filename*1=.exe; filename=ok.pdf", "application/pdf", "ok.pdf.exe"),
        ("; filename*=iso-8859-1'en'real%2eexe; filename=ok.pdf", "application/pdf", "real.exe"),
    ],
)
def test_every_reading_of_a_name_is_kept_for_judgement(disposition: str, kind: str, hidden: str) -> None:
    assert hidden in named(disposition, kind)[1]
    part = f"Content-Type: {kind}\nContent-Disposition: attachment{disposition}\n\nx"
    assert judge(parse(multipart(TEXT, part)).files[0], Files()).reason == "files of type .exe are not accepted"


def test_inline_images_are_marked() -> None:
    part = "Content-Type: image/png; name=i.png\nContent-ID: <i@x>\nContent-Disposition: inline\n\nx"
    file = parse(multipart(TEXT, part)).files[0]
    assert (file.inline, file.content_id) == (True, "i@x")
