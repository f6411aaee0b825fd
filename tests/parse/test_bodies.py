"""Text, HTML and files out of every shape of message."""

from __future__ import annotations

import base64

import pytest

from gateway.parse import parse
from tests.parse.samples import PDF, TEXT, mail, multipart, read


@pytest.mark.req("BR-01")
@pytest.mark.threat(31)
@pytest.mark.parametrize(
    ("label", "data", "text"),
    [
        ("iso-8859-2", "Zgłoszenie".encode("iso-8859-2"), "Zgłoszenie"),
        ("ISO-2022-JP", "日本語".encode("iso-2022-jp"), "日本語"),
        ("gb2312", "中文鎔".encode("gb18030"), "中文鎔"),
        ("utf-16", "Größe".encode("utf-16"), "Größe"),
        ("us-ascii", "Größe".encode(), "Größe"),
        ("x-unknown", "Größe".encode(), "Größe"),
        ("punycode", b"plain", "plain"),
        ("idna", b"plain", "plain"),
        ("unicode_escape", b"a\\u0000b", "a\\u0000b"),
        ("utf-16", b"plain words in fact", "plain words in fact"),
        ("utf-8", b"nul\x00byte", "nul\ufffdbyte"),
        ("utf-7", b"Gr+APwA3w-e", "Grüße"),
        ("iso-8859-1", "Заявка на ремонт лифта, пожалуйста".encode("cp1251"), "Заявка на ремонт лифта, пожалуйста"),
        ("iso-8859-2", "Žluťoučký kůň".encode("cp1250"), "Žluťoučký kůň"),
        ("iso-8859-15", b"\x80 99 \x93q\x94", "€ 99 “q”"),
        ("gb2312", "Größe und Grüße, Übermorgen".encode(), "Größe und Grüße, Übermorgen"),
        ("big5", "電梯壞了，請幫忙".encode(), "電梯壞了，請幫忙"),
        ("gb2312", "電梯壞了".encode("gbk"), "電梯壞了"),
        ("utf-8", b"\x1b$BF|K\\8l\x1b(B", "日本語"),
        ("iso-8859-1", "日本語のテキストです。動きません。".encode("cp932"), "日本語のテキストです。動きません。"),
        ("euc-jp", "①番".encode("euc_jis_2004"), "①番"),
        ("zlib_codec", b"plain", "plain"),
        ("undefined", b"plain", "plain"),
    ],
)
def test_charsets_true_and_false(label: str, data: bytes, text: str) -> None:
    head = f"Content-Type: text/plain; charset={label}\nContent-Transfer-Encoding: base64\n"
    raw = head.encode() + mail(base64.b64encode(data).decode())
    assert parse(raw).text == text


def test_an_unlabelled_body_in_latin_1_is_detected() -> None:
    assert "Grüße aus Köln" in parse(mail() + "\nViele Grüße aus Köln und schöne Tage".encode("latin-1")).text


@pytest.mark.req("BR-01")
def test_all_text_parts_are_joined_and_files_kept() -> None:
    parsed = parse(multipart(TEXT, PDF, "\nSecond text."))
    assert parsed.text.split("\n") == ["The lift is stuck.", "", "Second text."]
    assert [(f.filename, f.content_type, f.size) for f in parsed.files] == [("plan.pdf", "application/pdf", 9)]
    assert parsed.files[0].content == b"%PDF-1.4\n"


@pytest.mark.req("BR-01")
def test_nested_multipart_gives_plain_text_and_html() -> None:
    inner = "--YY\nContent-Type: text/plain\n\nplain\n--YY\nContent-Type: text/html\n\n<b>rich</b>\n--YY--"
    parsed = parse(multipart(f"Content-Type: multipart/alternative; boundary=YY\n\n{inner}", PDF))
    assert parsed.text == "plain"
    assert parsed.html is not None and "<b>rich</b>" in parsed.html
    assert len(parsed.files) == 1


@pytest.mark.req("BR-01")
def test_html_only_becomes_text() -> None:
    html = "<style>p{x}</style><p>One &amp; two<br>three</p><blockquote>old</blockquote><ul><li>four</ul>"
    parsed = read(html, Content_Type="text/html")
    assert parsed.text.split() == ["One", "&", "two", "three", ">", "old", "*", "four"]
    assert "> old" in parsed.text.split("\n")


@pytest.mark.parametrize(
    "source",
    [
        "<script>x</script>",
        "<img src=x onerror=y>",
        "<a href='javascript:x'>a</a>",
        "<a href=' java\tscript:x'>a</a>",
        "<a href='data:text/html,x'>a</a>",
        "<a href='//evil.test'>a</a>",
        "<div style='background:url(http://evil.test)'>a</div>",
        "<style>@import 'http://evil.test'</style>",
        "<svg><animate onbegin=x></svg>",
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=x&gt;'>",
        "<iframe src=http://evil.test></iframe>",
        "<form action=http://evil.test><input></form>",
        "<base href=http://evil.test><meta http-equiv=refresh content=0>",
        "<img src='cid:../../x'>",
    ],
)
def test_html_holds_nothing_that_runs_or_fetches(source: str) -> None:
    html = read(f"<p>ok</p>{source}", Content_Type="text/html").html
    assert html is not None and "ok" in html
    for word in (
        "script",
        "evil.test",
        "onerror=x>",
        "style",
        "<svg",
        "<iframe",
        "<form",
        "<input",
        "<base",
        "<meta",
        "src",
    ):
        assert word not in html.replace("&lt;img src=1 onerror=x&gt;", "").replace("--&gt;", "")


def test_own_images_and_links_stay_in_html() -> None:
    html = read("<img src='cid:a@b'><a href='https://x.test/'>x</a>", Content_Type="text/html").html
    assert html is not None and 'src="cid:a@b"' in html and 'href="https://x.test/"' in html


def test_deep_html_is_shown_as_its_text() -> None:
    parsed = read("<div>" * 5_000 + "bottom", Content_Type="text/html")
    assert parsed.text == "bottom"
    assert parsed.html is not None and parsed.html.count("<") < 5


@pytest.mark.parametrize(
    "body", ["<p>Hi</p><!-- ", "<p>Hi</p><script>", "<p>Hi</p>" + "<!" * 99, "Hi<", "<p title='>Hi"]
)
def test_unfinished_html_loses_no_text(body: str) -> None:
    assert "Hi" in read(body, Content_Type="text/html").text


def test_a_boundary_that_begins_another_is_not_confused() -> None:
    inner = "Content-Type: multipart/mixed; boundary=XX1\n\n--XX1\n\ninner\n--XX1--"
    assert parse(multipart(inner, "\nouter")).text.split() == ["inner", "outer"]


@pytest.mark.threat(27)
def test_a_wrong_boundary_is_guessed_and_an_absent_one_leaves_text() -> None:
    raw = multipart(TEXT, PDF).replace(b'boundary="XX"', b'boundary="ZZ"')
    assert len(parse(raw).files) == 1
    assert "wrong-boundary" in parse(raw).defects
    assert read("words", Content_Type="multipart/mixed").text == "words"


@pytest.mark.threat(27)
def test_a_boundary_with_two_readings_is_flagged() -> None:
    assert "two-readings" in parse(multipart(TEXT, boundary="a=?us-ascii?Q?b?=")).defects


def test_a_forwarded_mail_is_a_file_of_its_exact_bytes() -> None:
    parsed = parse(multipart(TEXT, "Content-Type: message/rfc822\n\nSubject: old\n\nold text"))
    assert parsed.files[0].filename == "message.eml"
    assert parsed.files[0].content == b"Subject: old\n\nold text"
    assert "old text" not in parsed.text


def test_uuencoded_text_stays_text() -> None:
    parsed = read("begin 644 a.exe\n#0V%T\nend\n")
    assert "begin 644" in parsed.text
    assert parsed.files == ()


def test_encrypted_mail_is_named() -> None:
    parsed = parse(multipart("Content-Type: application/pgp-encrypted\n\nVersion: 1", kind="encrypted"))
    assert "encrypted" in parsed.defects


def test_large_contents_are_exact_in_every_encoding() -> None:
    data = bytes(range(256)) * 1_000
    encoded = base64.encodebytes(data).decode()
    part = f"Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\n{encoded}"
    assert parse(multipart(TEXT, part)).files[0].content == data
    text = "Ein langer Brief über Größe. " * 20_000
    assert parse(multipart(f"Content-Type: text/plain; charset=utf-8\n\n{text}", PDF)).text == text
    lines = "x\n" * 100_000
    raw = multipart(f"Content-Type: application/pdf; name=b.pdf\n\n{lines}")
    assert parse(raw).files[0].content == lines.encode()
    assert parse(raw.replace(b"\n", b"\r\n")).files[0].content == lines.replace("\n", "\r\n").encode()


@pytest.mark.threat(31)
def test_html_in_utf_7_is_decoded_before_it_is_cleaned() -> None:
    html = read("<p>ok</p>+ADw-script+AD4-alert(1)+ADw-/script+AD4-", Content_Type="text/html; charset=utf-7").html
    assert html is not None and "script" not in html and "+ADw-" not in html


@pytest.mark.threat(27)
@pytest.mark.parametrize(
    "part",
    [
        'Content-Type: application/pdf; name="a.pdf"; name="a.exe"\nContent-Disposition: attachment\n\nx',
        'Content-Type: application/pdf; name="a.exe"\nContent-Disposition: attachment; filename="a.pdf"\n\nx',
        "Content-Type: application/pdf\nContent-Disposition: attachment; filename=\"a.pdf\"; filename*=utf-8''a.exe\n\nx",
    ],
)
def test_every_name_a_reader_could_give_a_file_is_judged(part: str) -> None:
    assert {"a.pdf", "a.exe"} <= set(parse(multipart(TEXT, part)).files[0].names) | {
        parse(multipart(TEXT, part)).files[0].filename
    }


@pytest.mark.threat(27)
def test_text_behind_a_missing_end_is_kept() -> None:
    raw = multipart(TEXT, "Content-Type: text/plain\n\nand the door").replace(b"--XX--\n", b"")
    assert parse(raw).text.split("\n") == ["The lift is stuck.", "", "and the door"]


def test_text_before_and_behind_pictures_is_joined() -> None:
    picture = "Content-Type: image/png\nContent-Disposition: inline; filename=a.png\n\nx"
    parsed = parse(
        multipart(
            TEXT, picture, "Content-Type: text/plain\n\nsecond", picture, "Content-Type: text/html\n\n<b>third</b>"
        )
    )
    assert parsed.text.split() == ["The", "lift", "is", "stuck.", "second", "third"]
    assert len(parsed.files) == 2


@pytest.mark.parametrize("label", ["", "charset=iso-8859-1", "charset=x-unknown"])
@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("엘리베이터가 고장났습니다. 빨리 와 주세요", "euc-kr"), ("문의 드립니다. 서버가 멈췄습니다", "euc-kr"),
        ("エレベーターが故障しました", "euc-jp"), ("昨日から電源が入りません", "euc-jp"),
        ("Здравствуйте, лифт опять сломался", "koi8-r"), ("電梯壞了，請派人來修理", "big5"), ("电梯坏了，请派人来修理", "gb18030"),
    ],
)  # fmt: skip
def test_a_few_words_are_enough_to_find_the_charset(text: str, codec: str, label: str) -> None:
    head = b"From: a@shop.test\nSubject: x\nContent-Type: text/plain; " + label.encode() + b"\n\n"
    assert parse(head + text.encode(codec)).text == text


def test_a_rule_of_dashes_in_a_short_mail_is_no_foreign_charset() -> None:
    text = "Grüße\n————————————————\n€ 5 · Bo"
    head = b"From: a@shop.test\nContent-Type: text/plain; charset=windows-1252\n\n"
    assert parse(head + text.encode("cp1252")).text == text
