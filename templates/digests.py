"""What a mail template may use of a digest, and sample lines to preview it with."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class DigestLine:
    """One thing that happened, of several in a mail. `tag` is without brackets; `answer` an address to answer to."""

    tag: str
    subject: str
    label: str
    change: str
    author: str
    author_address: str  # staff only
    by_support: bool
    at: str
    text: str
    link: str
    answer: str
    priority: str  # staff only


@dataclass(frozen=True, slots=True)
class Digest:
    """What a digest tells of; `more`: earlier ones it does not name; `unsubscribe`: a link, empty where there is nothing to end."""

    lines: tuple[DigestLine, ...] = ()
    more: int = 0
    unsubscribe: str = ""


NO_DIGEST = Digest()
_ANSWER = "support+aebagbyfrkx6mw2n4tq7zcd3hs@help.example.com"
SAMPLE_LINES = (
    DigestLine(
        "HO#1042", "Disk full on web-3", "Customer-Reply", "customer_reply", "Anna Weber", "anna@weber.example", False,
        "2026-07-14T07:05:00+00:00", "It works again, thank you.", "https://help.example.com/t/HO-1042#m7", _ANSWER, "medium",
    ),
    DigestLine(
        "HO#1047", "Certificate expires", "Open", "opened", "Kim", "kim@partner.example", False, "2026-07-14T07:40:00+00:00",
        "The certificate of shop.example.com ends on Friday.", "https://help.example.com/t/HO-1047#m12",
        _ANSWER, "high",
    ),
)  # fmt: skip
SAMPLE_BURST = tuple(
    replace(SAMPLE_LINES[0], answer="", priority="", text=text) for text in (SAMPLE_LINES[0].text, "And one more?")
)
