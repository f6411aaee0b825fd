"""Every sentence that mails hold, found in the templates, the phrases and the shipped desks; and the catalogues to fill."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from templates.languages import FOLDER, catalogue
from templates.phrases import PHRASES
from templates.words import FLAGS

ROOT = Path(__file__).parents[2] / "templates"
_METHODS = [
    ("mail/**.txt", "jinja2.ext:babel_extract"),
    ("mail/**.html", "jinja2.ext:babel_extract"),
    ("*.py", "python"),
]
_OPTIONS = {"mail/**": {"trimmed": "true", "newstyle_gettext": "true", "silent": "false", "encoding": "utf-8"}}
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "say": None}


@cache
def sentences() -> Catalog:
    """All of them, with the file each is in and no translation."""
    found = Catalog()
    for file, _line, message, _comments, _context in extract_from_dir(
        str(ROOT), _METHODS, _OPTIONS, _KEYWORDS, callback=None  # type: ignore[arg-type]
    ):  # fmt: skip
        found.add(message, locations=[(file, None)])
    for phrase in PHRASES:
        found.add(phrase, locations=[("phrases.py", None)])
    for flag in FLAGS.values():
        found.add(flag, locations=[("words.py", None)])
    for file in sorted((ROOT / "desks").glob("*.toml")):
        for word in _desk_words(tomllib.loads(file.read_text(encoding="utf-8").replace("{domain}", "x.test"))):
            found.add(word, locations=[("desks", None)])
    return found


def _desk_words(desk: dict[str, Any]) -> list[str]:
    """What a desk file says to people in words of its own."""
    told = [desk.get(name, "") for name in ("team", "noun", "guidance", "preferred_channel")]
    return [word for word in (*told, *desk["labels"].values(), *desk.get("help", {}).values()) if word]


def write(language: str) -> None:
    """Brings a catalogue up to date: new sentences without a translation, old ones gone."""
    there, now = catalogue(language), sentences()
    now.creation_date = there.creation_date
    there.update(now, no_fuzzy_matching=True)
    there.obsolete.clear()
    with (FOLDER / f"{language}.po").open("wb") as file:
        write_po(file, there, width=100, include_lineno=False)
