"""The mail of an alert as it goes over the wire: ways to act for those who may, dates for the calendar, a way out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from email.utils import parseaddr
from typing import Any

import pytest
from icalendar import Calendar

from store.letters import Letter
from store.rules.tokens import Token, verify
from tests.mails.letters import DEVICE, FLEET, SECRET, letter, read, send

SECOND = DEVICE | {
    "asset": 5,
    "key": "LX-7",
    "name": "Büro; Süd, 1",
    "group": "",
    "day": "2026-07-14",
    "step": 7,
    "left": 0,
}


def alert(**facts: Any) -> Letter:
    return of("renewal_alert", **facts)


def of(template: str, **facts: Any) -> Letter:
    return replace(letter(template, text="", files=(), **(FLEET | facts)), ticket_id=None)


def token_of(address: str) -> Token | None:
    return verify(parseaddr(address)[1].partition("@")[0].partition("+")[2], SECRET)


@pytest.mark.req("DV-27")
@pytest.mark.req("DV-33")
@pytest.mark.req("DV-34")
def test_an_alert_is_answered_to_an_address_signed_for_its_reader() -> None:
    seen = read(send(alert(devices=[DEVICE, SECOND])))
    assert token_of(str(seen.headers["Reply-To"])) == Token("alert", 7, 9)
    for kind, words in (("renew", "Renew all: "), ("cancel", "Cancel all: ")):
        address = next(line for line in seen.text.splitlines() if line.startswith(words)).removeprefix(words)
        assert token_of(address) == Token(kind, 7, 9)  # type: ignore[arg-type]
        assert f"mailto:{address}?" in seen.html
    assert "body=renew%20LX-118" in seen.html and "- cancel LX-7: " in seen.text.replace("LX-118", "LX-7")
    assert str(seen.headers["Subject"]) == "Example Hosting: 2 devices renew within four weeks"
    assert seen.headers["In-Reply-To"] is None


@pytest.mark.req("DV-80")
def test_a_supervisor_is_told_without_the_ways_to_act() -> None:
    seen = read(send(alert(devices=[DEVICE | {"acts": False}])))
    assert token_of(str(seen.headers["Reply-To"])) is None
    assert "mailto:" not in seen.html and "renew LX" not in seen.text and "cancel" not in seen.text
    assert "unless an administrator decides otherwise" in seen.text


@pytest.mark.threat(64)
def test_an_alert_can_be_ended_with_one_click() -> None:
    """RFC 8058: over TLS alone."""
    headers = read(send(alert())).headers
    assert headers["List-Unsubscribe"] == "<https://help.test/u/token>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_dates_are_all_day_events_that_a_later_alert_moves() -> None:
    """RFC 5545: whole days, no busy time, one UID a device and a number in the sequence that grows."""
    seen = read(send(alert(devices=[DEVICE, SECOND])))
    (part,) = (part for part in seen.headers.walk() if part.get_content_type() == "text/calendar")
    assert (part.get_content_charset(), part.get_filename()) == ("utf-8", "renewals.ics")
    calendar = Calendar.from_ical(seen.files["renewals.ics"])
    first, second = calendar.walk("VEVENT")
    assert calendar["METHOD"] == "PUBLISH"
    assert (first["UID"], second["UID"]) == ("asset-4@help.test", "asset-5@help.test")
    assert (first.decoded("DTSTART"), first.decoded("DTEND")) == (date(2026, 8, 11), date(2026, 8, 12))
    assert (first["TRANSP"], second["SUMMARY"]) == ("TRANSPARENT", "Renewal: Büro; Süd, 1")
    assert all(len(line) <= 75 for line in seen.files["renewals.ics"].splitlines())
    a_week_later = alert()
    later = read(send(a_week_later, created=a_week_later.created.replace(day=21))).files["renewals.ics"]
    (moved,) = Calendar.from_ical(later).walk("VEVENT")
    assert moved["UID"] == first["UID"] and moved["SEQUENCE"] > first["SEQUENCE"]
    assert send(alert()).content == send(alert()).content


def test_what_a_device_is_called_can_neither_be_markup_nor_break_a_line() -> None:
    evil = "<b>x</b>\r\nBcc: a@b.test"
    seen = read(send(alert(devices=[DEVICE | {"name": evil, "group": evil, "key": "a&b"}])))
    assert "<b>x" not in seen.html and "&lt;b&gt;x" in seen.html and "body=renew%20a%26b" in seen.html
    (event,) = Calendar.from_ical(seen.files["renewals.ics"]).walk("VEVENT")
    assert event["SUMMARY"] == "Renewal: <b>x</b> Bcc: a@b.test"


@pytest.mark.parametrize("template", ["auto_renewed", "deactivated"])
def test_an_outcome_names_the_device_and_its_days(template: str) -> None:
    seen = read(send(of(template, alert=None)))
    assert "Crane tracker (LX-118)" in seen.text and "11 August 2026" in seen.text
    assert token_of(str(seen.headers["Reply-To"])) is None and seen.files == {}
