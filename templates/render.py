"""Renders a mail template to subject, text and HTML in a language.

Undefined names are errors; only HTML is escaped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.runtime import Macro
from markupsafe import Markup, escape

from templates.contexts import MailContext, one_line
from templates.languages import ENGLISH, translations
from templates.saying import in_language, said
from templates.words import FLAGS, NOTICE_MARKS, linked
from templates.wrapping import columns, rule, wrap

FOLDER = Path(__file__).parent / "mail"
_PARTS = ("subject.txt", "body.txt", "body.html")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail as its reader sees it."""

    subject: str
    text: str
    html: str


def names() -> tuple[str, ...]:
    """The templates that are complete, by name."""
    return tuple(sorted(p.name for p in FOLDER.iterdir() if all((p / part).is_file() for part in _PARTS)))


def render(name: str, context: MailContext, language: str = ENGLISH) -> Rendered:
    """The mail a template makes of a context. Raises jinja2.TemplateError for a template that is missing or broken."""
    environment, mail = _environment(language), in_language(context, language)
    subject, text, html = (environment.get_template(f"{name}/{part}").render(mail=mail) for part in _PARTS)
    return Rendered(one_line(subject), text.strip("\n") + "\n", html.strip() + "\n")


@cache
def _environment(language: str = ENGLISH) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(wrap=wrap, prose=prose, rule=rule, columns=columns)
    # Before the shared sentences, which may use them.
    environment.globals |= {
        "language": language,
        "notice_mark": NOTICE_MARKS[language],
        "flag_words": lambda name: said(language, FLAGS.get(name, str(name))),
    }
    environment.globals["words"] = _words(environment)
    return environment


def _words(environment: Environment) -> dict[str, Callable[..., str]]:
    """The shared sentences as functions that return plain strings.

    A macro imported by an HTML template counts as safe there although its own file is not escaped; a string does not.
    """

    def plain(macro: Callable[..., str]) -> Callable[..., str]:
        return lambda *values: str(macro(*values))

    macros = vars(environment.get_template("_words.txt").module)
    return {name: plain(macro) for name, macro in macros.items() if isinstance(macro, Macro)}


def prose(value: str) -> Markup:
    """Somebody's text as HTML: escaped, with its lines and blanks, and http links one can follow (threats 55, 60)."""
    return linked(value, Markup('<a href="{0}" class="link">{0}</a>'), _lines)


def _lines(value: str) -> Markup:
    text = str(escape(value)).replace("\t", "    ").replace("  ", " &nbsp;")
    return Markup(text.replace("\n ", "\n&nbsp;").replace("\n", "<br>\n"))
