"""What mails and pages say alike: flags in words, links in somebody's text, the reader's time zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, tzinfo

from babel.dates import get_timezone
from markupsafe import Markup

# The first line of every notice to staff, by its language. What stands below it in an answer is the notice, however it
# is quoted; so one that was ever sent stays here.
NOTICE_MARKS = {
    "en": "Please write your answer above this line.",
    "de": "Bitte schreiben Sie Ihre Antwort über diese Zeile.",
    "fr": "Veuillez écrire votre réponse au-dessus de cette ligne.",
    "es": "Escriba su respuesta por encima de esta línea.",
    "ja": "この行より上に返信をお書きください。",
}

FLAGS = {
    "automatic": "Automatic mail: nobody was answered",
    "dmarc-failed": "The sender's domain disowns this mail (DMARC): the address is probably forged",
    "encrypted": "Encrypted: the text could not be read",
    "evidence-disagrees": "The mail points at more than one place; the strongest sign decided",
    "held": "Held until somebody has looked at it",
    "inactive-sender": "The sender's account is inactive: nobody was answered",
    "message-id-reused": "Another mail came with the same Message-ID",
    "not-answered": "The sender has had enough automatic answers: this one was not answered",
    "portal-first": "The sender was asked to complete it on the portal first",
    "shared-thread": "Answers the same mail as an earlier one; nothing else connects its sender with it",
    "spam": "Spam, or of a blocked sender: nobody was told",
    "spam-suspected": "A filter takes it for spam",
    "stranger": "The sender has no part in what this mail points at",
    "too-complex": "Built too deeply to be read in full",
    "unknown-sender": "The sender is not known here: held, and told that a person looks at it first",
    "unproved-request": "Asked for something without proof of who they are: it was not done",
    "unproved-staff": "Claims to be from a colleague, without proof: nothing was passed on",
    "unsent-answer": "An answer was not sent, because it had no words of its own. It is kept as a note",
    "unreadable": "Could not be read in full",
    "unverified-sender": "Sender not verified: the address may be forged",
}

_LONGEST_URL = 2000
# Format characters end a link: they could make it look like another one (threats 46).
_URL = re.compile(
    r"https?://[^\s<>\"\\^`{|}\x00-\x1f\x7f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+",
    re.IGNORECASE,
)


def linked(value: str, link: Markup, plain: Callable[[str], Markup]) -> Markup:
    """Somebody's text as HTML with links one can follow; `link` formats an address, `plain` escapes what is between.

    A link shows the very address it leads to, so that a text cannot name one place and lead to another.
    """
    done = 0
    parts: list[Markup] = []
    for match in _URL.finditer(value):
        if match.end() - match.start() > _LONGEST_URL:
            continue
        url = _trim(match.group())
        parts += [plain(value[done : match.start()]), link.format(url)]
        done = match.start() + len(url)
    return Markup("").join([*parts, plain(value[done:])])


def _trim(url: str) -> str:
    """The address without the punctuation of the sentence around it; a closing bracket stays when it was opened."""
    while url[-1] in ".,;:!?'*_)]":
        opened = {")": "(", "]": "["}.get(url[-1])
        if opened and url.count(opened) >= url.count(url[-1]):
            break
        url = url[:-1]
    return url


def first_zone(*names: str) -> tzinfo:
    """The first of these time zones that exists, else UTC."""
    return next(filter(None, map(_zone, names)), UTC)


def _zone(name: str) -> tzinfo | None:
    try:
        return get_timezone(name) if name else None
    except (LookupError, ValueError, OSError):
        return None
