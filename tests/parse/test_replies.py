"""What is new in a reply, in the words of many programs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.parse import parse
from gateway.parse.plain import QUOTE_MARK
from gateway.parse.reply import split_reply
from tests.parse.samples import multipart, read

QUOTE = "> The old words\n> of the desk"
ANNOUNCEMENTS = [
    "On Mon, 2 Mar 2026 at 10:00, Desk <help@desk.test> wrote:",
    "On Mon, 2 Mar 2026 at 10:00, The Very Long Name of the Desk <\nhelp@desk.test> wrote:",
    "Am 02.03.2026 um 10:00 schrieb Desk <help@desk.test>:",
    "Desk <help@desk.test> schrieb am Mo., 2.\nMärz 2026 um 10:00 Uhr:",
    "Le lun. 2 mars 2026 à 10:00, Desk <help@desk.test> a écrit\u00a0:",
    "El lun, 2 mar 2026 a las 10:00, Desk (<help@desk.test>) escribió:",
    "Il giorno lun 2 mar 2026 alle ore 10:00 Desk <help@desk.test> ha scritto:",
    "Op ma 2 mrt 2026 om 10:00 schreef Desk <help@desk.test>:",
    "Em seg., 2 de mar. de 2026 às 10:00, Desk <help@desk.test> escreveu:",
    "W dniu 2.03.2026 o 10:00, Desk pisze i napisał(a):",
    "Den mån 2 mars 2026 kl 10:00 skrev Desk <help@desk.test>:",
    "2 мар. 2026 г. 10:00 пользователь Desk <help@desk.test> написал:",
    "2026年3月2日(月) 10:00 Desk <help@desk.test>:",
    "2026-03-02 10:00 GMT+01:00 Desk <help@desk.test>:",
    "-----Original Message-----",
    "-----Ursprüngliche Nachricht-----",
    "________________________________\nFrom: Desk <help@desk.test>\nSent: Monday, March 2, 2026 10:00\nTo: Ann",
    "Von: Desk\nGesendet: Montag, 2. März 2026 10:00\nAn: Ann\nBetreff: X",
    "De : Desk\nEnvoyé : lundi 2 mars 2026 10:00\nÀ : Ann\nObjet : X",
    "*From:* Desk\n*Date:* 2 March 2026\n*To:* Ann\n*Subject:* X",
    "差出人: Desk\n送信日時: 2026年3月2日\n宛先: Ann\n件名: X",
]


@pytest.mark.req("BR-01")
@pytest.mark.parametrize("announcement", ANNOUNCEMENTS)
def test_the_history_is_hidden(announcement: str) -> None:
    reply, hidden = split_reply(f"It works now.\nThanks, Ann\n\n{announcement}\n\n{QUOTE}\n")
    assert reply == "It works now.\nThanks, Ann"
    assert "The old words" in hidden


@pytest.mark.req("BR-01")
@pytest.mark.parametrize(
    "tail", ["-- \nAnn Lee\nShop Ltd", "Sent from my iPhone", "Von meinem iPhone gesendet", "Get Outlook for Android"]
)
def test_signatures_are_hidden(tail: str) -> None:
    reply, hidden = split_reply(f"It works.\n\n{tail}\n")
    assert reply == "It works."
    assert hidden == tail.strip()


@pytest.mark.parametrize(
    "text",
    [
        "The user wrote:\nhelp",
        "From: what I see, it is broken",
        "Sent from my desk, as ever.",
        "a -- b\n--verbose\nc",
        "Options:\n- one\n- two",
        "From: Ann\nPlease call me",
        "On the whole I think this:\nit is fine",
    ],
)
def test_ordinary_words_are_not_history(text: str) -> None:
    assert split_reply(f"Hello\n\n{text}\n\nBye") == (f"Hello\n\n{text}\n\nBye", "")


def test_answers_between_quoted_lines_keep_what_they_answer() -> None:
    text = "On 1/2/2026 10:00 Desk <d@d.test> wrote:\n> One?\nYes.\n\n> Two?\nNo.\n\n> Three?\n"
    reply, hidden = split_reply(text)
    assert [line for line in reply.split("\n") if line] == ["> One?", "Yes.", "> Two?", "No."]
    assert hidden == "On 1/2/2026 10:00 Desk <d@d.test> wrote:\n> Three?"


def test_an_answer_below_the_quotation_is_shown() -> None:
    assert split_reply("On 1/2/2026 10:00 D <d@d.test> wrote:\n> One?\n\nYes.\n-- \nAnn")[0] == "Yes."


def test_a_bare_quotation_is_the_news() -> None:
    assert split_reply(QUOTE) == (QUOTE, "")


def test_a_forwarded_mail_is_shown() -> None:
    text = "See below\n\n---------- Forwarded message ----------\nFrom: X <x@x.test>\nDate: 1 Jan 2026\n\nSmoke!"
    assert split_reply(text) == (text, "")


LINES = st.sampled_from(
    [
        "a", "b c", "", "> q", ">> r", "--", "-- ", "-Ann", "____________", "On 1/2/2026 a@b.test wrote:", "x:", "<",
        "> wrote:", "From: a@b.test", "Sent: 1 May 2026", "To: b", "Subject: c", "-----Original Message-----",
        "On 1 May", "Sent from my iPhone", "---------- Forwarded message ----------", "list http://x.test/listinfo",
    ]
)  # fmt: skip


def can_interleave(left: list[str], right: list[str], whole: list[str]) -> bool:
    """Whether `whole` is made by taking the items of both lists, each in its order."""
    taken = {0}  # how many of `left` may be used up after each item of `whole`
    for at, item in enumerate(whole):
        taken = {n + 1 for n in taken if n < len(left) and left[n] == item} | {
            n for n in taken if at - n < len(right) and right[at - n] == item
        }
    return len(whole) == len(left) + len(right) and len(left) in taken


@pytest.mark.threat(32)
@settings(max_examples=400, deadline=None)
@given(
    st.lists(LINES | st.text(st.characters(exclude_characters="\0\n", codec="utf-8"), max_size=30), max_size=30),
    st.sets(st.integers(0, 30)),
    st.booleans(),
)
def test_nothing_is_ever_lost(lines: list[str], marks: set[int], passed_on: bool) -> None:
    """The lines of reply and hidden, interleaved, are the lines of the text; only blank lines may go."""
    text = "\n".join(QUOTE_MARK + line if at in marks else line for at, line in enumerate(lines))
    reply, hidden = split_reply(text, passed_on)
    parts = [[line.strip() for line in part.split("\n") if line.strip()] for part in (reply, hidden, "\n".join(lines))]
    assert can_interleave(*parts), parts


def test_the_check_of_the_test_above_sees_losses_and_disorder() -> None:
    assert can_interleave(["a", "b"], ["a"], ["a", "a", "b"])
    assert not can_interleave(["a"], ["b"], ["a", "b", "c"])
    assert not can_interleave(["b", "a"], [], ["a", "b"])


BEGINS = {
    "gmail": '<div>{new}</div><div class="gmail_quote"><div class="gmail_attr">{head}</div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex">{old}</blockquote></div>',
    "outlook-web": '<div>{new}</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>{head}</b> x<br>y</div><div>{old}</div>',
    "outlook-desktop": "<p class=MsoNormal>{new}</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal><b>{head}</b></p></div></div><p>{old}</p>",
    "outlook-new": '<div>{new}</div><div id="mail-editor-reference-message-container"><div>{head}</div><div>{old}</div></div>',
    "thunderbird": '{new}<div class="moz-cite-prefix">{head}<br></div><blockquote type="cite" cite="mid:a@b">{old}</blockquote>',
    "apple": '<div>{new}<br><div><br><blockquote type="cite"><div>{head}</div><br><div>{old}</div></blockquote></div></div>',
    "yahoo": '<div>{new}</div><div id="yahoo_quoted_1" class="yahoo_quoted"><div>{head}</div><div>{old}</div></div>',
    "proton": '<div>{new}</div><div class="protonmail_quote">{head}<br><blockquote class="protonmail_quote" type="cite">{old}</blockquote></div>',
    "gmx": '<div>{new}</div><div name="quote" style="margin:10px"><div>{head}</div><div>{old}</div></div>',
}  # fmt: skip


@pytest.mark.req("BR-01")
@pytest.mark.parametrize("program", BEGINS)
@pytest.mark.parametrize("plain", [False, True])
def test_html_says_where_a_quotation_begins_whatever_its_words(program: str, plain: bool) -> None:
    """The announcement is in a language nobody knows here."""
    head = "Quux Desk la 2a de Foo 2026 grawlix"
    html = BEGINS[program].format(new="Dankon, funkcias.", head=head, old="Ĉu ripara?")
    if plain:
        text = f"Dankon, funkcias.\n\n{head}\n\nĈu ripara?\n"
        raw = multipart(
            f"Content-Type: text/plain; charset=utf-8\n\n{text}",
            f"Content-Type: text/html\n\n{html}",
            kind="alternative",
        )
        parsed = parse(raw)
        if program == "apple":
            return  # its quotation has no mark but the block itself, which plain text would show as such
    else:
        parsed = read(html, Content_Type="text/html; charset=utf-8")
    assert parsed.reply == "Dankon, funkcias."
    assert head in parsed.hidden
    assert "\0" not in parsed.text + parsed.hidden


@pytest.mark.parametrize("program", ["gmail", "outlook-web", "yahoo"])
def test_html_of_forwarded_mail_is_shown(program: str) -> None:
    head = "---------- Forwarded message ---------" if program != "outlook-web" else "From: Bo <bo@x.test>"
    html = BEGINS[program].format(new="Look.", head=head, old="There is smoke.").replace("blockquote", "div")
    parsed = read(html, Content_Type="text/html", Subject="Fwd: smoke")
    assert "There is smoke." in parsed.reply
    assert parsed.hidden == ""


def test_a_copied_header_in_forwarded_mail_is_shown() -> None:
    body = "Look.\n\nVon: Bo <bo@x.test>\nGesendet: Montag, 2. März 2026 10:00\nAn: Ann\nBetreff: Rauch\n\nEs raucht."
    assert read(body, Subject="WG: Rauch").reply == body
    assert read(body, Subject="AW: Rauch").reply == "Look."


def test_words_set_in_are_no_quotation() -> None:
    html = '<p>As follows:</p><blockquote style="margin:0 0 0 40px;border:none;padding:0px">Two lamps</blockquote><p>Ann</p>'
    assert read(html, Content_Type="text/html").reply.split() == ["As", "follows:", "Two", "lamps", "Ann"]


SHAPES = {
    "verbs": "On 1/2/2026 " + "wrote:" * 70 + "a:\n", "colons": "On 1/2/2026 wrote" + ": " * 200 + "a\n", "open": "On 1/1/2026\n",
    "mailboxes": "On a@b.test <" + "a@" * 200 + "\n", "signatures": "--\n\n", "rules": "_____\n", "names": "\n-Ann\n",
    "headers": "Sent: 1\nFrom: a\n", "devices": "von meinem " + "a " * 80 + "\n", "turns": "> a\nb\n", "marks": "\0-----\n",
    "stars": "*" * 480 + "\n", "blanks": " " * 480 + "x\n", "one line": "a" * 1_000,
}  # fmt: skip


@pytest.mark.threat(32)
@pytest.mark.parametrize("shape", SHAPES)
def test_time_grows_with_the_length_of_the_text_only(shape: str) -> None:
    """A million characters; what is quadratic would take minutes."""
    text = "hello\n" + SHAPES[shape] * (1_000_000 // len(SHAPES[shape]))
    start = time.process_time()
    split_reply(text)
    assert time.process_time() - start < 5


FRENCH = "Le mar. 3 mars 2026 à 09:02, Desk <\nhelp@desk.test> a écrit :"


@pytest.mark.parametrize(
    ("words", "announcement"),
    [
        ("Le code ne marche pas.\n", FRENCH),
        ("Le code ne marche pas\n", FRENCH),
        ("Le code ne marche pas.", FRENCH),
        ("Am Tor steht niemand\n", "Am 03.03.2026 um 10:00 schrieb Desk <help@desk.test>:"),
        ("On 2 March 2026 it broke.\n", "On Tue, 3 Mar 2026 at 09:02, Desk\n<help@desk.test> wrote:"),
    ],
)
def test_a_sentence_above_an_announcement_is_no_part_of_it(words: str, announcement: str) -> None:
    assert split_reply(f"Bonjour\n\n{words}\n{announcement}\n\n{QUOTE}")[0] == f"Bonjour\n\n{words}".strip()


@pytest.mark.parametrize(
    "text",
    [
        "Hello\n\nYesterday at 10:30 Bob wrote: restart it.\nI did. On 3 March I wrote:\n\nit is dead\n\nNobody answers.",
        "Hello\n\nDate: 3 May 2026\n\nOn Monday our boss wrote:\nthe van must have a lift.",
        "In 2026 I wrote:\n\nit is dead\n\nNobody answers.",
    ],
)
def test_what_people_say_that_somebody_wrote_stays(text: str) -> None:
    assert split_reply(text) == (text, "")


def test_an_ornament_of_angles_is_no_quotation() -> None:
    text = "Our new address:\n>>> 5 Main Street <<<\nSee you there"
    assert split_reply(text) == (text, "")
    assert split_reply("Yes\n\n>>> a << b\n>> cout <<")[0] == "Yes"
