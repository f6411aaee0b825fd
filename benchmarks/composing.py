"""One mail composed from its row, against the same mail built and flattened by the standard library."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

from benchmarks.measure import Figure, compare, cpu_of
from tests.mails import letters

_TIMES = 100
_LETTER = letters.letter("staff_reply", files=())


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
    return letters.send(_LETTER).content


def _build(headers: list[tuple[str, str]], texts: dict[str, str]) -> bytes:
    message = EmailMessage()
    for name, value in headers:
        message[name] = value
    message.set_content(texts["plain"])
    message.add_alternative(texts["html"], subtype="html")
    return message.as_bytes(policy=policy.SMTP)
