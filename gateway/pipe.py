"""The pipe door: one message from a mail server or a person into the journal, with an exit code of sysexits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gateway.answers import NOT_OURS, Answer, log, trouble
from gateway.smtp_limits import HOPS, hops
from store import clock, crash
from store.config import Config
from store.database import Store
from store.journal import Incoming, append
from store.rules.addressing import AddressBook, NotOurs, normalise

ENVELOPE = ("delivered-to", "x-original-to", "envelope-to")  # written by the mail server that pipes to us
VISIBLE = ("to", "cc")
_HEAD = 1 << 20  # bytes of header that are looked at
_BETWEEN = re.compile(r"[\s<>()\[\]\\,;:\"]+")
_MBOX_LINE = re.compile(rb">?From [^\r\n]*\r?\n")


def ingest(config: Config, store: Store, raw: bytes, to: Sequence[str], sender: str | None) -> int:
    """Journals one message; the exit code: 0 stored for good, 67 no such mailbox, 65 refused, 75 our own trouble.

    `raw` has LF or CRLF line ends. With no `to` the recipients are those of our mailboxes that the headers name; with
    no `sender` it is the Return-Path, else the null sender. All of `to` must be ours: the exit code speaks for all.
    """
    try:
        return _ingest(config, store, raw, to, sender)
    except Exception as error:  # any other code than 75 would make the mail server bounce a mail for our fault
        trouble(error, "pipe")
        return Answer.TROUBLE.exit


def _ingest(config: Config, store: Store, raw: bytes, to: Sequence[str], sender: str | None) -> int:
    if len(raw) > config.settings.smtp.max_size:
        return _refuse(Answer.TOO_LARGE)
    readable = with_crlf(raw)  # the journal keeps the bytes as they came
    if hops(readable) > HOPS:
        return _refuse(Answer.LOOP)
    headers = list(_headers(readable))
    recipients = list(to) or own_recipients(headers, config.addresses)
    routes: dict[str, dict[str, None]] = {}
    for address in recipients:
        place = config.addresses.locate(address)
        if isinstance(place, NotOurs):
            return _refuse(NOT_OURS[place])
        routes.setdefault(place.desk, {})[normalise(address)] = None
    if not routes:
        return _refuse(Answer.UNKNOWN_MAILBOX)
    if sender is None:
        sender = next((value for name, value in headers if name == "return-path"), "")
    incoming = Incoming(
        door="pipe",
        at=clock.now(),
        sender=fitting(sender.strip().strip("<>")),
        routes=tuple((desk, tuple(addresses)) for desk, addresses in routes.items()),
        raw=raw,
    )
    append(store, [incoming])
    crash.point("D5")
    return Answer.ACCEPTED.exit


def with_crlf(raw: bytes) -> bytes:
    """The message with CRLF line ends, without an mbox `From ` line in front.

    A lone CR becomes a blank: Python's mail parser takes it for a line end, so it could start a header of its own.
    """
    if found := _MBOX_LINE.match(raw):
        raw = raw[found.end() :]
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b" ")
    return raw.replace(b"\n", b"\r\n")


def own_recipients(headers: Iterable[tuple[str, str]], book: AddressBook) -> list[str]:
    """Our mailboxes among the recipients the headers name: those of the envelope, else those of To and Cc."""
    headers = list(headers)
    for names in (*((name,) for name in ENVELOPE), VISIBLE):
        values = [value for name, value in headers if name in names]
        found = [address for value in values for address in addresses_in(value) if book.is_own(address)]
        if found:
            return list(dict.fromkeys(found))
    return []


def addresses_in(value: str) -> list[str]:
    """Whatever in a header looks like an address. In linear time: a header may be a megabyte of one letter (threats 32)."""
    return [word for word in _BETWEEN.split(value) if word.count("@") == 1 and word[0] != "@" != word[-1]]


def headers_of(raw: bytes) -> Iterable[tuple[str, str]]:
    """As `_headers`, of a message with any line ends."""
    return _headers(with_crlf(raw[:_HEAD]))


def _headers(raw: bytes) -> Iterable[tuple[str, str]]:
    """Name in lower case and unfolded value of each header, undecoded."""
    head = raw[:_HEAD].partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip().lower(), value.strip()


def fitting(sender: str) -> str:
    """The envelope sender, or none at all: a cut address would be somebody else's (threats 13)."""
    return sender if len(sender) <= 254 and sender.isprintable() else ""


def _refuse(answer: Answer) -> int:
    log.warning("pipe: %s", answer.line)
    return answer.exit
