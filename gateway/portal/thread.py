"""What one reader is shown of one ticket. Customers' pages are made without anything internal, not by hiding it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from gateway.parse.html import has_remote_images
from gateway.portal.history import sentence, shown
from gateway.portal.words import AUTO, brief_moment, count, prose, shown_name
from store.rules.desk import Desk
from store.rules.people import PersonFacts
from templates.contexts import one_line
from templates.figures import moment, size

_EMPTY = Markup("")


@dataclass(frozen=True, slots=True)
class File:
    """An attachment; refused ones have a reason and no address."""

    name: str
    note: str
    address: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A message (`kind` customer, support, note or trace) or a line between messages (`kind` event).

    `layout`: it can be shown as HTML; `remote`: that has images from elsewhere.
    """

    kind: str
    at: str
    iso: str
    author: str = ""
    address: str = ""
    role: str = ""
    id: int = 0
    text: Markup = _EMPTY
    hidden: Markup = _EMPTY
    hidden_words: str = ""
    layout: bool = False
    remote: bool = False
    files: tuple[File, ...] = ()
    refused: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: the person, whether as staff, and the people named on the ticket by their address."""

    person: PersonFacts
    staff: bool
    desk: Desk
    known: Mapping[str, PersonFacts]

    def time(self, iso: str) -> str:
        """A time in the reader's zone."""
        return moment(iso, self.person.timezone, self.desk.timezone)

    def name(self, address: str | None, name: str = "") -> str:
        """How somebody is called here. Customers never see the address of staff."""
        person = self.known.get(address or "")
        of_staff = person is not None and self.desk.name in person.staff_of
        name = one_line(name or (person.name if person else ""), 80)
        if of_staff and not self.staff:
            return name if name and "@" not in name else self.desk.team
        return shown_name(name) or address or self.desk.team


def entries(ticket: Mapping[str, Any], reader: Reader) -> Iterator[Entry]:
    """Messages oldest first, with what happened between them."""
    events = [event for event in ticket["events"] if shown(event, reader.staff)]
    for message in ticket["messages"]:
        while events and events[0]["at"] < message["at"]:
            yield _event(events.pop(0), reader)
        if reader.staff or not (message["note"] or message["side"] == "system"):
            yield entry_of(message, reader)
    for event in events:
        yield _event(event, reader)


def entry_of(message: Mapping[str, Any], reader: Reader) -> Entry:
    """A message as its reader sees it."""
    kind = "note" if message["note"] else "trace" if message["side"] == "system" else message["side"]
    support = message["side"] == "support"
    # Beneath an answer by mail lies the notice that staff got, which may tell of other tickets (threats 47).
    hidden = message["hidden"] if reader.staff or not support else ""
    lines = sum(1 for line in hidden.splitlines() if line.strip())
    return Entry(
        kind=kind,
        at=reader.time(message["at"]),
        iso=message["at"],
        id=message["id"],
        author=_author(message, reader),
        address=message["from"] if reader.staff else "",
        role=_role(message, kind, reader.desk),
        text=prose(message["text"].strip("\n")),
        hidden=prose(hidden.strip("\n")) if lines else _EMPTY,
        hidden_words=f"{count(lines, 'line')} hidden",
        layout=bool(message["html"]),
        remote=has_remote_images(message["html"] or ""),
        files=tuple(
            File(one_line(f["filename"]) or "file", size(f["size"]), f"/f/{f['id']}")
            for f in message["attachments"]
            if f["verdict"] == "accepted"
        ),
        refused=tuple(
            File(one_line(f["filename"]) or "file", f["reason"] or "not accepted", "")
            for f in message["attachments"]
            if f["verdict"] == "refused"
        ),
    )


def _author(message: Mapping[str, Any], reader: Reader) -> str:
    if message["side"] == "support" and not reader.staff:
        person = reader.known.get(message["from"])
        name = one_line(message["from_name"] or (person.name if person else ""), 80)
        return name if name and "@" not in name else reader.desk.team
    return shown_name(message["from_name"]) or reader.name(message["from"])


def _role(message: Mapping[str, Any], kind: str, desk: Desk) -> str:
    if kind == "trace":
        return AUTO.get(message["auto"] or "", "Automatic mail")
    if kind == "note":
        return "Internal note, for staff only"
    return desk.team[:1].upper() + desk.team[1:] if kind == "support" else ""


def _event(event: Mapping[str, Any], reader: Reader) -> Entry:
    at = brief_moment(event["at"], reader.person.timezone, reader.desk.timezone)
    return Entry("event", at, event["at"], text=sentence(event, reader.name, reader.staff))
