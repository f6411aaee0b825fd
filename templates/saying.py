"""What reaches a mail in English, or in the words of a desk file, said in the language of its reader."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from templates.contexts import FileLine, MailContext
from templates.languages import ENGLISH, translations
from templates.phrases import NAMELESS, PHRASES

_PLACE = re.compile(r"%\((\w+)\)s")


def said(language: str, sentence: str) -> str:
    """The sentence in a language, if its catalogue knows it, else as it is: the words of a desk are its own."""
    if language == ENGLISH or not sentence:
        return sentence
    say = translations(language).gettext
    if (known := say(sentence)) != sentence:
        return known
    for form, phrase in _forms():
        if match := form.fullmatch(sentence):
            return say(phrase) % {name: said(language, value) for name, value in match.groupdict().items()}
    return sentence


@cache
def _forms() -> tuple[tuple[re.Pattern[str], str], ...]:
    """How each phrase with places in it is recognised."""
    placed = (phrase for phrase in PHRASES if _PLACE.search(phrase))
    return tuple((re.compile(_PLACE.sub(r"(?P<\1>.+)", _literal(phrase))), phrase) for phrase in placed)


def _literal(phrase: str) -> str:
    """The phrase as a pattern, its places untouched."""
    return "".join(part if _PLACE.fullmatch(part) else re.escape(part) for part in re.split(r"(%\(\w+\)s)", phrase))


def in_language(context: MailContext, language: str) -> MailContext:
    """The context with everything that is not somebody's own words in a language."""
    if language == ENGLISH:
        return context
    return replace(
        context,
        team=said(language, context.team), noun=said(language, context.noun), guidance=said(language, context.guidance),
        preferred_channel=said(language, context.preferred_channel), label=said(language, context.label),
        help=said(language, context.help), allowed=said(language, context.allowed),
        refused=tuple(_refused(language, file) for file in context.refused),
        asked=tuple(said(language, act) for act in context.asked),
        problems=tuple(said(language, problem) for problem in context.problems),
        commands=tuple(_command(language, line) for line in context.commands),
        assets=tuple(replace(line, why=said(language, line.why)) for line in context.assets),
        digest=replace(context.digest, lines=tuple(
            replace(line, label=said(language, line.label)) for line in context.digest.lines
        )),
    )  # fmt: skip


def _refused(language: str, file: FileLine) -> FileLine:
    name = said(language, file.name) if file.name == NAMELESS else file.name  # any other is its sender's
    return FileLine(name, said(language, file.note))


def _command(language: str, line: str) -> str:
    usage, colon, told = line.partition(": ")
    return f"{usage}{colon}{said(language, told)}"
