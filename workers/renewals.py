"""The devices of a mail about renewals, as its template shows them, and their dates as a file for the reader's calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from icalendar import Calendar, Event

from store.letters import Letter, LetterFile
from store.rules.tokens import Kind
from templates.contexts import one_line
from templates.renewals import NO_RENEWALS, Renewals, group_devices
from templates.saying import said

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def renewals_of(letter: Letter, language: str, address: Callable[[Kind], str]) -> Renewals:
    """What the letter tells of devices; `address` makes that to which an answer, or an empty mail, decides on them."""
    facts = letter.facts
    if not facts.get("devices"):
        return NO_RENEWALS
    groups = group_devices(facts["devices"], language, lambda value: one_line(str(value or ""), 200))
    answer, renew, cancel = (address(kind) if facts.get("alert") else "" for kind in ("alert", "renew", "cancel"))
    return Renewals(groups, answer, renew, cancel, one_line(str(facts.get("unsubscribe") or ""), 2000))


def calendar_file(letter: Letter, language: str) -> tuple[LetterFile, bytes]:
    """The dates of an alert as all-day events (RFC 5545).

    A device has one event for ever: a later alert moves it to the next date, for its number in the sequence is higher (3.8.7.4).
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Postern//renewals//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    for device in letter.facts["devices"]:
        calendar.add_component(_event(letter, device, language))
    content = calendar.to_ical()
    return LetterFile("renewals.ics", "text/calendar", len(content), "", False, None), content


def _event(letter: Letter, device: dict[str, Any], language: str) -> Event:
    name, day = one_line(device["name"] or device["key"], 200), date.fromisoformat(device["day"])
    event = Event()
    event.add("uid", f"asset-{device['asset']}@{urlsplit(device['link']).hostname}")
    event.add("dtstamp", letter.created.astimezone(UTC).replace(microsecond=0))
    event.add("sequence", (letter.created - _EPOCH) // timedelta(minutes=1))
    event.add("dtstart", day)
    event.add("dtend", day + timedelta(days=1))  # the first day that is none of it (3.6.1)
    event.add("summary", said(language, "Renewal: %(name)s") % {"name": name})
    event.add("url", device["link"])
    event.add("transp", "TRANSPARENT")  # nobody is busy
    return event
