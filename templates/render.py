"""Renders a mail template to subject, text and HTML in a language.

Undefined names are errors; only HTML is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from types import CodeType, SimpleNamespace
from typing import Any

from babel.support import NullTranslations
from jinja2 import BaseLoader, BytecodeCache, ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from jinja2.runtime import Macro
from markupsafe import Markup, escape

from templates.budget import budget
from templates.contexts import MailContext, one_line
from templates.languages import ENGLISH, translations
from templates.overriding import OwnEnvironment, Stamp, stamp
from templates.saying import in_language, said
from templates.words import FLAGS, NOTICE_MARKS, linked
from templates.wrapping import columns, rule, wrap

FOLDER = Path(__file__).parent / "mail"
PARTS = ("subject.txt", "body.txt", "body.html")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail as its reader sees it."""

    subject: str
    text: str
    html: str


def names() -> tuple[str, ...]:
    """The templates that are complete, by name."""
    return tuple(sorted(p.name for p in FOLDER.iterdir() if all((p / part).is_file() for part in PARTS)))


def render(name: str, context: MailContext, language: str = ENGLISH, own: Path | None = None) -> Rendered:
    """The mail a template makes of a context; `own`: the folder with the desk's own templates, which go before ours.

    Raises jinja2.TemplateError for a template that is missing or broken; whatever its author did wrong for one of `own`.
    """
    with _PREPARING:
        environment = _own_environment(language, own, stamp(own)) if own else _environment(language)
    mail = in_language(context, language)
    subject, text, html = (_part(environment, f"{name}/{part}", mail) for part in PARTS)
    return Rendered(one_line(subject), text.strip("\n") + "\n", html.strip() + "\n")


def _part(environment: Environment, place: str, mail: MailContext) -> str:
    template = environment.get_template(place)
    with budget():
        return template.render(mail=mail)


class _Compiled(BytecodeCache):
    """The code of each template as last read, for the environments of all languages; compiling takes 10 ms a file."""

    def __init__(self) -> None:
        self._code: dict[str, tuple[str, CodeType | None]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        checksum, code = self._code.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = (bucket.checksum, bucket.code)


class _Shipped(Environment):
    """Of our own templates: none has globals of its own, and looking for them in two places costs at each name."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return super().make_globals(d) if d else self.globals


_PREPARING = Lock()  # of several threads that begin, one prepares what all use; it takes a while
_COMPILED: dict[type[Environment], _Compiled] = {_Shipped: _Compiled(), OwnEnvironment: _Compiled()}


@cache
def _environment(language: str = ENGLISH) -> Environment:
    return _prepared(_Shipped, FileSystemLoader(FOLDER), language)


@lru_cache(maxsize=32)
def _own_environment(language: str, own: Path, _stamp: Stamp) -> Environment:
    return _prepared(OwnEnvironment, ChoiceLoader([FileSystemLoader(own), FileSystemLoader(FOLDER)]), language)


def _prepared(kind: type[Environment], loader: BaseLoader, language: str) -> Environment:
    environment = kind(
        loader=loader,
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=_COMPILED[kind],
    )
    environment.policies["ext.i18n.trimmed"] = True
    spoken = translations(language)
    environment.install_gettext_translations(spoken, newstyle=True)  # type: ignore[attr-defined]
    # Our sentences stand in `_words.txt` alone, which escapes nothing, and Jinja's own would ask that each time.
    if kind is _Shipped:
        say = _sayer(spoken)
        environment.globals |= {"gettext": say, "_": say}
    environment.filters.update(wrap=wrap, prose=prose, rule=rule, columns=columns)
    # Before the shared sentences, which may use them.
    environment.globals |= {
        "language": language,
        "notice_mark": NOTICE_MARKS[language],
        "flag_words": lambda name: said(language, FLAGS.get(name, str(name))),
    }
    environment.globals["words"] = SimpleNamespace(**_words(environment))
    return environment


def _sayer(spoken: NullTranslations) -> Callable[..., str]:
    return lambda sentence, **values: spoken.gettext(sentence) % values


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
