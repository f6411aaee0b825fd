"""Letters and desks to compose mails from, and a strict reader of what came out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import unquote
from functools import cache
from typing import Any

from store.letters import Letter, LetterFile
from store.renewal_checks import TEMPLATES as RENEWING
from store.rules.desk import Desk, Mailbox
from templates.render import Rendered, render
from templates.samples import samples
from workers.compose import Mail, compose

SECRET = b"k" * 32
DESK = Desk(
    name="hosting",
    key="HO",
    title="Example Hosting",
    mailboxes=(Mailbox(address="support@desk.test"), Mailbox(address="billing@desk.test", department="Billing")),
)
BLOBS = {"a" * 64: b"first\n", "b" * 64: bytes(range(256)) * 40}
LOG = LetterFile("error.log", "text/plain", 6, "a" * 64, False, None)
DUMP = LetterFile("dump.zip", "application/zip", 10240, "b" * 64, False, None)

TEMPLATES = (
    "confirmation", "safety_ack", "access_ack", "login_help", "missing_info", "portal_nudge", "portal_hold", "portal_redirect", "held_ack", "follow_up",
    "staff_reply", "ticket_update", "cc_copy", "ticket_closed", "staff_notice", "safety_alert", "attachment_refused",
    "confirm_request", "request_refused", "address_used", "outsider_question", "digest",
    "undelivered", "mailbox_notice",
    "undelivered", "activation_ack", "deactivation_ack", "renewal_confirmed", "command_refused", "activated",
    "reminder_awaiting", "renewal_alert", "auto_renewed", "deactivated",
)  # fmt: skip
ROLES = ("requester", "admin", "cc", "staff")
COMBINATIONS = [
    (t, role, known) for t in TEMPLATES for role in (*ROLES, "outsider") for known in (True, False)
]  # more than ever go out
CHANGES = dict.fromkeys(TEMPLATES, "opened") | {
    "confirm_request": "parked", "request_refused": "unable", "address_used": "address_used", "outsider_question": "asking",
    "undelivered": "undelivered", "mailbox_notice": "mailbox_silent", "portal_redirect": "redirected",
    "staff_reply": "support_reply", "ticket_update": "customer_reply",
    "cc_copy": "support_reply", "ticket_closed": "closed",
    "attachment_refused": "customer_reply", "digest": "digest", "activated": "activated",
    "reminder_awaiting": "reminded", "renewal_alert": "renewal_alert", "auto_renewed": "auto_renewed", "deactivated": "deactivated",
}  # fmt: skip
FACTS: dict[str, Any] = {
    "desk": "hosting", "tag": "HO#1042", "subject": "disk full", "label": "Answered",
    "help": "Support is waiting to hear back from you.", "role": "requester", "known": True, "change": "opened",
    "label_changed": True, "recipient_name": "Anna Weber", "language": "en", "timezone": "Europe/Berlin",
    "author": "Anna Weber", "author_address": "anna@weber.test", "by_support": False,
    "from_address": "support@desk.test", "refused": [{"filename": "film.mov", "reason": "too long"}],
    "allowed": ".pdf up to 15 MB each", "flags": ["stranger"], "claims": "HO#1001", "priority": "medium",
    "department": "Support", "origin": "mail:support@desk.test", "link": "https://help.test/t/HO-1042#m7",
    "at": "2026-07-14T07:05:00+00:00", "in_reply_to": "two@weber.test",
    "references": ["one@weber.test", "two@weber.test"], "former": "HO#1007", "missing": ["model", "error_code"],
    "about": "close it; change its priority", "problems": ["It is closed."], "commands": ["#close: closes the ticket"],
    "confirms": 5, "closed": False, "may_close": True, "password_link": "https://help.test/password?token=secret-link",
    "assets": [{"name": "LX-200", "what": "renew", "day": "2026-08-02"}], "password_code": "SECRE-TCODE", "code_page": "https://help.test/password/code",
}  # fmt: skip
DEVICE: dict[str, Any] = {
    "asset": 4, "key": "LX-118", "name": "Crane tracker", "group": "North / Dock", "plan": "yearly", "day": "2026-08-11",
    "step": 28, "left": 28, "acts": True, "before": "2026-08-10", "after": "2027-08-11", "link": "https://help.test/asset/LX-118",
}  # fmt: skip
FLEET: dict[str, Any] = {
    "devices": [DEVICE], "alert": 7, "tag": "", "subject": "", "label": "", "help": "", "in_reply_to": None,
    "references": [], "role": "admin", "link": "https://help.test/?desk=devices", "unsubscribe": "https://help.test/u/token",
}  # fmt: skip


def letter(
    template: str = "staff_reply", *, text: str = "Hello,\n\nit works again.", files: Any = (LOG,), **facts: Any
) -> Letter:
    """A letter with ordinary facts but for those given."""
    usual = {"change": CHANGES[template], "by_support": CHANGES[template] == "support_reply"}
    if template in RENEWING:
        usual |= {"devices": [DEVICE], "alert": 7, "tag": ""}
    return Letter(
        id=1, event_id=70, ticket_id=1042, person_id=9, recipient="anna@weber.test", template=template,
        header_id="token-of-a-copy@desk.test", created=datetime(2026, 7, 14, 7, 5, 1, 250, UTC), attempts=1, reply="",
        facts={**FACTS, **usual, **facts}, text=text, files=tuple(files),
    )  # fmt: skip


def send(a_letter: Letter, desk: Desk = DESK, **changes: Any) -> Mail:
    """Composes with the test's secret and blobs."""
    return compose(replace(a_letter, **changes), desk, secret=SECRET, read_blob=BLOBS.__getitem__)


@cache
def rendered(case: str, language: str = "en") -> Rendered:
    """A sample as it is shipped; the same one is looked at for many things."""
    return render(case.partition("-")[0], samples(language)[case], language)


@dataclass(frozen=True)
class Seen:
    """A mail as its recipient's program reads it."""

    headers: EmailMessage
    subject: str
    text: str
    html: str
    files: dict[str, bytes]

    @property
    def everything(self) -> str:
        """All that can be read, in one string, headers decoded."""
        headers = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
        return "\n".join([headers, self.text, self.html, *self.files])


def read(mail: Mail) -> Seen:
    """Checks the wire as a strict relay would (threats 72) and reads the mail with the standard library."""
    content = mail.content
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content), "bare LF or CR"
    assert content.isascii(), "8-bit"
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", content), "control character"
    parsed = message_from_bytes(content, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    names = [name.lower() for name in parsed.keys()]  # noqa: SIM118
    assert len(set(names)) == len(names), f"a header twice: {names}"
    assert {"from", "to", "date", "message-id", "subject", "mime-version"} <= set(names)
    assert not {"bcc", "cc", "x-evil", "sender"} & set(names)
    assert [part.defects for part in parsed.walk() if part.defects] == []
    # The older parser that many programs use must find the same structure.
    old = message_from_bytes(content, policy=policy.compat32)
    assert [part.get_content_type() for part in old.walk()] == [part.get_content_type() for part in parsed.walk()]
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    assert text is not None and html is not None
    files: dict[str, Any] = {str(p.get_filename()): p.get_payload(decode=True) for p in parsed.iter_attachments()}
    subject, (said, shown) = str(parsed["Subject"]), (part.get_content().replace("\r\n", "\n") for part in (text, html))
    return Seen(parsed, subject, said, shown, files)


def display_name(mail: Mail, header: str) -> str:
    """The name before an address, read by RFC 2047 6.2; Python 3.11 keeps the blank between two encoded words."""
    value = message_from_bytes(mail.content, policy=policy.compat32)[header].rpartition("<")[0].strip()
    if value.startswith('"'):
        return unquote(value)
    return str(make_header(decode_header(value)))
