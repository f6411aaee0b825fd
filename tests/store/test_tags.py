"""The ticket's tag in subjects as people's programs send them back, and the words that are left without it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.parse import parse
from store.rules.tags import base_subject, find_tags, read_tag, tag

ENCODED = "=?utf-8?B?UmU6IFtITyMxMDQyXSBEcnVja2VyIGthcHV0dA==?="


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        ("Re: [HO#1042] x", [("HO", 1042)]),
        ("re: [ho # 1042 ] x", [("HO", 1042)]),
        ("[HO\t#\t1042]", [("HO", 1042)]),
        ("［HO＃1042］ 打印机", [("HO", 1042)]),
        ("回复：【HO#1042】打印机", [("HO", 1042)]),
        ("[Ticket 55] Re: [HO#1042] x", [("HO", 1042)]),
        ("[[HO#1042]]", [("HO", 1042)]),
        ("[HO#1] [HO#1]", [("HO", 1)]),
        ("[HO#0012]", []),
        ("[HO#-12]", []),
        ("[HO#+12]", []),
        ("[HO#１２]", []),
        ("[HO#١٢]", []),
        ("[HO#12.0]", []),
        ("[HO#12 or 13]", []),
        ("[HO#10 42]", []),
        ("[HO#1e3]", []),
        ("[HO#12345678901]", []),
        ("[XXXXXXXXX#12]", []),
    ],
)
@pytest.mark.threat(46)
def test_only_plain_digits_make_a_tag(subject: str, found: list[tuple[str, int]]) -> None:
    assert find_tags(subject) == found


@pytest.mark.parametrize(
    "subject",
    [
        "HO#1042",
        "Re: HO#1042 x",
        "re:ho#1042: x",
        "Ticket (HO#1042)",
        "About HO#1042, please.",
        "HO#1042 - still broken",
        "HO#1042, as said in HO#1042.",
        "工单：HO#1042，坏了",
        "[IN#7] HO#1042",
    ],
)
def test_a_tag_without_brackets_counts_where_it_stands_alone(subject: str) -> None:
    assert ("HO", 1042) in find_tags(subject)


@pytest.mark.parametrize(
    "subject",
    [
        "XHO#1042",
        "1HO#1042",
        "HO #1042",
        "PRINTER IN #4",
        "HO#1042a",
        "HO#1042.5",
        "HO#1042-2",
        "HO#1042/3",
        "HO#1042's",
        "HO#1042 17",
        "HO#01042",
        "HO#１０４２",
        "https://x.test/HO#1042",
        "https://x.test/?a=HO#1042",
        "me@HO#1042",
        "#HO#1042",
        "[HO#1042",
        "[HO#1042'--]",
        "HO#1042 and HO#1043",
        "[HO#0012] HO#1042",
    ],
)
@pytest.mark.threat(46)
def test_what_may_mean_something_else_is_no_tag(subject: str) -> None:
    assert [number for key, number in find_tags(subject) if key in ("HO", "IN")] == []


@pytest.mark.req("X-09")
def test_several_tags_keep_their_order_and_brackets_win() -> None:
    assert find_tags("Fwd: [IN#4] [IN#9]") == [("IN", 4), ("IN", 9)]
    assert find_tags("HO#3 see [HO#4]") == [("HO", 4)]


@pytest.mark.parametrize(
    "subject",
    [
        "Re: [HO#1042] Drucker kaputt",
        "Re:\n [HO#1042] Drucker kaputt",
        "Re: [HO\n #1042] Drucker kaputt",
        "Re: [HO#\n\t1042] Drucker kaputt",
        "Re: [\n HO#1042\n ] Drucker kaputt",
        ENCODED,
        "Re: =?utf-8?Q?=5BHO=2310?=\n =?utf-8?Q?42=5D_Drucker_kaputt?=",
        "=?iso-2022-jp?B?UmU6IBskQiFaGyhCSE8jMTA0MhskQiFbGyhC?= Drucker kaputt",
    ],
)
def test_a_tag_survives_folding_and_encoding(subject: str) -> None:
    read = parse(f"From: a@x.test\nSubject: {subject}\n\nhi".encode()).subject
    assert find_tags(read) == [("HO", 1042)]
    assert base_subject(read, "HO").endswith("Drucker kaputt")


@pytest.mark.parametrize("sign", ["\u200b", "\u00ad", "\u202e", "\u2060"])
@pytest.mark.parametrize("subject", ["[HO#10{}42]", "[HO#{}1042]", "[HO#1042{}]", "HO#10{}42", "HO#1042{}7"])
@pytest.mark.threat(46)
def test_signs_nobody_sees_make_no_number(subject: str, sign: str) -> None:
    raw = f"From: a@x.test\nSubject: {subject.format(sign)}\n\nhi".encode()
    assert find_tags(parse(raw).subject) == []


@pytest.mark.req("HO-09")
@pytest.mark.parametrize(
    ("subject", "base"),
    [
        ("Re: FW: disk full", "disk full"),
        ("AW: Re[2]: [HO#1042] disk full", "disk full"),
        ("RE(3): Re^2: Re*4: Re2: disk full", "disk full"),
        ("回复: [HO#1] Drucker", "Drucker"),
        ("回复：Re:Re: disk full", "disk full"),
        ("返信: 転送: 회신: 전달: x", "x"),
        ("Отв: Ответ: HA: [HO#1] диск", "диск"),
        ("Yanıt: YNT: İlt: disk", "disk"),
        ("[HO#1042] Re: disk full", "disk full"),
        ("Re : [HO#1042] disk full", "disk full"),
        ("R: I: [HO#1042] disco pieno", "disco pieno"),
        ("[EXT] Re: [EXTERNAL] *** SPAM *** disk full", "disk full"),
        ("[INC#55] Re: [ho # 1042] disk full", "[INC#55] disk full"),
        ("Re: [IN#4] disk full", "[IN#4] disk full"),
        ("   ", ""),
        ("Re:", ""),
    ],
)
def test_prefixes_and_our_own_tag_are_taken_off(subject: str, base: str) -> None:
    assert base_subject(subject, "HO") == base


@pytest.mark.req("HO-09")
@pytest.mark.parametrize(
    "subject",
    [
        "Regarding: invoices", "Re-order", "Reset: mail", "SV 40 broken", "SV40: broken", "Ref: 4711", "R: drive is full",
        "I: drive is gone", "HA: node two is down", "VS Code: crash", "Tree: oak", "[Printer] jam", "[SPAM] from your server",
        "Spam: what can I do", "Ext: 204 is dead", "Problem re: invoices", "HO#12 again", "Research: access",
    ],
)  # fmt: skip
def test_the_customers_own_words_stay(subject: str) -> None:
    assert base_subject(subject, "HO") == subject


@given(st.text(alphabet="Re: FwI[]()HO#12]*EXT［ \t０", max_size=60))
def test_no_subject_is_added_to_or_turned_around(subject: str) -> None:
    letters = iter(subject)
    assert all(letter in letters for letter in base_subject(subject, "HO").replace(" ", ""))
    assert all(0 < number < 10**10 for _, number in find_tags(subject))


@given(st.integers(1, 9_999_999_999))
def test_a_tag_is_found_again(number: int) -> None:
    assert find_tags(f"Re: {tag('HO', number)} x") == [("HO", number)]
    assert read_tag(tag("HO", number)) == ("HO", number)


@pytest.mark.parametrize("text", ["HO#12", " [ho # 12] ", "HO-12", "［HO＃12］"])
def test_one_tag_is_read_in_any_spelling(text: str) -> None:
    assert read_tag(text) == ("HO", 12)


@pytest.mark.parametrize("text", ["", "12", "#12", "HO", "HO#012", "HO#12 x", "HO#１２", "HO#12 HO#13"])
def test_anything_else_is_not_one_tag(text: str) -> None:
    assert read_tag(text) is None


@pytest.mark.parametrize("unit", ["Re: ", "[HO#1] ", "HO#1 ", "R: ", "[", "Re[1]", " ", "[HO #", "* "])
def test_a_subject_of_a_megabyte_is_read_at_once(unit: str) -> None:
    start = time.perf_counter()
    subject = unit * (1_000_000 // len(unit))
    find_tags(subject)
    base_subject(subject, "HO")
    assert time.perf_counter() - start < 1
