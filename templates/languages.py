"""The languages mails are written in: one gettext catalogue each, read straight from its .po file."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

FOLDER = Path(__file__).parent / "locale"
ENGLISH = "en"  # the language the templates are written in
LANGUAGES = (ENGLISH, "de", "fr", "es", "ja")


def choose(*wanted: str) -> str:
    """The first of these language tags (RFC 5646) that mails are written in, whatever its region; else English."""
    bare = (tag.strip().replace("_", "-").partition("-")[0].lower() for tag in wanted)
    return next((language for language in bare if language in LANGUAGES), ENGLISH)


def catalogue(language: str) -> Catalog:
    """All sentences of a language other than English, as they are in git."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


@cache
def translations(language: str) -> NullTranslations:
    """What gettext needs to speak a language of LANGUAGES."""
    if language == ENGLISH:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    return Translations(compiled)
