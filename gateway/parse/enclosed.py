"""The words of mails that are enclosed as files, so that they can be found; they are shown as files only."""

from __future__ import annotations

from collections.abc import Iterable
from email import message_from_bytes

from gateway.parse.body import take_apart
from gateway.parse.headers import settle_line_ends, split_message
from gateway.parse.limits import bound_message
from gateway.parse.parsed import File
from gateway.parse.plain import QUOTE_MARK
from gateway.parse.words import clean_line, decode_words

MAX_MAILS = 10
MAX_BYTES = 2_000_000
MAX_WORDS = 200_000


def read_enclosed(files: Iterable[File]) -> str:
    """From, Date, Subject and text of the first `MAX_MAILS` mails among `files`, at most `MAX_WORDS` characters."""
    mails = [file for file in files if file.content_type in ("message/rfc822", "message/global")]
    return "\n\n".join(_read(file.content[:MAX_BYTES]) for file in mails[:MAX_MAILS])[:MAX_WORDS].strip("\n")


def _read(raw: bytes) -> str:
    headers, rest = split_message(settle_line_ends(raw))
    bounded = bound_message(headers, rest)
    body = take_apart(message_from_bytes(bounded.message), bounded.aside)
    values = ((name, clean_line(decode_words(headers.first(name)))) for name in ("From", "Date", "Subject"))
    head = "".join(f"{name}: {value}\n" for name, value in values if value)
    return f"{head}\n{body.marked().replace(QUOTE_MARK, '')}"
