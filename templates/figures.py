"""Times and sizes as a reader says them, in their language and time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache

from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal

from templates.languages import ENGLISH, translations
from templates.words import first_zone

_LOCALES = {ENGLISH: "en_GB"}  # whose dates begin with the day, as most of the world's do


def moment(at: str, *zones: str, language: str = ENGLISH) -> str:
    """An ISO time as its reader would say it, in the first of the time zones that exists."""
    when = datetime.fromisoformat(at)
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return _minute(when.replace(second=0, microsecond=0), first_zone(*zones), language)


@lru_cache(maxsize=256)  # many mails tell of the same event
def _minute(when: datetime, zone: tzinfo, language: str) -> str:
    local = when.astimezone(zone)
    locale = _LOCALES.get(language, language)
    told = {
        "date": format_date(local, "long", locale),
        "time": format_time(local, "short", local.tzinfo, locale),
        "zone": _zone_name(local, language),
    }
    return translations(language).gettext("%(date)s, %(time)s %(zone)s") % told


def day(iso: str, language: str = ENGLISH) -> str:
    """A day of the calendar, given as 2026-03-30, as its reader would say it."""
    return format_date(date.fromisoformat(iso), "long", _LOCALES.get(language, language))


def _zone_name(local: datetime, language: str) -> str:
    """As the language calls it, else as the time zone calls itself."""
    name = format_datetime(local, "z", tzinfo=local.tzinfo, locale=language) if language != ENGLISH else "+"
    if name.startswith(("+", "-")):
        name = local.tzname() or ""
    return f"UTC{name}" if name.startswith(("+", "-")) else name  # zones without letters are named by their offset


def size(octets: int, language: str = ENGLISH) -> str:
    """The size of a file in words."""
    say = translations(language).gettext
    if octets < 1024:
        return say("%(size)s bytes") % {"size": octets}
    if octets < 1024 * 1000:
        return say("%(size)s KB") % {"size": f"{octets / 1024:.0f}"}
    return say("%(size)s MB") % {"size": format_decimal(octets / 1024 / 1024, "0.0", language)}
