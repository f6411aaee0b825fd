"""The story of one message: bounded, read, who wrote it confirmed by mail-parser, put into one value."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import TypeVar

from mailparser.dates import parse_mail_date
from mailparser.utils import get_addresses

from gateway.parse.addresses import normalise_address, read_list, read_sender
from gateway.parse.auto import LOOP_MARK, is_marked, is_report, judge_origin
from gateway.parse.body import Body, take_apart
from gateway.parse.bounce import Report, read_bounce, read_complaint, says_failed
from gateway.parse.canonical import hash_message
from gateway.parse.charset import decode_bytes
from gateway.parse.conversation import read_conversation
from gateway.parse.enclosed import read_enclosed
from gateway.parse.fields import Fields, read_fields
from gateway.parse.files import read_type
from gateway.parse.headers import Headers, settle_line_ends, split_message
from gateway.parse.limits import MAX_SMALL, NESTED, bound_message
from gateway.parse.parsed import Address, Bounce, Parsed
from gateway.parse.plain import QUOTE_MARK
from gateway.parse.quotes import is_forward_subject
from gateway.parse.words import clean_line, decode_words

MAX_IDS = 100
MAX_REPORT = 200_000
_RAW_TEXT = 200_000
_ID = re.compile(r"<([^<>]{1,2000})>")
_ONCE = ("from", "subject", "to", "date", "message-id", "content-type", "in-reply-to", "references", "reply-to")
T = TypeVar("T")


def parse(raw: bytes) -> Parsed:
    """Everything that can be read of `raw`; what cannot is named in `defects` and no error leaves this function."""
    try:
        raw = settle_line_ends(raw)
        content_hash = hash_message(raw)
    except Exception:  # two mails that cannot be hashed must not count as one
        content_hash = sha256(raw).hexdigest()
    try:
        return _parse(raw, content_hash)
    except Exception:  # RecursionError and MemoryError are among them: the mail must be filed all the same
        return salvage(raw, content_hash)


def _parse(raw: bytes, content_hash: str) -> Parsed:
    headers, rest = split_message(raw)
    bounded = bound_message(headers, rest)
    defects = headers.defects + bounded.defects
    if not raw.strip():
        defects.append("empty")
    defects += [f"two-{name}s" for name in _ONCE if len(headers.all(name)) > 1 and f"two-{name}s" not in defects]
    message = message_from_bytes(bounded.message)
    body = _guard(lambda: take_apart(message, bounded.aside), Body(), defects)

    subject = _guard(lambda: _read_subject(headers), "", defects)
    marked_text = _guard(body.marked, "", defects)
    text = marked_text.replace(QUOTE_MARK, "")
    sender = _guard(lambda: _confirm(read_sender(headers), headers, defects), None, defects)
    from_ = sender or _guard(lambda: _guess_from(headers), None, defects)
    if sender is None:
        defects.append("no-sender")
    reply, hidden = _guard(lambda: body.split(marked_text, is_forward_subject(subject)), (text, ""), defects)
    kind = read_type(message)
    address = from_.address if from_ else ""
    reported = _guard(lambda: is_report(headers, kind, address, subject), False, defects)
    bounce = _guard(lambda: _find_bounce(headers, body, text, rest, reported), None, defects)
    if reported and not (bounce and bounce.recipients) and not says_failed(text):
        # People write "Undeliverable: what does it mean?" as well; such a subject alone reports nothing.
        reported = _guard(lambda: is_report(headers, kind, address, ""), False, defects)
        bounce = bounce if reported else None
    complaint = bounce is not None and bounce.complaint  # which is told of a mail that did arrive
    told = not complaint and (reported or bounce is not None)
    auto = _guard(lambda: judge_origin(headers, kind, address, subject, told), None, defects)
    marked = auto is not None and _guard(lambda: is_marked(headers, kind, address), False, defects)
    return Parsed(
        message_id=next(iter(_read_ids(headers.all("message-id")[:1])), None),
        in_reply_to=_read_ids(headers.all("in-reply-to")),
        references=_read_ids(headers.all("references")),
        date=_guard(lambda: _read_date(headers.first("date")), None, defects),
        sender=sender,
        from_=from_,
        to=_guard(lambda: read_list(headers.all("to")), (), defects),
        cc=_guard(lambda: read_list(headers.all("cc")), (), defects),
        reply_to=_guard(lambda: read_list(headers.all("reply-to")), (), defects),
        subject=subject,
        text=text,
        reply=reply,
        hidden=hidden,
        fields=_guard(lambda: read_fields(reply), Fields(), defects),
        enclosed=_guard(lambda: read_enclosed(body.files), "", defects),
        html=_guard(body.html, None, defects),
        files=tuple(body.files),
        auto=auto,
        marked=marked,
        loop_mark=next((clean_line(value, 200) for value in headers.all(LOOP_MARK)), None),
        bounce=bounce,
        importance=_read_importance(headers),
        conversation=_guard(lambda: read_conversation(headers.first("thread-index")), None, []),
        hops=len(headers.all("received")),
        auth_results=tuple(clean_line(v, 10_000) for v in headers.all("authentication-results")[:20]),
        content_hash=content_hash,
        defects=tuple(dict.fromkeys(defects + body.defects)),
    )


def _guard(read: Callable[[], T], otherwise: T, defects: list[str]) -> T:
    """One field's error hurts only that field."""
    try:
        return read()
    except Exception:
        defects.append("unreadable")
        return otherwise


def salvage(raw: bytes, content_hash: str = "") -> Parsed:
    """What is left to do for a mail that cannot be parsed: its first bytes as text, and no identity."""
    content_hash = content_hash or sha256(raw).hexdigest()
    text = decode_bytes(raw[:_RAW_TEXT], None)[0].replace("\r\n", "\n").replace("\r", "\n")
    return Parsed(text=text, reply=text, content_hash=content_hash, defects=("unreadable", "no-sender"))


def _read_subject(headers: Headers) -> str:
    return clean_line(decode_words(headers.first("subject")))


def _confirm(sender: Address | None, headers: Headers, defects: list[str]) -> Address | None:
    """The sender, unless mail-parser, the third to read the field, names another mailbox."""
    if sender is None:
        return None
    try:
        # Its constructor reads a whole message, twice; this is the part of it that reads mailboxes.
        found = get_addresses(headers.first("from"), decode_names=True)
    except Exception:  # it raises what the standard library raises; the two readings before it agree
        defects.append("hard-to-read")
        return sender
    return sender if {normalise_address(address) for _, address in found if address} <= {sender.address} else None


def _guess_from(headers: Headers) -> Address | None:
    found = read_list(headers.all("from")) or read_list(headers.all("sender"))
    return found[0] if found else None


def _read_ids(values: list[str]) -> tuple[str, ...]:
    """Message-IDs without angle brackets; of too many the first, which is the root, and the newest are kept."""
    found: list[str] = []
    for value in values:
        bracketed = _ID.findall(value)
        words = value.split()
        ids = bracketed or [word.strip("<>,;\"'") for word in words[:3] if "@" in word or len(words) == 1]
        found += [clean_line(re.sub(r"\s+", "", i), 998) for i in ids]
    unique = [i for i in dict.fromkeys(found) if i]
    return tuple(unique if len(unique) <= MAX_IDS else unique[:1] + unique[1 - MAX_IDS :])


def _read_date(value: str) -> datetime | None:
    try:
        date = parse_mail_date(value).value or parsedate_to_datetime(value[:200])
        date = date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if 1980 <= date.year < 2100 else None


def _read_importance(headers: Headers) -> str | None:
    for name in ("importance", "x-priority", "x-msmail-priority", "priority"):
        word = re.split(r"[\s(;]", headers.first(name).lower(), maxsplit=1)[0]
        if word in ("high", "urgent", "1", "2"):
            return "high"
        if word in ("low", "non-urgent", "4", "5"):
            return "low"
    return None


def _find_bounce(headers: Headers, body: Body, text: str, rest: bytes, reported: bool) -> Bounce | None:
    if body.feedback:
        return read_complaint(body.feedback, body.returned)
    if not reported:
        returns = body.reports or (body.returned and says_failed(text))
        if not returns or headers.first("return-path") != "<>":
            return None
    whole = bound_message(headers, rest, MAX_SMALL).message
    readable = whole[:MAX_REPORT].replace(NESTED.encode(), b"message/")
    return read_bounce(headers, Report(body.reports, text, body.returned), readable)
