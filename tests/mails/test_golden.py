"""Each sample mail against its golden files; POSTERN_GOLDEN=write writes them anew, to be read in the diff."""

from __future__ import annotations

import os
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import pytest
from jinja2 import UndefinedError

from store.renewal_checks import TEMPLATES as RENEWING
from store.rules.fanout import TABLE, ChangeKind
from templates.contexts import Change
from templates.languages import ENGLISH, LANGUAGES
from templates.render import FOLDER, names, render
from templates.samples import sample, samples
from tests.mails.letters import TEMPLATES, rendered

GOLDEN = Path(__file__).parent / "golden"
PARTS = {"subject": "subject", "txt": "text", "html": "html"}
# Every letter in English, and in the other languages those that are read most and those that hold most.
IN_ALL = ("confirmation-known", "staff_reply-requester", "staff_notice-urgent", "staff_notice-unassigned")
WHOLE = [(case, ENGLISH) for case in samples()] + [(c, lang) for lang in LANGUAGES if lang != ENGLISH for c in IN_ALL]


@pytest.mark.parametrize(("case", "language"), WHOLE)
def test_a_sample_mail_is_as_it_was(case: str, language: str) -> None:
    mail = rendered(case, language)
    for ending, part in PARTS.items():
        path = GOLDEN / _file(case, language, ending)
        now = getattr(mail, part).rstrip("\n") + "\n"
        if os.environ.get("POSTERN_GOLDEN") == "write":
            GOLDEN.mkdir(exist_ok=True)
            path.write_text(now, encoding="utf-8")
        assert now == path.read_text(encoding="utf-8"), f"{path.name} differs; POSTERN_GOLDEN=write if that is right"


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {_file(*whole, ending) for whole in WHOLE for ending in PARTS}


def test_every_template_is_complete_and_has_a_sample() -> None:
    assert set(names()) == set(TEMPLATES) == {case.partition("-")[0] for case in samples()}
    for name in names():
        assert sample(name) in samples().values()


def test_every_change_a_mail_tells_of_has_a_sentence_of_its_own() -> None:
    assert {*get_args(Change)} - {"digest", *RENEWING} == {*get_args(ChangeKind)}
    told: dict[str, set[str]] = {}
    for kind, row in TABLE.items():
        for template in filter(
            None, (row.requester, row.admin, row.cc, row.staff, row.assignee, row.on_call, row.named)
        ):
            told.setdefault(template, set()).add(kind.removesuffix("_by_support"))
    for name in ("ticket_update", "staff_notice"):
        mails = [render(name, replace(sample(name), change=change)).html for change in told[name]]  # type: ignore[arg-type]
        heads = {mail.partition("<h1")[2].partition("</h1>")[0] for mail in mails}
        assert len(heads) == len(told[name]), heads


@pytest.mark.parametrize("case", samples())
def test_both_versions_say_the_same(case: str) -> None:
    """Every word of the text version but its rules and the visible link is in the HTML version too."""
    context = samples()[case]
    mail = rendered(case)
    seen = _visible(mail.html)
    text = mail.text.replace(context.close_address or "\0", "").replace(context.link or "\0", "")
    text = text.replace(context.password_link or "\0", "").replace(context.digest.unsubscribe or "\0", "")
    for link in (context.upload_link, *(file.link for file in context.elsewhere)):
        text = text.replace(link or "\0", "")
    for line in context.digest.lines:
        text = text.replace(line.link, "").replace(line.answer or "\0", "")
    text = text.replace(context.renewals.unsubscribe or "\0", "").replace(context.renewals.renew or "\0", "")
    text = text.replace(context.renewals.cancel or "\0", "")
    for device in (*context.assets, *(one for group in context.renewals.groups for one in group.devices)):
        text = text.replace(device.link or "\0", "")
    for word in text.split():
        bare = word.strip("-!:()<>,")
        assert bare in seen, bare
    for must in (
        context.link,
        context.label,
        context.help if context.role != "staff" else "",
        context.preferred_channel,
    ):
        assert must in " ".join(mail.text.split()) and must.replace("'", "&#39;") in mail.html


@pytest.mark.parametrize("case", samples())
@pytest.mark.threat(58)
def test_nothing_is_fetched_and_every_element_is_closed(case: str) -> None:
    html = rendered(case).html
    for word in ("<img", "src=", "url(", "@import", "<script", "<link", "http-equiv", "<form"):
        assert word not in html
    reader = _Reader()
    reader.feed(html)
    assert reader.open == []


def test_html_in_a_name_or_text_is_escaped_in_html_only() -> None:
    for case, context in samples().items():
        evil = "<img src=x onerror=alert(1)> & 'co' \"{{ 7 * 7 }}\""
        values: dict[str, Any] = dict.fromkeys(
            ("name", "author", "subject", "label", "help", "desk", "team", "noun", "department"), evil
        )
        known: dict[str, Any] = {
            "text": evil if context.text else "",
            "author_address": evil if context.author_address else "",
        }
        mail = render(case.partition("-")[0], replace(context, **values, **known))
        assert "<img" not in mail.html and "&lt;img" in mail.html and "&amp;lt;" not in mail.html
        assert "{{ 7 * 7 }}" in mail.text and "<img" in mail.text


def test_nobody_without_a_name_has_an_empty_one() -> None:
    notice = sample("staff_notice")
    assert "\nFrom:       Anna Weber <anna@weber.example>\n" in render("staff_notice", notice).text
    assert "\nFrom:       anna@weber.example\n" in render("staff_notice", replace(notice, author="")).text


@pytest.mark.parametrize("case", samples())
def test_no_text_has_a_hole_in_it(case: str) -> None:
    assert "\n\n\n" not in rendered(case).text


def test_nobody_on_call_is_called_to_what_is_closed() -> None:
    seen = render("safety_alert", samples()["safety_alert-closed"])
    assert "Safety: Anna Weber closed the ticket\n" in seen.text and "at once" not in seen.text + seen.html


def test_one_device_is_not_called_all() -> None:
    one = render("renewal_alert", samples()["renewal_alert-one"])
    assert "- cancel LX-3: ends it on its last day\n" in one.text and "\nRenew: support+" in one.text
    for words in ("Renew all", "for all", "those you name", "- renew LX-3"):
        assert words not in one.text and words not in one.html


def test_an_undefined_name_in_a_template_is_an_error() -> None:
    with pytest.raises((UndefinedError, AttributeError)):
        render("confirmation", object())  # type: ignore[arg-type]


def test_subjects_keep_the_ticket_on_one_line() -> None:
    for name in names():
        subject = render(name, replace(sample(name), subject="a\r\nBcc: x@y\x00\u2028b " + "long " * 80)).subject
        assert subject.startswith("[HO#1042] " if sample(name).tag else "Example Hosting: ")
        assert len(subject) <= 250 and subject.isprintable()


def test_the_templates_are_shipped() -> None:
    assert all(path.suffix in (".txt", ".html") for path in FOLDER.rglob("*") if path.is_file())


def _file(case: str, language: str, ending: str) -> str:
    return f"{case}.{ending}" if language == ENGLISH else f"{case}.{language}.{ending}"


class _Reader(HTMLParser):
    """Keeps the visible words, and the elements that are still open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _visible(html: str) -> str:
    reader = _Reader()
    reader.feed(html)
    return "".join(reader.words).replace("\N{NO-BREAK SPACE}", " ")
