"""Mail in through the SMTP door, as any server would bring it, and the mails that went out, read from the maildir."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default
from pathlib import Path

# Headers stay as they were written, so that a mail can be sent back unchanged.
_AS_IS = default.clone(refold_source="none", linesep="\r\n")


def deliver(port: int, sender: str, recipients: Sequence[str], raw: bytes) -> str:
    """Hands one mail over; the answer that settled it, on one line."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="mx.customers.example", timeout=60) as smtp:
        smtp.ehlo()
        options = [f"SIZE={len(raw)}"] + (["BODY=8BITMIME"] if smtp.has_extn("8bitmime") else [])
        code, text = smtp.mail(sender, options)
        if code != 250:
            return _line(code, text)
        answers = [smtp.rcpt(recipient) for recipient in recipients]
        refused = [answer for answer in answers if answer[0] not in (250, 251)]
        if refused:
            return _line(*refused[0])
        return _line(*smtp.data(raw))


def message_id(raw: bytes) -> str:
    """The Message-ID of a mail, without <>."""
    head = raw.partition(b"\r\n\r\n")[0]
    return str(BytesHeaderParser(policy=default).parsebytes(head)["Message-ID"]).strip().strip("<>")


def sent_mails(maildir: Path) -> dict[str, EmailMessage]:
    """Every mail that went out, by its Message-ID without <>."""
    mails: dict[str, EmailMessage] = {}
    for file in sorted(maildir.iterdir()) if maildir.is_dir() else ():
        mail = message_from_bytes(file.read_bytes(), policy=_AS_IS)
        assert isinstance(mail, EmailMessage)
        mails[str(mail["Message-ID"]).strip().strip("<>")] = mail
    return mails


def _line(code: int, text: bytes) -> str:
    return f"{code} {b' '.join(text.split()).decode('ascii', 'replace')}"
