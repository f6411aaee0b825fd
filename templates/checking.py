"""Looks for what is wrong with a desk's own templates, by rendering every sample in every language with them."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import TemplateSyntaxError

from templates.budget import EndlessTemplate
from templates.contexts import MailContext
from templates.languages import ENGLISH, LANGUAGES
from templates.overriding import files
from templates.render import FOLDER, PARTS, Rendered, names, render
from templates.samples import samples
from templates.words import NOTICE_MARKS

_EVIL = '<img src="x">'


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong, and where; line 0 when it is no line in particular."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}{f':{self.line}' if self.line else ''}: {self.what}"


def faults(own: Path, languages: Iterable[str] = LANGUAGES) -> list[Fault]:
    """Everything that is wrong with the templates of a folder, in order of place."""
    if not own.is_dir():
        return [Fault(str(own), 0, "no such folder")]
    return sorted({*_strangers(own), *_broken(own, languages)})


def _strangers(own: Path) -> Iterator[Fault]:
    """Files that no mail would ever be made of. One whose name begins with _ is for the others to include."""
    known = {f"{name}/{part}" for name in names() for part in PARTS}
    for file in files(own):
        place = file.relative_to(own).as_posix()
        if place not in known and not (file.name.startswith("_") and file.suffix in (".txt", ".html")):
            parts, all_names = ", ".join(PARTS), ", ".join(names())
            yield Fault(
                str(file), 0, f"no such template; expected NAME/PART, PART one of {parts}, NAME one of {all_names}"
            )


def _broken(own: Path, languages: Iterable[str]) -> Iterator[Fault]:
    for language in languages:
        for case, context in samples(language).items():
            name = case.partition("-")[0]
            try:
                mail = render(name, context, language, own)
                if language == ENGLISH:
                    yield from _unescaped(own, name, context)
            except Exception as error:  # a template may do anything wrong
                yield located(own, name, error)
                if isinstance(error, EndlessTemplate):
                    return  # each further mail would take as long to fail
            else:
                yield from _lacking(own, name, context, mail, render(name, context, language), language)


def _lacking(
    own: Path, name: str, context: MailContext, mail: Rendered, shipped: Rendered, language: str
) -> Iterator[Fault]:
    """What the shipped mail holds and nobody can do without."""
    needed = {
        "the text of the message (mail.text)": context.text.split("\n")[0],
        "the link to the ticket (mail.link)": context.link,
        "the link to a new password (mail.password_link)": context.password_link,
        "the lines to fill in (mail.missing)": "".join(context.missing[-1:]),
        "the line above which staff answer (notice_mark), below which nothing is sent to a customer": NOTICE_MARKS[
            language
        ],
    }
    for what, value in needed.items():
        for part, ours, theirs in (("body.txt", shipped.text, mail.text), ("body.html", shipped.html, mail.html)):
            wanted = value.replace("&", "&amp;") if part == "body.html" else value
            if wanted and wanted in ours and wanted not in theirs:
                yield Fault(_file(own, name, part), 0, f"leaves out {what}")


def _unescaped(own: Path, name: str, context: MailContext) -> Iterator[Fault]:
    values: dict[str, Any] = dict.fromkeys(
        ("name", "author", "subject", "label", "help", "desk", "team", "noun"), _EVIL
    )
    values |= {"text": _EVIL} if context.text else {}
    if _EVIL in render(name, replace(context, **values), ENGLISH, own).html:
        yield Fault(_file(own, name, "body.html"), 0, "shows a value without escaping it")


def located(own: Path, name: str, error: Exception) -> Fault:
    """The last line of the desk's own that led to an error."""
    what = str(error).partition("\n")[0].replace(f"'{MailContext.__module__}.MailContext object'", "mail") or repr(
        error
    )
    if isinstance(error, TemplateSyntaxError) and error.filename:
        return Fault(error.filename, error.lineno, what)
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if frame.filename.startswith(f"{own}/"):
            return Fault(frame.filename, frame.lineno or 0, what)
    place = next(
        (f"{frame.filename}:{frame.lineno}" for frame in reversed(frames) if str(FOLDER) in frame.filename), name
    )
    return Fault(str(own), 0, f"{what} (met in {place})")


def _file(own: Path, name: str, part: str) -> str:
    """The file of the desk that makes this part of a mail."""
    frame = own / f"_frame.{part.rpartition('.')[2]}"
    return str(next((file for file in (own / name / part, frame) if file.exists()), own))
