"""Every mail on the wire: strict relays take it, threads hold together, and nobody's words become a header."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.parse import parse
from store.errors import Permanent
from store.letters import LetterFile
from store.renewal_checks import TEMPLATES as RENEWING
from store.rules.fanout import ANSWERS
from store.rules.tags import base_subject, find_tags
from store.rules.tokens import Token, loop_mark, verify
from templates.contexts import one_line
from templates.languages import LANGUAGES
from templates.render import Rendered, render
from tests.mails.letters import (
    BLOBS,
    COMBINATIONS,
    DESK,
    DUMP,
    LOG,
    SECRET,
    TEMPLATES,
    display_name,
    letter,
    read,
    send,
)
from workers.compose import ATTACHING, CLOSING, MOST_ATTACHED, WORDLESS, context
from workers.mime import write_body

SUBJECTS = (
    "disk full", "ディスクの空き容量がありません。至急ご確認ください、よろしくお願いいたします。",
    "Größe der Übertragung überschritten", "very long " * 30, "x" * 300, "漢" * 300, "emoji 👩‍💻🔥 in the middle",
    "=?utf-8?q?not=20a=20word?=", 'quotes "and" \\back\\', "", "   ", "semi; colon, comma: <angle> (round)",
    "عربي مع English", "a =?b mixed", "tab\tand\u00a0blank",
)  # fmt: skip
INJECTION = "hi\r\nBcc: victim@evil.test\r\nX-Evil: 1\r\n\r\nbody\x00\x1b[2J\x0b\x85\u2028\ud800"

ABOUT_A_TICKET = [one for one in TEMPLATES if one not in RENEWING]  # tests/renewals/test_mails.py has the others


def test_html_travels_as_it_is_with_lines_as_long_as_mail_may_have_and_text_is_folded() -> None:
    """In a quarter fewer bytes than as quoted-printable; RFC 5322 2.1.1 allows lines of 998."""
    plain, page = ([b"x" * length for length in lengths] for lengths in ((78, 79), (998, 999)))
    short, long = (
        write_body(Rendered("", f"{a.decode()}\n", f"{b.decode()}\n"), [], "seed", {})
        for a, b in zip(plain, page, strict=True)
    )
    assert short.count(b"Content-Transfer-Encoding: 7bit") == 2
    assert long.count(b"Content-Transfer-Encoding: quoted-printable") == 2
    assert max(map(len, short.split(b"\r\n"))) == 998


@pytest.mark.parametrize(("template", "role", "known"), [one for one in COMBINATIONS if one[0] in ABOUT_A_TICKET])
def test_every_mail_reads_back_as_it_was_rendered(template: str, role: str, known: bool) -> None:
    made = letter(template, role=role, known=known)
    mail = send(made)
    seen = read(mail)
    attached = [file for file in made.files if file.filename in seen.files]
    rendered = render(template, context(made, DESK, attached, SECRET))
    assert (seen.subject, seen.text, seen.html) == (rendered.subject, rendered.text, rendered.html)
    assert find_tags(seen.subject) == [("HO", 1042)]
    assert send(made).content == mail.content
    assert seen.headers["Auto-Submitted"] == ("auto-replied" if template in ANSWERS else "auto-generated")
    assert seen.headers["X-Auto-Response-Suppress"] == "All"
    assert seen.headers["X-Postern-Loop"] == loop_mark(SECRET)
    assert seen.headers["List-Id"] == '"Example Hosting" <hosting.desk.test>'
    assert seen.headers["Date"] == "Tue, 14 Jul 2026 07:05:01 +0000"
    assert seen.headers["Message-ID"] == "<token-of-a-copy@desk.test>"
    assert seen.headers["In-Reply-To"] == "<two@weber.test>"
    assert seen.headers["References"].split() == ["<one@weber.test>", "<two@weber.test>"]
    outside = role == "outsider"
    assert (made.facts["link"] in seen.text, made.facts["link"] in seen.html) == (not outside, not outside)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.threat(72)
def test_our_own_reader_finds_the_same_text_in_every_language(template: str, language: str) -> None:
    """`read` checks the wire: no bare LF, no line over 998, one From, Date and Message-ID."""
    for role in ("requester", "cc", "staff"):
        made = letter(template, role=role, language=language, text="Grüße\n\n 日本語 =?x?=\n\u2028from")
        mail = send(made)
        seen, parsed = read(mail), parse(mail.content)
        assert seen.headers["Content-Language"] == language
        attached = [file for file in made.files if file.filename in seen.files]
        rendered = render(template, context(made, DESK, attached, SECRET, language), language)
        assert seen.text == rendered.text and seen.html == rendered.html and seen.subject == rendered.subject
        assert (parsed.text.split(), parsed.subject) == (rendered.text.split(), rendered.subject)
        assert (parsed.message_id, parsed.defects) == (made.header_id, ()) and parsed.auto


@pytest.mark.parametrize("template", ABOUT_A_TICKET)
def test_the_reply_and_bounce_addresses_are_signed_for_this_recipient(template: str) -> None:
    mail = send(letter(template, from_address="billing@desk.test"))
    (reply_to,) = read(mail).headers["Reply-To"].addresses
    box, _, token = reply_to.username.partition("+")
    assert (box, reply_to.domain) == ("billing", "desk.test")
    confirms = template == "confirm_request"
    assert verify(token, SECRET) == (Token("confirm", 5, 9) if confirms else Token("reply", 1042, 9))
    if template in ANSWERS:
        assert mail.envelope_from == ""
    else:
        bounce = re.fullmatch(r"support\+([a-z2-7]+)@desk\.test", mail.envelope_from)
        assert bounce and verify(bounce[1], SECRET) == Token("bounce", 70, 9)


@pytest.mark.parametrize("template", ABOUT_A_TICKET)
def test_those_who_may_close_find_an_address_that_closes_in_mails_it_fits(template: str) -> None:
    """A mail is the act; no link that a scanner follows is (threats 63, 64)."""
    seen = read(send(letter(template, from_address="billing@desk.test")))
    offered = re.findall(r"^billing\+([a-z2-7]+)@desk\.test$", seen.text, re.MULTILINE)
    assert [verify(token, SECRET) for token in offered] == [Token("close", 1042, 9)] * (template in CLOSING)
    linked = re.findall(r'href="mailto:billing\+([a-z2-7]+)@desk\.test\?subject=%5BHO%231042%5D%20Solved"', seen.html)
    assert linked == offered
    for not_one in ({"may_close": False}, {"closed": True}):
        assert "mailto:" not in read(send(letter(template, **not_one))).html


def test_a_row_written_before_an_upgrade_still_makes_a_mail() -> None:
    older = letter()
    new = ("former", "missing", "about", "problems", "commands", "confirms", "closed", "may_close", "password_link")
    made = replace(older, facts={name: value for name, value in older.facts.items() if name not in new})
    assert "it works again." in read(send(made)).text


def test_a_mail_without_a_ticket_is_answered_to_the_mailbox() -> None:
    assert read(send(letter(), ticket_id=None)).headers["Reply-To"].addresses[0].addr_spec == "support@desk.test"


def test_all_mails_of_a_ticket_to_one_customer_have_one_subject() -> None:
    subjects = {read(send(letter(name))).subject for name in ABOUT_A_TICKET}
    assert subjects == {"[HO#1042] disk full"}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_any_subject_arrives_as_it_is(subject: str) -> None:
    seen = read(send(letter(subject=subject)))
    expected = one_line(f"[HO#1042] {one_line(subject) or '(no subject)'}")
    assert seen.subject == expected == seen.headers["Thread-Topic"]
    assert seen.subject.startswith("[HO#1042] ") and len(seen.subject) <= 250
    assert b"\r\nSubject: [HO#1042] " in send(letter(subject=subject)).content.replace(b"\r\n ", b" ")


@settings(max_examples=100, deadline=None, database=None)
@given(st.text(max_size=300), st.text(max_size=120), st.text(max_size=200), st.text(max_size=400))
@pytest.mark.req("X-07")
@pytest.mark.threat(70)
def test_no_text_breaks_a_mail(subject: str, name: str, filename: str, text: str) -> None:
    """For any subject, name, file name and text: the mail is whole, to one address, and says what they say."""
    file = replace(LOG, filename=filename)
    made = letter(
        "staff_notice", role="staff", subject=subject, recipient_name=name, author=name, text=text, files=[file]
    )
    mail = send(made, DESK.model_copy(update={"title": name}))
    seen = read(mail)
    assert seen.subject == one_line(f"[HO#1042] {one_line(subject) or '(no subject)'}")
    assert [a.addr_spec for a in seen.headers["To"].addresses] == ["anna@weber.test"]
    assert [a.addr_spec for a in seen.headers["From"].addresses] == ["support@desk.test"]
    assert display_name(mail, "To") == display_name(mail, "From") == one_line(name, 80)
    assert list(seen.files.values()) == [b"first\n"]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.req("X-07")
@pytest.mark.threat(70)
def test_line_ends_in_values_become_blanks_and_the_mail_is_sent(template: str) -> None:
    values = dict.fromkeys(
        ("subject", "recipient_name", "author", "author_address", "label", "help", "department", "origin", "priority"),
        INJECTION,
    )
    evil = {"flags": [INJECTION], "refused": [{"filename": INJECTION, "reason": INJECTION}], "allowed": INJECTION}
    ids = {"in_reply_to": "x@y>\r\nBcc: v@evil.test", "references": ["ok@y.test", "a b@y", "c\r\nX-Evil: 1", "ü@y"]}
    file = LetterFile(INJECTION, "text/html\r\nX-Evil: 1", 6, "a" * 64, True, "cid\r\nX-Evil: 1")
    for role in ("requester", "staff"):
        seen = read(send(letter(template, text=INJECTION, files=[file], role=role, **values, **evil, **ids)))
        assert [a.addr_spec for a in seen.headers["To"].addresses] == ["anna@weber.test"]
        assert seen.headers["References"] == "<ok@y.test>"
        assert "In-Reply-To" not in seen.headers
        assert all("\n" not in name and "/" not in name for name in seen.files)


def test_long_message_ids_are_never_encoded() -> None:
    ids = [f"{'CAF' * 60}{n}+x=_y@mail.gmail.com" for n in range(50)]
    mail = send(letter(references=ids, in_reply_to=ids[-1]))
    seen = read(mail)
    assert seen.headers["References"].split() == [f"<{i}>" for i in [ids[0], *ids[-29:]]]
    assert f"In-Reply-To: <{ids[-1]}>\r\n".encode() in mail.content


@pytest.mark.threat(44)
@pytest.mark.req("X-07")
@pytest.mark.threat(70)
def test_names_cannot_become_addresses() -> None:
    for name in (
        'support@desk.test" <evil@evil.test>',
        "Weber, Anna",
        "Wéber, Anna <evil@evil.test>",
        "a\\",
        "👩‍💻 Kim 🔥" * 9,
        "=?x?q?y?=",
    ):
        mail = send(letter(recipient_name=name))
        assert [a.addr_spec for a in read(mail).headers["To"].addresses] == ["anna@weber.test"]
        assert display_name(mail, "To") == one_line(name, 80)


@pytest.mark.parametrize(
    "address",
    [
        "", "anna", "a@b@c.test", "a b@c.test", "a\r\n@c.test", "a@c.test\n", "a@c\x00.test", "a>,<b@c.test",
        '"a b"@c.test', "ü@c.test", "@c.test", "a@", "a@-", "<a@c.test>", "a,b@c.test", "a" * 250 + "@c.test",
        "a@b\u3002..test",
    ],
)  # fmt: skip
@pytest.mark.threat(71)
def test_a_bad_address_is_refused_before_any_relay_sees_it(address: str) -> None:
    with pytest.raises(Permanent):
        send(letter(), recipient=address)
    with pytest.raises(Permanent):
        send(letter(from_address=address))


def test_an_international_domain_goes_out_as_a_labels() -> None:
    mail = send(letter(), recipient="anna@bücher.test")
    assert mail.recipient == "anna@xn--bcher-kva.test"
    assert read(mail).headers["To"].addresses[0].addr_spec == mail.recipient


@pytest.mark.parametrize(
    "name",
    ["Rechnung März.pdf", "報告書" * 60 + ".pdf", 'a"b\\c;d.pdf', "../../etc/passwd", "e\u202efdp.txt", "ü" * 300],
)
def test_file_names_arrive(name: str) -> None:
    (arrived,) = read(send(letter(files=[replace(LOG, filename=name)]))).files
    assert len(arrived) <= 120 and not set(arrived) & set('/\\"\u202e') and arrived[:2] != ".."
    if name.isalnum() or name.startswith("R"):
        assert name.startswith(arrived.rstrip("."))
    assert arrived.endswith(name[-4:])


def test_files_are_attached_until_the_mail_is_full_and_then_named() -> None:
    half = MOST_ATTACHED // 2
    files = [replace(LOG, filename=f"{n}.txt", size=half) for n in range(3)] + [replace(DUMP, size=MOST_ATTACHED)]
    for template in TEMPLATES:
        seen = read(send(letter(template, files=files, role="cc")))
        files_of = [name for name in seen.files if name != "renewals.ics"]
        assert files_of == (["0.txt", "1.txt"] if template in ATTACHING else [])
        told = template not in WORDLESS
        assert ("2.txt" in seen.text, "dump.zip" in seen.html) == (told, told)
    assert read(send(letter(files=[DUMP]))).files == {"dump.zip": BLOBS["b" * 64]}


def test_a_message_as_an_attachment_is_opaque() -> None:
    seen = send(letter(files=[replace(LOG, content_type="message/rfc822")])).content
    assert b"Content-Type: application/octet-stream" in seen


def test_urgency_is_a_header_for_staff_and_never_changes_a_subject() -> None:
    """A subject that changes with the priority would begin a new conversation."""
    for priority, importance in (("urgent", "high"), ("high", "high"), ("medium", None)):
        staff = read(send(letter("staff_notice", role="staff", priority=priority)))
        customer = read(send(letter(priority=priority)))
        assert staff.subject == customer.subject == "[HO#1042] disk full"
        assert (staff.headers["Importance"], customer.headers["Importance"]) == (importance, None)
    assert base_subject(staff.subject, "HO") == "disk full"
