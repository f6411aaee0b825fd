"""The mails that are sent and read: a small one, a large one, and an ordinary one with two texts and a file."""

from __future__ import annotations

import random
from email.message import EmailMessage
from email.policy import SMTP

_TALK = "the server at our office has lost its disk again and nobody can print please look at it today thank you"


def small(number: int, thread: int | None = None) -> bytes:
    """A customer's plain mail of about 800 bytes; with `thread` an answer to the mail of that number."""
    message = _letter(number)
    if thread is not None:
        message["In-Reply-To"] = _id(thread)
        message.replace_header("From", _sender(thread))
    message.set_content(_text(60, number))
    return message.as_bytes(policy=SMTP)


def ordinary(number: int = 0) -> bytes:
    """About 8 KB: text and HTML, a small file, and the traces of three servers."""
    message = _letter(number)
    for hop in range(3):
        trace = (
            f"from mx{hop}.customer.test (mx{hop}.customer.test [192.0.2.{hop}]) by mx{hop + 1}.desk.test with ESMTPS"
        )
        message["Received"] = f"{trace} id 4XyZ{hop}; Mon, 02 Mar 2026 10:00:0{hop} +0000"
    message["Cc"] = "Bea Customer <bea@customer.test>, carl@customer.test"
    text = _text(250, number)
    message.set_content(f"{text}\nOn Mon, 2 Mar 2026, Support wrote:\n> {_text(20, 1)}")
    message.add_alternative(f"<html><body><p>{'</p><p>'.join(text.splitlines())}</p></body></html>", subtype="html")
    content = random.Random(number).randbytes(2900)
    message.add_attachment(content, maintype="application", subtype="pdf", filename="invoice.pdf")
    return message.as_bytes(policy=SMTP)


def large(size: int) -> bytes:
    """A mail with one file, `size` bytes on the wire or a little more."""
    message = _letter(0)
    message.set_content("See the file.\n")
    message.add_attachment(random.Random(0).randbytes(size * 54 // 74), maintype="application", subtype="zip")
    return message.as_bytes(policy=SMTP)


def _letter(number: int) -> EmailMessage:
    message = EmailMessage()
    message["From"] = _sender(number)
    message["To"] = "Support <support@desk.test>"
    message["Subject"] = f"The printer on floor {number}"
    message["Message-ID"] = _id(number)
    message["Date"] = "Mon, 02 Mar 2026 10:00:00 +0000"
    return message


def _sender(number: int) -> str:
    return f"Customer {number} <customer{number}@customer.test>"


def _id(number: int) -> str:
    return f"<mail.{number}@customer.test>"


def _text(words: int, seed: int) -> str:
    chosen = random.Random(seed).choices(_TALK.split(), k=words)
    return "\n".join(" ".join(chosen[start : start + 12]) for start in range(0, words, 12)) + "\n"
