"""From a sample's file to the bytes that go over the wire: a few placeholders, then CRLF."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path

from gateway.cli.demo.files import ATTACHMENTS, LETTERS
from gateway.cli.demo.sample import Sample

MAILS = Path(__file__).parent / "mails"

_PLACE = re.compile(
    rb"\{(date|when|attachment|reply_to|close|their_id|subject|tag|quote|original|quote_html|envelope_to|verp)(?::([^{}\r\n]*))?\}"
)


def compose(sample: Sample, now: datetime, answered: EmailMessage | None = None, tag: str = "") -> bytes:
    """The mail as its client would hand it over; `answered` is the mail of ours it is an answer to."""
    values = _of_answered(answered) if answered else {}
    values["tag"] = tag
    if answered and sample.returned:
        return _without_envelope(answered)
    if sample.stem in LETTERS:
        return LETTERS[sample.stem](_date("", now))
    raw = (MAILS / f"{sample.stem}.eml").read_bytes()
    filled = _PLACE.sub(lambda match: _fill(match, now, values), raw)
    return re.sub(rb"\r?\n", b"\r\n", filled)


def envelope(sample: Sample, answered: EmailMessage | None) -> tuple[str, tuple[str, ...]]:
    """Sender and recipients, where `{reply_to}`, `{close}` and `{verp}` stand for addresses of the mail that is answered."""
    if answered is None:
        return sample.sender, sample.to
    values = _of_answered(answered)
    own = {f"{{{name}}}": values[name] for name in ("reply_to", "close", "verp")}
    return sample.sender, tuple(own.get(address, address) for address in sample.to)


def reply_address(message: EmailMessage) -> str:
    """Where a client sends the answer to a mail: its Reply-To, else its From."""
    return parseaddr(str(message["Reply-To"] or message["From"]))[1]


def _fill(match: re.Match[bytes], now: datetime, values: Mapping[str, str]) -> bytes:
    name, argument = match[1].decode(), (match[2] or b"").decode()
    match name:
        case "date":
            return _date(argument, now).encode()
        case "when":
            return now.strftime(argument).encode()
        case "attachment":
            return base64.encodebytes(ATTACHMENTS[argument]()).rstrip()
        case _:
            return values[name].encode()


def _date(zone: str, now: datetime) -> str:
    """The Date header in the zone of the sender, `+0100`."""
    minutes = int(f"{zone[0]}1") * (int(zone[1:3]) * 60 + int(zone[3:5])) if zone else 0
    return format_datetime(now.astimezone(timezone(timedelta(minutes=minutes))))


def _of_answered(message: EmailMessage) -> dict[str, str]:
    part = message.get_body(("plain",))
    text = part.get_content().strip() if part else ""
    lines = text.splitlines()
    return {
        "reply_to": reply_address(message),
        "close": next((lines[at + 1] for at, line in enumerate(lines[:-1]) if line.startswith("Solved?")), ""),
        "their_id": str(message["Message-ID"]).strip(),
        "subject": str(message["Subject"]),
        "envelope_to": str(message["X-Envelope-To"] or message["To"]).strip("<> "),
        "verp": str(message["X-Envelope-From"] or "").strip("<> "),
        "quote": "\n".join(f"> {line}".rstrip() for line in lines),
        "original": "\n".join(lines),
        "quote_html": "<br>\n".join(html.escape(line) for line in lines),
    }


def _without_envelope(message: EmailMessage) -> bytes:
    raw = message.as_bytes()
    while raw.lower().startswith(b"x-envelope-"):
        raw = raw.partition(b"\n")[2]
    return re.sub(rb"\r?\n", b"\r\n", raw)
