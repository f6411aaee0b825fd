"""One mail composed from its row, against the same mail built and flattened by the standard library."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from benchmarks.measure import Figure, compare, cpu_of
from store.outbox import Letter
from store.rules.desk import Desk, Mailbox
from workers.compose import compose

_TIMES = 100
_SECRET = bytes(32)
_DESK = Desk(name="hosting", key="HO", title="Example Hosting", mailboxes=(Mailbox(address="support@desk.test"),))
_LETTER = Letter(
    id=1, event_id=70, ticket_id=1042, person_id=9, recipient="anna@customer.test", template="staff_reply",
    header_id="token-of-a-copy@desk.test", created=datetime(2026, 3, 2, tzinfo=UTC), attempts=1, reply="",
    facts={
        "desk": "hosting", "tag": "HO#1042", "subject": "disk full", "label": "Answered",
        "help": "Support is waiting to hear back from you.", "role": "requester", "known": True,
        "change": "support_reply", "label_changed": True, "recipient_name": "Anna Weber", "language": "en",
        "timezone": "Europe/Berlin", "author": "Gina", "author_address": "gina@desk.test", "by_support": True,
        "from_address": "support@desk.test", "refused": [], "allowed": ".pdf up to 15 MB each", "flags": [],
        "claims": None, "priority": "medium", "department": "Support", "origin": "mail:support@desk.test",
        "link": "https://help.test/t/HO-1042#m7", "at": "2026-03-02T07:05:00+00:00",
        "in_reply_to": "two@customer.test", "references": ["one@customer.test", "two@customer.test"],
    },
    text="Hello,\n\nthe disk has been replaced.\n\nGina", html=None, files=(),
)  # fmt: skip


def measure() -> Figure:
    sample = message_from_bytes(_compose(), policy=policy.default)
    assert isinstance(sample, EmailMessage)
    headers = [(name, str(value)) for name, value in sample.items() if not name.startswith(("MIME", "Content-Type"))]
    texts = {part.get_content_subtype(): part.get_content() for part in sample.iter_parts()}
    return compare(
        "one mail composed, with template", "", "ms CPU",
        lambda: cpu_of(_compose, _TIMES),
        "email.message built and flattened, no template",
        lambda: cpu_of(lambda: _build(headers, texts), _TIMES),
    )  # fmt: skip


def _compose() -> bytes:
    return compose(_LETTER, _DESK, secret=_SECRET, read_blob=Path.read_bytes).content  # it has no files to read


def _build(headers: list[tuple[str, str]], texts: dict[str, str]) -> bytes:
    message = EmailMessage()
    for name, value in headers:
        message[name] = value
    message.set_content(texts["plain"])
    message.add_alternative(texts["html"], subtype="html")
    return message.as_bytes(policy=policy.SMTP)
