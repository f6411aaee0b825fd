"""Who may read what in a mail: strangers, customers, staff, and desks that keep texts in the portal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from store.renewal_checks import TEMPLATES as RENEWING
from store.rules.desk import Mailbox
from templates.contexts import Change, one_line
from templates.languages import LANGUAGES
from templates.render import render
from tests.mails.letters import DESK, LOG, ROLES, SECRET, TEMPLATES, letter, read, send
from workers.compose import WORDLESS, context

CANARY = "BuyCheapPills"
INTERNAL = "INTERNAL-NOTE-SECRET"
LONG = "First words. " + "more and more " * 60 + "the very last words"


@pytest.mark.parametrize("template", [one for one in TEMPLATES if one not in RENEWING])  # these go to no stranger
@pytest.mark.threat(38)
def test_a_stranger_gets_nothing_back_of_what_was_sent_in_their_name(template: str) -> None:
    """Threats 38: the acknowledgement must be worthless as a way to mail somebody's text to a victim."""
    mail = send(
        letter(
            template, known=False, by_support=False, text=CANARY, subject=CANARY, recipient_name=CANARY, author=CANARY,
            author_address=f"{CANARY}@evil.test", files=[replace(LOG, filename=f"{CANARY}.pdf")],
            refused=[{"filename": f"{CANARY}.exe", "reason": CANARY}], flags=[CANARY], origin=CANARY, department=CANARY,
            former=CANARY, problems=[CANARY], password_link=CANARY, password_code=CANARY, code_page=CANARY, missing=["model"],
            about="close it" if template == "confirm_request" else CANARY,
        ),
    )  # fmt: skip
    seen = read(mail)
    assert CANARY not in seen.everything and CANARY.encode() not in mail.content
    words = "Was this you?" if template == "confirm_request" else "We received your message"
    assert seen.subject == f"[HO#1042] {words}"
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
        told = context(letter(template, role=role, **secret, **more), DESK, (), SECRET)
        for change in get_args(Change):
            assert INTERNAL not in str(render(template, replace(told, change=change)))
        for language in LANGUAGES:
            assert INTERNAL not in str(render(template, told, language))


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
        told = template not in WORDLESS | {"attachment_refused"}
        fully = policy == "full" or role == "staff" or template in ("access_ack", "login_help")
        whole = told and fully
        part = told and (whole or policy == "excerpt")
        assert ("the very last words" in seen.text, "the very last words" in seen.html) == (whole, whole)
        assert ("First words." in seen.text, "First words." in seen.html) == (part, part)
        assert not seen.files.keys() - {"renewals.ics"} or policy != "link_only" or role == "staff"
        named = template not in WORDLESS and (fully or policy != "link_only")
        assert ("error.log" in seen.everything) == named


@pytest.mark.parametrize("policy", ["full", "excerpt", "link_only"])
def test_who_cannot_sign_in_reads_everything_by_mail(policy: str) -> None:
    """Also what comes after the acknowledgement: the department tells that the matter is one of access (EQ-64)."""
    access = Mailbox(address="access@desk.test", department="Access", answer="access_ack")
    desk = DESK.model_copy(update={"mail_body": policy, "mailboxes": (*DESK.mailboxes, access)})
    seen = read(send(letter("staff_reply", text=LONG, department="Access"), desk))
    assert LONG in seen.text and "very last words" in seen.html and list(seen.files) == ["error.log"]


@pytest.mark.threat(47)
def test_somebody_outside_reads_the_question_and_nothing_else_of_the_ticket() -> None:
    """Neither its link, subject, label nor the customer's name or the ids of their mails."""
    secret = dict.fromkeys(("subject", "label", "help", "link", "former", "claims", "allowed"), INTERNAL)
    more: dict[str, Any] = {
        "refused": [{"filename": INTERNAL, "reason": INTERNAL}], "department": INTERNAL, "origin": INTERNAL, "flags": [INTERNAL],
    }  # fmt: skip
    made = letter("outsider_question", role="outsider", text="Which version is it?", author="Maria", by_support=True)
    seen = read(
        send(
            replace(made, facts={**made.facts, **secret, **more}),
            DESK.model_copy(update={"preferred_channel": INTERNAL}),
        )
    )
    assert INTERNAL not in seen.everything and "mailto:" not in seen.html and "href" not in seen.html
    assert "Which version is it?" in seen.text and "Maria" in seen.text and list(seen.files) == ["error.log"]
    assert seen.subject == "[HO#1042] Example Hosting asks for your help"


@pytest.mark.threat(40)
def test_somebody_whom_support_once_asked_hears_of_their_address_and_nothing_of_the_ticket() -> None:
    secret = dict.fromkeys(("subject", "label", "help", "link", "former"), INTERNAL)
    made = letter("address_used", role="writer", about="rex@elsewhere.test", text="")
    seen = read(send(replace(made, facts={**made.facts, **secret})))
    assert INTERNAL not in seen.everything
    assert "rex@elsewhere.test" in seen.text and "[HO#1042]" in seen.subject


@pytest.mark.threat(40)
def test_what_is_asked_to_be_confirmed_says_nothing_of_the_mail_that_asked() -> None:
    for role in ("requester", "staff"):
        seen = read(
            send(
                letter("confirm_request", role=role, text=CANARY, files=[replace(LOG, filename=CANARY)], author=CANARY)
            )
        )
        assert CANARY not in seen.everything
        assert "- close it\n- change its priority\n" in seen.text
        assert "Please write your answer above this line." not in seen.text


def test_only_the_answer_to_a_login_mail_holds_a_password_link() -> None:
    for template in TEMPLATES:
        seen = read(send(letter(template)))
        held = template == "login_help"
        for secret in ("token=secret-link", "SECRE-TCODE"):
            assert (secret in seen.text, secret in seen.html) == (held, held)


def test_missing_fields_are_lines_to_copy() -> None:
    for nudges in ("accept", "nudge"):
        seen = read(send(letter("missing_info", text=""), DESK.model_copy(update={"general_mail": nudges})))
        assert "\n\nModel:\nError code:\n\n" in seen.text
        assert ("answer on the portal" in seen.text) == (nudges == "nudge")


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
        channel = "The portal is best."
        # "Answering works as well" would be untrue of what is taken up on the portal alone.
        assert (channel in seen.text, channel in seen.html) == (template not in ("portal_redirect", "portal_hold"),) * 2
        for words in ("Answered", "https://help.test/t/HO-1042#m7", "request", "Machines"):
            assert words in seen.text and words in seen.html
        assert "ticket" not in seen.text.replace("#close: closes the ticket", "").lower()
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
