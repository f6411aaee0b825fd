"""Archives made of mails, and a gateway that takes them."""

from __future__ import annotations

import mailbox
from collections.abc import Iterable
from datetime import timedelta
from email.message import EmailMessage
from functools import reduce
from operator import add
from pathlib import Path

from gateway import importing
from gateway.archive import Archive
from gateway.importing import Taken
from store.clock import now
from store.rules.old_mail import Terms
from tests.harness import Gateway, mail

NUMBERS = r"\[Ticket#(\d+)\]"


def old_mail(
    text: str, day: int, subject: str = "Printer broken", sender: str = "anna@cust.test", to: str = "support@desk.test", **headers: str
) -> EmailMessage:  # fmt: skip
    """A mail of some day in March 2024."""
    return mail(text, sender=sender, to=to, subject=subject, Date=f"{day:02} Mar 2024 10:00:00 +0000", **headers)


def answer_to(first: EmailMessage, text: str, day: int, **headers: str) -> EmailMessage:
    """A mail that answers another one by its Message-ID."""
    return old_mail(text, day, f"Re: {first['Subject']}", In_Reply_To=str(first["Message-ID"]), **headers)


def mbox(path: Path, mails: Iterable[EmailMessage | bytes]) -> Path:
    """An mbox file as Python's own library writes it."""
    box = mailbox.mbox(path)
    for one in mails:
        box.add(one)
    box.close()
    return path


def maildir(path: Path, mails: Iterable[EmailMessage | bytes], folder: str = "") -> Path:
    """A maildir, or a folder of one."""
    box: mailbox.Maildir = mailbox.Maildir(path)
    if folder:
        box = box.add_folder(folder)
    for one in mails:
        box.add(one)
    return path


def take(
    gateway: Gateway, *paths: Path, numbers: tuple[str, ...] = (), trust_from: bool = False, open_days: int = 30,
    desk: str = "hosting", address: str = "support@desk.test", largest: int = 1 << 20,
) -> Taken:  # fmt: skip
    """Takes archives into the journal and files them."""
    terms = Terms(now(), numbers, trust_from, now() - timedelta(days=open_days))
    with Archive(paths) as archive:
        entries = list(archive.entries(now()))
        told = reduce(add, importing.take(gateway.store, archive, entries, (desk, address), terms, largest), Taken())
    gateway.file()
    return told
