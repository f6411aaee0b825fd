"""What is new in a reply, in the words of many programs."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.parse.reply import split_reply

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


def test_interleaved_answers_are_shown() -> None:
    text = "On 1/2/2026 10:00 Desk <d@d.test> wrote:\n> One?\nYes.\n\n> Two?\nNo.\n\n> Three?\n"
    reply, hidden = split_reply(text)
    assert [line for line in reply.split("\n") if line] == ["Yes.", "No."]
    assert "> Three?" in hidden


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


@settings(max_examples=400, deadline=None)
@given(st.lists(LINES | st.text(max_size=30).filter(lambda s: "\n" not in s), max_size=30))
def test_nothing_is_ever_lost(lines: list[str]) -> None:
    text = "\n".join(lines)
    reply, hidden = split_reply(text)
    kept = [line.strip() for line in f"{reply}\n{hidden}".split("\n") if line.strip()]
    assert Counter(kept) == Counter(line.strip() for line in text.split("\n") if line.strip())
