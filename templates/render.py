"""Renders a mail template to subject, text and HTML, and says times and sizes in words.

Undefined names are errors; only HTML is escaped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from textwrap import fill

from babel.dates import format_datetime
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.runtime import Macro
from markupsafe import Markup, escape

from templates.contexts import MailContext, one_line
from templates.words import FLAGS, NOTICE_MARK, first_zone, linked

FOLDER = Path(__file__).parent / "mail"
LANGUAGE = "en"  # of the sentences in the templates
_LOCALE = "en_GB"  # of the dates in them
WIDTH = 78
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


def render(name: str, context: MailContext) -> Rendered:
    """The mail a template makes of a context. Raises jinja2.TemplateError for a template that is missing or broken."""
    environment = _environment()
    subject, text, html = (environment.get_template(f"{name}/{part}").render(mail=context) for part in _PARTS)
    return Rendered(one_line(subject), text.strip("\n") + "\n", html.strip() + "\n")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(wrap=wrap, prose=prose, rule=rule)
    environment.globals["notice_mark"] = NOTICE_MARK  # before the shared sentences, which say it
    environment.globals["words"] = _words(environment)
    environment.globals["flag_words"] = lambda name: FLAGS.get(name, name)
    return environment


def _words(environment: Environment) -> dict[str, Callable[..., str]]:
    """The shared sentences as functions that return plain strings.

    A macro imported by an HTML template counts as safe there although its own file is not escaped; a string does not.
    """

    def plain(macro: Callable[..., str]) -> Callable[..., str]:
        return lambda *values: str(macro(*values))

    macros = vars(environment.get_template("_words.txt").module)
    return {name: plain(macro) for name, macro in macros.items() if isinstance(macro, Macro)}


def wrap(value: str, indent: str = "") -> str:
    """Our own sentences in the text version, at most 78 wide; links and long names stay whole."""
    line = " ".join(value.split())
    return fill(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def rule(value: str) -> str:
    """A line under a heading, as long as the heading's last line."""
    return "-" * min(len(value.rsplit("\n", 1)[-1]), WIDTH)


def prose(value: str) -> Markup:
    """Somebody's text as HTML: escaped, with its lines and blanks, and http links one can follow (threats 55, 60)."""
    return linked(value, Markup('<a href="{0}" class="link">{0}</a>'), _lines)


def _lines(value: str) -> Markup:
    text = str(escape(value)).replace("\t", "    ").replace("  ", " &nbsp;")
    return Markup(text.replace("\n ", "\n&nbsp;").replace("\n", "<br>\n"))


def moment(at: str, *zones: str) -> str:
    """An ISO time as its reader would say it, in the first of the time zones that exists."""
    when = datetime.fromisoformat(at)
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    local = when.astimezone(first_zone(*zones))
    name = local.tzname() or ""
    name = f"UTC{name}" if name.startswith(("+", "-")) else name  # zones without letters are named by their offset
    return f"{format_datetime(local, 'd MMMM y, HH:mm', tzinfo=local.tzinfo, locale=_LOCALE)} {name}"


def size(octets: int) -> str:
    """The size of a file in words."""
    if octets < 1024:
        return f"{octets} bytes"
    return f"{octets / 1024:.0f} KB" if octets < 1024 * 1000 else f"{octets / 1024 / 1024:.1f} MB"
