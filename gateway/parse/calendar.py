"""Invitations as a few lines of text (RFC 5545, RFC 5546); the calendar file itself stays a file."""

from __future__ import annotations

import re
from datetime import datetime

from gateway.parse.words import clean_line

MAX_SOURCE = 200_000
_MAX_EVENTS = 3
_LINE = re.compile(r'([A-Za-z-]{1,60})((?:;[^=:;"]{1,60}=(?:"[^"]{0,500}"|[^:;"]{0,500})){0,20}):(.*)')
_PARAMETER = re.compile(r';([^=:;"]{1,60})=("[^"]{0,500}"|[^:;"]{0,500})')
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(?:\d\d)?(Z?))?")
_ESCAPES = re.compile(r"\\([\\;,nN])")
_METHODS = {"REQUEST": "Invitation", "CANCEL": "Cancelled", "COUNTER": "New time proposed", "REPLY": "Answer"}
_ANSWERS = {"ACCEPTED": "Accepted", "DECLINED": "Declined", "TENTATIVE": "Tentative"}

Value = tuple[dict[str, str], str]


def read_invitation(source: str) -> str:
    """What, when, where and by whom, a line each and at most three events; empty when there is no event."""
    events: list[dict[str, Value]] = []
    path: list[str] = []
    method = ""
    for line in re.sub(r"\n[ \t]", "", source[:MAX_SOURCE]).split("\n"):
        match = _LINE.match(line)
        if not match:
            continue
        name, value = match[1].upper(), match[3]
        if name == "BEGIN":
            path = [*path, value.strip().upper()][-10:]
            if path[-1] == "VEVENT":
                if len(events) == _MAX_EVENTS:
                    break
                events.append({})
        elif name == "END":
            path = path[:-1]
        elif name == "METHOD":
            method = value.strip().upper()
        elif path and path[-1] == "VEVENT":
            given = {m[1].upper(): m[2].strip('"') for m in _PARAMETER.finditer(match[2])}
            events[-1].setdefault(name, (given, _ESCAPES.sub(lambda m: "\n" if m[1] in "nN" else m[1], value)))
    return "\n\n".join(text for event in events if (text := _tell(event, method)))


def _tell(event: dict[str, Value], method: str) -> str:
    summary = _text(event, "SUMMARY")
    if not summary and "DTSTART" not in event:
        return ""
    answer = event.get("ATTENDEE", ({}, ""))[0].get("PARTSTAT", "").upper()
    kind = _ANSWERS.get(answer, "Answer") if method == "REPLY" else _METHODS.get(method, "Event")
    start, end = (_when(*event[name]) if name in event else "" for name in ("DTSTART", "DTEND"))
    if end[:10] == start[:10] and len(end) > 10:
        end = end[11:]
    rows = (
        (kind, summary),
        ("When", f"{start} - {end}" if end and end != start else start),
        ("Repeats", _text(event, "RRULE")),
        ("Where", _text(event, "LOCATION")),
        ("Organizer", _person(*event["ORGANIZER"]) if "ORGANIZER" in event else ""),
    )
    return "\n".join(f"{label}: {value}" for label, value in rows if value)


def _text(event: dict[str, Value], name: str) -> str:
    return clean_line(event[name][1], 500) if name in event else ""


def _when(given: dict[str, str], value: str) -> str:
    """A time as written, with its zone: no zone is turned into another, because names lie (RFC 5545 section 3.3.5)."""
    match = _TIME.match(value.strip())
    if not match:
        return clean_line(value, 100)
    try:
        date = datetime(*(int(part or 0) for part in match.groups()[:5]))  # type: ignore[arg-type]
    except ValueError:
        return clean_line(value, 100)
    if match[4] is None:
        return date.strftime("%Y-%m-%d")
    zone = "UTC" if match[6] else clean_line(given.get("TZID", ""), 100)
    return f"{date:%Y-%m-%d %H:%M} {zone}".strip()


def _person(given: dict[str, str], value: str) -> str:
    address = clean_line(re.sub(r"^mailto:", "", value.strip(), flags=re.IGNORECASE), 300)
    name = clean_line(given.get("CN", ""), 200)
    return f"{name} ({address})" if name and name != address else address
