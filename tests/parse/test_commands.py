"""Commands at the head of a reply, as people's programs send them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.parse.commands import COMMANDS, Asked, read_commands, what_can
from tests.parse.samples import read

GMAIL = (
    '<div dir="ltr">#close</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">On Mon, '
    'Mar 2, 2026 at 10:00 AM Desk &lt;<a href="mailto:help@desk.test">help@desk.test</a>&gt; wrote:<br></div>'
    '<blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex"><div>#note old</div></blockquote></div>'
)
OUTLOOK = (
    "<html><body lang=EN-US><div class=WordSection1><p class=MsoNormal><span>#close<o:p></o:p></span></p>"
    "<p class=MsoNormal><o:p>&nbsp;</o:p></p><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in'>"
    "<p class=MsoNormal><b>From:</b> Desk<br><b>Sent:</b> Monday, March 2, 2026<br><b>To:</b> Ann<br><b>Subject:</b> x</p></div>"
    "<p class=MsoNormal>#note old</p></div></body></html>"
)
OUTLOOK_WEB = (
    '<html><body><div class="elementToProof" style="font-family:Aptos">#close</div><div id="appendonsend"></div><hr>'
    '<div id="divRplyFwdMsg"><b>From:</b> Desk<br><b>Sent:</b> Monday<br></div><div>#note old</div></body></html>'
)


@pytest.mark.parametrize(
    "text",
    [
        "#close", "#Close", "#SOLVED", "\n\n   #close\n", "\t#close", "\xa0#close\xa0", "＃close", "\u200b#close",
        "#\u200bclose", "#clo\u00adse", "\ufeff\u2060 #close", "#close.", "#close!", "#close:", "#close\r", "#close\n#solved",
    ],
)  # fmt: skip
def test_closing_is_understood_however_a_program_spells_it(text: str) -> None:
    assert read_commands(text).commands == (Asked("close"),)
    assert read_commands(text).problems == ()
    assert read_commands(f"{text}\n\nThank you").text == "Thank you"


@pytest.mark.parametrize("source", [GMAIL, OUTLOOK, OUTLOOK_WEB], ids=["gmail", "outlook", "outlook web"])
def test_the_reply_of_an_html_mail_begins_with_its_command(source: str) -> None:
    asked = read_commands(read(source, Content_Type="text/html; charset=utf-8").reply)
    assert (asked.commands, asked.text, asked.unknown) == ((Asked("close"),), "", ())


@pytest.mark.parametrize(
    "text",
    [
        "Hello\n#close",
        "> #close",
        "#1042 is broken",
        "# The printer",
        "please #close",
        "close",
        "#",
        "",
        "##",
        "*#close",
        "-- \n#close",
    ],
)
def test_ordinary_words_are_no_command(text: str) -> None:
    asked = read_commands(text)
    assert (asked.commands, asked.unknown, asked.problems) == ((), (), ())
    assert asked.text == text.strip("\n")


def test_commands_stand_in_order_above_the_text_and_nothing_below_it_is_one() -> None:
    asked = read_commands("#assign me\n\n#Priority: High\n#close\n\n  Done.\n#note\n\nBye\n")
    assert asked.commands == (Asked("assign", ("me",)), Asked("priority", ("high",)), Asked("close"))
    assert asked.text == "  Done.\n#note\n\nBye"


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("#assign nobody", Asked("assign", ("nobody",))),
        ("#assign Gina <GINA@desk.test>", Asked("assign", ("gina@desk.test",))),
        ("#assign gina@desk.test<mailto:gina@desk.test>", Asked("assign", ("gina@desk.test",))),
        ("#priority urgent", Asked("priority", ("urgent",))),
        ('#department "Billing"', Asked("department", ("Billing",))),
        ("#department Human Resources", Asked("department", ("Human Resources",))),
        ("#merge [ho # 12]", Asked("merge", ("[ho # 12]",))),
        ("#merge HO-12", Asked("merge", ("HO-12",))),
        ("#cc a@x.test, Bob <b@x.test>; -c@x.test", Asked("cc", ("a@x.test", "b@x.test"), ("c@x.test",))),
        ("#cc -Carl <c@x.test>, – d@x.test, −e@x.test", Asked("cc", (), ("c@x.test", "d@x.test", "e@x.test"))),
        ('#cc "Doe, Carl" <c@x.test>', Asked("cc", ("c@x.test",))),
        ("#cc a@x.test,\n b@x.test,\nc@x.test", Asked("cc", ("a@x.test", "b@x.test", "c@x.test"))),
        ("#wait", Asked("wait")),
        ("#nowait", Asked("nowait")),
    ],
)
def test_arguments_are_read(line: str, asked: Asked) -> None:
    requested = read_commands(f"{line}\nThe text")
    assert (requested.commands, requested.text, requested.problems) == ((asked,), "The text", ())


@pytest.mark.parametrize(
    "line",
    [
        "#close? No!", "#solved it", "#wait a bit", "#assign", "#assign gina", "#assign a@x.test b@x.test", "#assign team: a@x.test;",
        "#priority", "#priority very high", "#department", "#merge", "#merge 12", "#merge HO#1\u200b2", "#merge HO#１２",
        "#merge HO#1 HO#2", "#cc", "#cc bob", "#cc a@x.test b@x.test", "#cc a@x.test, bob", "#cc Doe, Carl <c@x.test>",
    ],
)  # fmt: skip
def test_a_wrong_form_is_said_in_one_sentence_without_the_writers_words(line: str) -> None:
    asked = read_commands(f"{line}\nThe text")
    (problem,) = asked.problems
    assert asked.commands[0].problem == problem
    assert problem.endswith(".") and problem.startswith(line.split()[0].rstrip("?"))
    assert not {"gina", "bob", "x.test", "Carl", "very"} & set(problem.replace(",", "").split())
    assert asked.text == f"{line}\nThe text"


@pytest.mark.parametrize("text", ["#wait\n#nowait", "#priority low\n#priority high", "#assign me\n#assign nobody"])
def test_commands_that_contradict_each_other_are_a_problem(text: str) -> None:
    assert len(read_commands(text).problems) == 1


def test_an_unknown_word_is_told_and_its_line_stays() -> None:
    asked = read_commands("#asign gina@desk.test\n#note\nShe is a difficult customer.")
    assert asked.unknown == ("asign",)
    assert asked.commands == (Asked("note"),)
    assert asked.text == "#asign gina@desk.test\nShe is a difficult customer."


@pytest.mark.parametrize("line", ["# note", "##note", "#  Note", "＃ note"])
@pytest.mark.threat(47)
def test_a_note_that_is_spelled_like_a_heading_does_not_pass_unnoticed(line: str) -> None:
    asked = read_commands(f"{line}\nShe is a difficult customer.")
    assert asked.commands == () and len(asked.unknown) == 1
    assert line in asked.text


def test_the_words_behind_a_note_are_the_note_however_long() -> None:
    words = "she is difficult " * 2000
    asked = read_commands(f"#note {words}\nBye")
    assert asked.commands == (Asked("note"),)
    assert asked.text == f"{words.strip()}\nBye"


def test_what_can_be_asked_is_told_to_each_side() -> None:
    assert [line.partition(":")[0] for line in what_can(staff=False)] == ["#close", "#solved"]
    assert len(what_can(staff=True)) == len(COMMANDS)


@pytest.mark.parametrize("word", COMMANDS)
def test_each_word_in_the_table_is_understood(word: str) -> None:
    (asked,) = read_commands(f"#{word}").commands
    assert asked.name == COMMANDS[word].name
    assert asked.staff == COMMANDS[word].staff


@given(st.text(alphabet="#＃ \n\u200bnoteclosmcp@x.,-<>:\t", max_size=80))
def test_without_a_command_no_word_is_lost(text: str) -> None:
    asked = read_commands(text)
    if not asked.commands:
        assert asked.text.replace("\u200b", "").split() == text.replace("\u200b", "").split()


@pytest.mark.parametrize("unit", ["#close\n", "#x\n", "\n", "#", "#cc a@x.test,\n", "a@x.test,", "\u200b", "#note a "])
def test_a_long_reply_is_read_at_once(unit: str) -> None:
    start = time.perf_counter()
    read_commands(unit * (300_000 // len(unit)))
    read_commands("#cc " + unit * (300_000 // len(unit)))
    assert time.perf_counter() - start < 5
