"""Who may read what in a mail: strangers, customers, staff, and desks that keep texts in the portal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from templates.contexts import one_line
from tests.mails.letters import DESK, LOG, ROLES, TEMPLATES, letter, read, send

CANARY = "BuyCheapPills"
INTERNAL = "INTERNAL-NOTE-SECRET"
LONG = "First words. " + "more and more " * 60 + "the very last words"


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.threat(38)
def test_a_stranger_gets_nothing_back_of_what_was_sent_in_their_name(template: str) -> None:
    """Threats 38: the acknowledgement must be worthless as a way to mail somebody's text to a victim."""
    mail = send(
        letter(
            template, known=False, by_support=False, text=CANARY, subject=CANARY, recipient_name=CANARY, author=CANARY,
            author_address=f"{CANARY}@evil.test", files=[replace(LOG, filename=f"{CANARY}.pdf")],
            refused=[{"filename": f"{CANARY}.exe", "reason": CANARY}], flags=[CANARY], origin=CANARY, department=CANARY,
        ),
    )  # fmt: skip
    seen = read(mail)
    assert CANARY not in seen.everything and CANARY.encode() not in mail.content
    assert seen.subject == "[HO#1042] We received your message"
    assert seen.headers["Thread-Topic"] == seen.subject
    assert seen.headers["To"] == "anna@weber.test"
    assert seen.files == {}


def test_a_stranger_reads_what_support_wrote_to_them() -> None:
    seen = read(send(letter("staff_reply", known=False, author="Maria Lopez", text="Here is the answer.")))
    assert "Here is the answer." in seen.text and "Maria Lopez" in seen.html and list(seen.files) == ["error.log"]
    assert seen.subject == "[HO#1042] disk full"


@pytest.mark.parametrize("role", [role for role in ROLES if role != "staff"])
@pytest.mark.threat(47)
def test_what_is_for_staff_never_reaches_a_customer(role: str) -> None:
    secret: dict[str, Any] = {"author_address": f"{INTERNAL}@desk.test", "flags": [INTERNAL], "claims": INTERNAL}
    more = dict.fromkeys(("priority", "department", "origin"), INTERNAL)
    for template in TEMPLATES:
        for known in (True, False):
            assert INTERNAL not in read(send(letter(template, role=role, known=known, **secret, **more))).everything


def test_staff_see_who_wrote_from_where_and_what_is_odd() -> None:
    seen = read(send(letter("staff_notice", role="staff", department="Safety", flags=["stranger", "new-thing"])))
    for words in ("anna@weber.test", "Safety", "Medium", "mail:support@desk.test", "HO#1001", "has no part in",
                  "new-thing", "Replying to this mail answers the customer"):  # fmt: skip
        assert words in " ".join(seen.text.split()) and words in seen.html


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("policy", ["full", "excerpt", "link_only"])
def test_the_text_policy_of_the_desk_holds_for_customers(template: str, policy: str) -> None:
    desk = DESK.model_copy(update={"mail_body": policy})
    for role in ROLES:
        seen = read(send(letter(template, role=role, text=LONG), desk))
        told = template != "attachment_refused"
        whole = told and (policy == "full" or role == "staff")
        part = told and (whole or policy == "excerpt")
        assert ("the very last words" in seen.text, "the very last words" in seen.html) == (whole, whole)
        assert ("First words." in seen.text, "First words." in seen.html) == (part, part)
        assert not seen.files or policy != "link_only" or role == "staff"
        assert ("error.log" in seen.everything) == (policy != "link_only" or role == "staff")


def test_an_excerpt_ends_at_a_word_and_leads_on() -> None:
    seen = read(send(letter(text=LONG), DESK.model_copy(update={"mail_body": "excerpt"})))
    excerpt = next(line for line in seen.text.split("\n") if line.startswith("First"))
    assert 300 < len(excerpt) <= 401 and LONG.startswith(excerpt[:-1]) and excerpt.endswith(("more…", "and…"))
    assert "Read the rest" in seen.text and "Read the rest" in seen.html


def test_a_short_text_is_whole_in_an_excerpt() -> None:
    seen = read(send(letter(text="Short."), DESK.model_copy(update={"mail_body": "excerpt"})))
    assert "Short." in seen.text and "Read the rest" not in seen.text and "…" not in seen.text


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_mail_has_the_desks_words(template: str) -> None:
    """The preferred channel, the noun, the label with its sentence and the link (EQ-02, MV-24)."""
    desk = DESK.model_copy(update={"preferred_channel": "The portal is best.", "noun": "request", "title": "Machines"})
    for role in ROLES:
        seen = read(send(letter(template, role=role), desk))
        for words in ("The portal is best.", "Answered", "https://help.test/t/HO-1042#m7", "request", "Machines"):
            assert words in seen.text and words in seen.html
        assert "ticket" not in seen.text.replace("HO#1042", "").lower()
        if role != "staff":
            assert "waiting to hear back from you" in seen.text and "waiting to hear back from you" in seen.html


def test_refused_files_are_listed_with_reason_and_what_is_allowed() -> None:
    for template in ("confirmation", "attachment_refused"):
        seen = read(send(letter(template, refused=[{"filename": "a.exe", "reason": "not taken here"}])))
        for words in ("a.exe", "not taken here", ".pdf up to 15 MB each"):
            assert words in seen.text and words in seen.html


@pytest.mark.threat(60)
def test_markup_in_a_text_is_text_and_links_show_where_they_lead() -> None:
    text = 'see <a href="https://evil.test">https://bank.test</a> <script>alert(1)</script> and javascript:alert(1)'
    html = read(send(letter(text=text))).html
    assert "<script" not in html and 'href="javascript' not in html
    assert '<a href="https://evil.test" class="link">https://evil.test</a>' in html


def test_times_are_in_the_zone_of_the_reader_then_of_the_desk() -> None:
    desk = DESK.model_copy(update={"timezone": "Asia/Tokyo"})
    for zone, words in (
        ("Europe/Berlin", "09:05 CEST"),
        ("", "16:05 JST"),
        ("Nowhere/Else", "16:05 JST"),
        ("../etc", "16:05 JST"),
    ):
        assert f"14 July 2026, {words}" in read(send(letter(timezone=zone), desk)).text


def test_a_text_keeps_its_lines_and_blanks() -> None:
    text = "  indented\n\n\n\nafter blank lines\n" + "x" * 3000 + "\n.\n. dot\nFrom here\n-- \nsig\t1"
    seen = read(send(letter(text=text.replace("\n", "\r\n"))))
    assert text in seen.text
    assert one_line("x") == "x" and seen.html.count("x" * 3000) == 1
