"""Mailboxes of readers, and the rules by which their programs put mails into conversations.

What the vendors say: Gmail groups mails that cite one another and have the same subject
(https://support.google.com/mail/answer/5900); Outlook goes by the GUID of Thread-Index as long as Thread-Topic is the
subject without prefixes ([MS-OXOMSG] 2.2.1.2, 2.2.1.3), else by what a mail cites; Apple Mail goes by what a mail cites.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from itertools import count

from store import pending
from store.clock import now
from tests import one_row
from tests.harness import Gateway, mail
from workers.compose import compose

_PREFIX = re.compile(r"\s*(?:re|fwd?|aw|sv)\s*:\s*", re.IGNORECASE)
_BLOB = re.compile(r"\[[^][]*\]\s*(?=\S)")
_serials = count(1)


def bare(subject: str, blobs: bool = True) -> str:
    """A subject without prefixes, and without `[…]` at its beginning (RFC 5256 2.1)."""
    while found := _PREFIX.match(subject) or (_BLOB.match(subject) if blobs else None):
        subject = subject[found.end() :]
    return " ".join(subject.split()).lower()


def _cited(one: EmailMessage) -> set[str]:
    return {str(one["Message-ID"]), *f"{one['References'] or ''} {one['In-Reply-To'] or ''}".split()}


def _group(mails: Sequence[EmailMessage], together: Callable[[EmailMessage, EmailMessage], bool]) -> list[list[str]]:
    """The subjects of each conversation; conversations that a later mail connects become one."""
    groups: list[list[EmailMessage]] = []
    for one in mails:
        mine = [group for group in groups if any(together(one, other) for other in group)]
        groups = [group for group in groups if group not in mine]
        groups.append([*(other for group in mine for other in group), one])
    return [[str(one["Subject"]) for one in group] for group in groups]


def gmail(mails: Sequence[EmailMessage], blobs: bool = True) -> list[list[str]]:
    return _group(
        mails,
        lambda a, b: bool(_cited(a) & _cited(b)) and bare(str(a["Subject"]), blobs) == bare(str(b["Subject"]), blobs),
    )


def strict_gmail(mails: Sequence[EmailMessage]) -> list[list[str]]:
    """If Gmail should not look past the tag: all our mails and the answers to them, without what began the ticket."""
    return gmail([one for one in mails if "HO#" in str(one["Subject"])], blobs=False)


def outlook(mails: Sequence[EmailMessage]) -> list[list[str]]:
    def guid(one: EmailMessage) -> bytes:
        if not one["Thread-Index"] or bare(str(one["Subject"]), False) != bare(str(one["Thread-Topic"]), False):
            return b""
        raw = b64decode(str(one["Thread-Index"]), validate=True)
        assert len(raw) >= 22 and (len(raw) - 22) % 5 == 0 and raw[0] == 1
        return raw[6:22]

    def together(a: EmailMessage, b: EmailMessage) -> bool:
        return guid(a) == guid(b) if guid(a) and guid(b) else bool(_cited(a) & _cited(b))

    return _group(mails, together)


def apple(mails: Sequence[EmailMessage]) -> list[list[str]]:
    return _group(mails, lambda a, b: bool(_cited(a) & _cited(b)))


RULES: dict[str, Callable[[Sequence[EmailMessage]], list[list[str]]]] = {
    "gmail": gmail, "strict gmail": strict_gmail, "outlook": outlook, "apple": apple,
}  # fmt: skip


@dataclass
class Reader:
    """Somebody with a mailbox; `outlook`: their program writes Thread-Topic and Thread-Index."""

    address: str
    outlook: bool = False
    mails: list[EmailMessage] = field(default_factory=list)

    @property
    def newest(self) -> EmailMessage:
        """The newest mail of ours."""
        return next(one for one in reversed(self.mails) if "X-Postern-Loop" in one)

    def write(self, text: str, subject: str, cc: str = "") -> EmailMessage:
        """A new mail to the desk."""
        return self._send(text, subject, "support@desk.test", self._index(None), subject, **({"Cc": cc} if cc else {}))

    def answer(self, text: str) -> EmailMessage:
        """An answer to the newest mail of ours."""
        before = self.newest
        subject = str(before["Subject"])
        references = f"{before['References'] or ''} {before['Message-ID']}".strip()
        return self._send(
            text, f"Re: {subject}", parseaddr(str(before["Reply-To"]))[1], self._index(before), str(before["Thread-Topic"]),
            In_Reply_To=str(before["Message-ID"]), References=" ".join(references.split()),
        )  # fmt: skip

    def _index(self, before: EmailMessage | None) -> str:
        block = next(_serials).to_bytes(5, "big")
        raw = (
            b64decode(str(before["Thread-Index"]))
            if before
            else b"\x01\xdc\x11\x22\x33\x44" + block + b"outlook-guid"[:11]
        )
        return b64encode(raw + block).decode()

    def _send(self, text: str, subject: str, to: str, index: str, topic: str, **headers: str) -> EmailMessage:
        if self.outlook:
            headers |= {"Thread_Topic": topic, "Thread_Index": index}
        made = mail(text, sender=self.address, to=to, subject=subject, **headers)
        self.mails.append(made)
        return made


def deliver(gateway: Gateway, readers: Sequence[Reader]) -> None:
    """Sends what is due; each reader gets theirs."""
    boxes = {reader.address: reader for reader in readers}
    while due := pending.due(gateway.store, now(), 1):
        id_ = due[0]
        letter = one_row.claim(gateway.store, id_, "test", now())
        if letter is None:  # suppressed
            continue
        desk = gateway.config.desks[letter.facts["desk"]]
        raw = compose(letter, desk, secret=gateway.config.secret, read_blob=gateway.store.blobs.get).content
        one_row.accept(gateway.store, id_, "test", "250 ok", now())
        read = message_from_bytes(raw, policy=policy.default)
        assert isinstance(read, EmailMessage)
        if letter.recipient in boxes:
            boxes[letter.recipient].mails.append(read)
