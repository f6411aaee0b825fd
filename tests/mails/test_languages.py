"""Mails in the language of their reader: whole catalogues, whole letters, and what may not be translated.

POSTERN_GOLDEN=write brings the catalogues up to date: new sentences stand there without a translation.
"""

from __future__ import annotations

import ast
import os
import re
from collections import Counter
from collections.abc import Iterator
from html import escape
from pathlib import Path

import pytest

from gateway.parse.commands import what_can
from store.acts import parking
from store.rules.desk import FIFTEEN_MB, Files
from store.rules.files import allowed_text
from templates.figures import moment, size
from templates.languages import LANGUAGES, catalogue, choose
from templates.phrases import PHRASES
from templates.samples import samples
from templates.saying import said
from templates.words import NOTICE_MARKS
from templates.wrapping import WIDTH, width, wrap
from tests.mails.catalogue import sentences, write
from tests.mails.letters import letter, read, rendered, send

OTHERS = tuple(language for language in LANGUAGES if language != "en")
RULES = Path(__file__).parents[2] / "store" / "rules"
# Words of a desk whose gender nobody knows: a translation may do without them.
MAY_LACK = {"noun", "team"}


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_translated(language: str) -> None:
    if os.environ.get("POSTERN_GOLDEN") == "write":
        write(language)
    there = catalogue(language)
    assert {m.id for m in there if m.id} == {m.id for m in sentences() if m.id}, "POSTERN_GOLDEN=write adds what lacks"
    for message in there:
        assert all(_forms(message.string)), f"{language}.po: no translation of {message.id!r}"
        assert not message.fuzzy or not message.id


@pytest.mark.parametrize("language", OTHERS)
def test_the_places_in_a_translation_are_those_of_the_sentence(language: str) -> None:
    for message in catalogue(language):
        if not message.id:
            continue
        ids, strings = _forms(message.id), _forms(message.string)
        for number, string in enumerate(strings):
            # Where a language has one form for all numbers it is the one that says how many.
            wanted = _places(ids[-1] if len(strings) == 1 else ids[min(number, len(ids) - 1)])
            held = _places(string)
            assert not set(held) - set(wanted), f"{language}.po: {string!r} has a place that {message.id!r} has not"
            assert set(wanted) - set(held) <= MAY_LACK, f"{language}.po: {string!r} lacks {set(wanted) - set(held)}"
            assert string == string.strip() and not re.search(r"%(?!\(\w+\)s)", string)
            assert ("\n" in string) == ("\n" in ids[0])


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("case", samples())
def test_no_english_is_left_in_a_mail(language: str, case: str) -> None:
    """Each sentence of the English mail that is ours is another one here; what people wrote stays as they wrote it."""
    english, other = rendered(case), rendered(case, language)
    theirs = samples()[case]
    told = english.text.replace(theirs.text or "\0", "")
    for line in theirs.digest.lines:
        told = told.replace(line.text, "")
    own = re.split(r"\n\n+", told)
    for paragraph in own:
        if len(paragraph.split()) > 5 and "://" not in paragraph and "@" not in paragraph:
            assert paragraph not in other.text
    assert f'<html lang="{language}">' in other.html
    assert theirs.text in other.text
    for kept in (theirs.link, theirs.close_address, theirs.password_link, theirs.tag[1:-1], *theirs.missing):
        assert kept in other.text and escape(kept) in other.html


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("case", samples())
def test_both_versions_say_the_same_in_every_language(language: str, case: str) -> None:
    context = samples(language)[case]
    mail = rendered(case, language)
    seen = re.sub(r"\s+", "", re.sub(r"<style>.*?</style>|<!--.*?-->|<[^>]+>", "", mail.html, flags=re.DOTALL))
    text = mail.text
    digest = context.digest
    shown = [address for line in digest.lines for address in (line.link, line.answer)]
    shown += [line.link for line in context.assets]
    told = context.renewals
    shown += [one.link for group in told.groups for one in group.devices]
    shown += [told.unsubscribe, told.renew, told.cancel]
    shown += [context.upload_link, *(file.link for file in context.elsewhere)]
    for own_line in (context.close_address, context.link, context.password_link, digest.unsubscribe, *shown):
        text = text.replace(own_line or "\0", "")
    for word in text.replace("\N{NO-BREAK SPACE}", " ").replace("：", " ").split():
        bare = word.strip("-!:()<>,").replace("'", "&#39;").replace('"', "&#34;").replace("&", "&amp;")
        assert bare.replace("&amp;#", "&#") in seen, bare


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", samples())
def test_our_own_lines_are_at_most_78_columns_wide(language: str, case: str) -> None:
    context = samples(language)[case]
    for line in rendered(case, language).text.split("\n"):
        assert width(line) <= WIDTH or line in (*context.text.split("\n"), context.password_link)


def test_a_reader_is_told_in_their_language_else_in_that_of_the_desk_else_in_english() -> None:
    assert [choose(*tags) for tags in (("de-AT", "fr"), ("", "fr"), ("pt", "ES_mx"), ("xx", ""), ("ja",))] == [
        "de", "fr", "es", "en", "ja",
    ]  # fmt: skip
    seen = read(send(letter("confirmation", language="de-CH")))
    assert seen.headers["Content-Language"] == "de" and "Wir haben Ihre Nachricht erhalten" in seen.text
    assert "14. Juli 2026, 09:05 MESZ" in seen.text


def test_times_and_sizes_are_said_as_in_the_language() -> None:
    at = "2026-01-31T23:30:00+00:00"
    assert {language: moment(at, "Europe/Berlin", language=language) for language in LANGUAGES} == {
        "en": "1 February 2026, 00:30 CET", "de": "1. Februar 2026, 00:30 MEZ", "fr": "1 février 2026, 00:30 CET",
        "es": "1 de febrero de 2026, 0:30 CET", "ja": "2026年2月1日 0:30 CET",
    }  # fmt: skip
    assert [size(1_500_000, language) for language in LANGUAGES] == ["1.4 MB", "1,4 MB", "1,4 Mo", "1,4 MB", "1.4 MB"]
    assert [size(n, "fr") for n in (7, 3000)] == ["7 octets", "3 Ko"]


def test_a_desk_keeps_words_of_its_own_and_those_everybody_has_are_translated() -> None:
    assert [said("de", word) for word in ("Closed", "Awaiting Info", "Bei Kalle", "")] == [
        "Geschlossen", "Wartet auf Angaben", "Bei Kalle", "",
    ]  # fmt: skip
    seen = read(send(letter("staff_reply", language="de", label="Bei Kalle", subject="Closed", author="Open")))
    assert (
        "Neuer Status: Bei Kalle" in seen.text and seen.subject == "[HO#1042] Closed" and "Open hat Ihnen" in seen.text
    )


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("digest-staff", "Antwort vom Kunden"),
        ("renewal_alert-three", "bis zum 4. August 2027"),
        ("mailbox_notice-left", "62.0 MB von anna@weber.example: zu groß"),
        ("mailbox_notice-access", "office: endet am 2027-05-01"),
    ],
)
def test_what_stands_in_the_lines_of_a_mail_is_said_in_the_language_too(case: str, words: str) -> None:
    mail = rendered(case, "de")
    assert words in " ".join(mail.text.split()) and words in mail.html


def test_what_the_rules_say_is_known_to_the_catalogues() -> None:
    """Every reason a file can be refused for, every act that can be asked for, every command, what is allowed."""
    reasons = set(_reasons())
    assert len(reasons) > 25
    for told in (*reasons, *_acts(), *(line.partition(": ")[2] for line in what_can(True)), allowed_text(Files())):
        assert said("de", told) != told, told
    assert said("fr", allowed_text(Files(allowed=(".pdf",), max_size=FIFTEEN_MB))) == ".pdf, jusqu’à 15 Mo chacun"
    assert said("de", "Only whoever opened it may close a ticket.").startswith("Schließen kann")
    assert len(set(PHRASES)) == len(PHRASES)


def test_a_file_is_never_renamed_by_a_translation() -> None:
    refused = [{"filename": "ticket", "reason": "the file is empty"}, {"filename": "", "reason": None}]
    seen = read(send(letter("attachment_refused", language="de", refused=refused)))
    assert "- ticket: die Datei ist leer\n" in seen.text and "- eine Datei ohne Namen: nicht angenommen\n" in seen.text


def test_every_language_has_its_notice_mark() -> None:
    assert set(NOTICE_MARKS) == set(LANGUAGES)
    for language, mark in NOTICE_MARKS.items():
        assert read(send(letter("staff_notice", role="staff", language=language))).text.startswith(f"{mark}\n")


def test_japanese_lines_break_between_signs_and_never_before_a_full_stop() -> None:
    lines = wrap("「これは長い文です。" * 12 + "https://help.example.com/" + "x" * 60).split("\n")
    assert len(lines) > 3 and all(width(line) <= WIDTH for line in lines[:-1])
    assert not any(line.startswith(("。", "」")) or line.endswith("「") for line in lines)
    assert lines[-1] == "https://help.example.com/" + "x" * 60


def test_a_french_colon_stays_with_its_word() -> None:
    colon = "\N{NO-BREAK SPACE}:"
    for length in range(60, 90):
        assert not any(line.startswith(colon) for line in wrap(f"{'x' * length} mot{colon} b").split("\n"))


def _forms(value: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _places(text: str) -> Counter[str]:
    return Counter(re.findall(r"%\((\w+)\)s", text))


def _reasons() -> Iterator[str]:
    """The words in every `raise Unsound(...)` and `Judgement("refused", ...)` of the rules, with a value in each place."""
    for file in [RULES / "files.py", RULES / "archives.py", *(RULES / "filetypes").glob("*.py")]:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Unsound", "Judgement"):
                yield from (_words(arg) for arg in node.args if isinstance(arg, ast.JoinedStr) or _is_sentence(arg))
            elif isinstance(node, ast.Return) and isinstance(node.value, ast.JoinedStr) and file.name == "files.py":
                yield from filter(lambda words: "content" in words, [_words(node.value)])
            elif isinstance(node, ast.Assign) and _is_sentence(node.value) and file.parent.name == "filetypes":
                yield _words(node.value).replace("{}", "Word")


def _is_sentence(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.count(" ") > 1


def _words(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(p.value if isinstance(p, ast.Constant) else "7" for p in node.values)  # type: ignore[misc]
    assert isinstance(node, ast.Constant)
    return str(node.value)


def _acts() -> Iterator[str]:
    """What `describe` may answer."""
    tree = ast.parse(Path(parking.__file__).read_text(encoding="utf-8"))
    describe = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "describe")
    yield from (_words(n.value) for n in ast.walk(describe) if isinstance(n, ast.Return) and n.value)
