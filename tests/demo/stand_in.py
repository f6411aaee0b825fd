"""A mail of ours as the maildir relay writes it, for samples that answer one."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

RAW = (
    b"X-Envelope-From: <no-reply+btoken@moving.desk.test>\r\n"
    b"X-Envelope-To: <dora.finch@yahoo.example>\r\n"
    b'From: "Hosting support" <support@hosting.desk.test>\r\n'
    b"To: owen@tallyman-books.example\r\n"
    b'Reply-To: "Hosting support" <support+rtoken@hosting.desk.test>\r\n'
    b"Subject: [HO#1] Shop answers 503 since this morning\r\n"
    b"Message-ID: <abc.def@hosting.desk.test>\r\n"
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: text/plain; charset="utf-8"\r\n'
    b"Content-Transfer-Encoding: 8bit\r\n"
    b"\r\n"
    b"Hello Owen,\r\n\r\nit works \xe2\x80\x93 for now & <here>.\r\n"
)


def our_mail() -> EmailMessage:
    """Parsed as the demo parses it."""
    mail = message_from_bytes(RAW, policy=default.clone(refold_source="none", linesep="\r\n"))
    assert isinstance(mail, EmailMessage)
    return mail
