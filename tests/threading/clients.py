"""Answers as thirteen mail programs write them, with any of what could point at the ticket taken out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.utils import parseaddr
from itertools import count
from quopri import encodestring

from gateway.decide.facts import EvidenceKind
from store.clock import now
from store.rules.tags import base_subject
from tests import one_row
from tests.harness import Gateway, mail
from tests.threading import bodies, subjects
from workers.compose import compose

SUBJECT = "Der Drucker im Büro über der Straße zerstört jede Seite, die er bekommt"
WORDS = "It is still broken."
ROOT = "a-mail-we-never-saw@cust.test"
_serials = count(1)


@dataclass(frozen=True)
class Sent:
    """A mail of ours as its reader's program has it. `own`: the reader's mail that began the ticket; `root`: what that cited."""

    message_id: str
    reply_to: str
    mailbox: str
    subject: str
    text: str
    own: str
    root: str = ROOT


@dataclass(frozen=True)
class Client:
    """One program: what it puts before a subject and how it encodes that, what it cites, how it quotes.

    `cites`: of In-Reply-To and References, those it writes. `noise`: what else it puts before the IDs it cites.
    """

    name: str
    prefix: str
    encode: Callable[[str], str]
    body: Callable[[str, str, str], tuple[str, str]]
    message_id: str
    cites: tuple[str, ...] = ("In-Reply-To", "References")
    noise: str = ""
    extra: str = ""
    flowed: bool = False
    shouts: bool = False  # writes addresses in capitals


_INDEX = "Thread-Topic: {topic}\r\nThread-Index: AQHa0{serial:06d}V2hhdCBpcyB0aGlzPw==\r\n"
CLIENTS = (
    Client("gmail", "Re: ", subjects.base64_words, bodies.gmail, "CAJx{serial}=+Zb_kQ8w@mail.gmail.test"),
    Client("gmail app", "Re: ", subjects.base64_words, bodies.gmail, "CAF{serial}+9cWr=fA@mail.gmail.test"),
    Client("outlook", "AW: ", subjects.latin_words, bodies.outlook, "{serial}f0d1$8a@cust.test", extra=_INDEX + "X-Mailer: Microsoft Outlook 16.0\r\n"),
    Client("outlook on the web", "RE: ", subjects.latin_words, bodies.outlook_web, "AM0PR{serial}MB4@eurprd04.outlook.test", extra=_INDEX),
    Client("outlook mobile", "Re: ", subjects.quoted_words, bodies.outlook_mobile, "DB7P{serial}MB3@eurprd01.outlook.test", extra=_INDEX),
    Client("apple mail", "Re: ", subjects.plain, bodies.apple, "{serial:08X}-33A1-4B6E-A5F0@cust.test"),
    Client("ios", "Re: ", subjects.plain, bodies.ios, "{serial:08X}-91D2-4C5B-8E11@cust.test"),
    Client("thunderbird", "Re: ", subjects.plain, bodies.thunderbird, "{serial}-7c1d-8f@cust.test", flowed=True),
    Client("yahoo", "Re: ", subjects.quoted_words, bodies.yahoo, "{serial}.778899@mail.yahoo.test"),
    Client("proton", "Re: ", subjects.latin_words, bodies.proton, "k{serial}Zt_=@proton.test", noise="Wq{serial}_==@protonmail.internalid"),
    Client("notes", "Antwort: ", subjects.plain, bodies.notes, "OF{serial}.1A2B-ONC1258@cust.test", cites=("In-Reply-To",), shouts=True),
    Client("zimbra", "Re: ", subjects.quoted_words, bodies.zimbra, "{serial}.55.JavaMail.zimbra@cust.test"),
    Client("a ticket system", "[Ticket 55] Re: ", subjects.tabbed, bodies.ticket_system, "rt-5.0-{serial}-55@tickets.cust.test", cites=("References",), noise="rt-{serial}-55-0@tickets.cust.test"),
)  # fmt: skip


def answer(client: Client, sent: Sent, kinds: Collection[EvidenceKind], words: str = WORDS) -> tuple[bytes, str]:
    """(the mail, its envelope recipient): an answer of Anna's in which only these kinds of evidence are left."""
    serial = next(_serials)
    ids = {"root": sent.root, "message_id": sent.own, "own_message_id": sent.message_id}
    cited = [id_ for kind, id_ in ids.items() if kind in kinds]
    cited = [*([client.noise.format(serial=serial)] if client.noise else []), *cited]
    to = sent.reply_to if "reply_address" in kinds else sent.mailbox
    subject = client.prefix + (sent.subject if "subject_tag" in kinds else base_subject(sent.subject, "HO"))
    headers = {
        "From": "Anna <anna@cust.test>",
        "To": f'"{bodies.DESK}" <{to.upper() if client.shouts else to}>',
        "Subject": client.encode(subject),
        "Date": "Mon, 2 Mar 2026 12:00:00 +0100",
        "Message-ID": f"<{client.message_id.format(serial=serial)}>",
        "In-Reply-To": f"<{cited[-1]}>" if cited and "In-Reply-To" in client.cites else "",
        "References": "\r\n ".join(f"<{id_}>" for id_ in cited) if "References" in client.cites else "",
        "MIME-Version": "1.0",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    head += client.extra.format(
        serial=serial, topic=client.encode(subject.removeprefix(client.prefix)) if "subject_tag" in kinds else "x"
    )
    return head.encode() + _content(client, *client.body(words, sent.text, to)), to.upper() if client.shouts else to


def _content(client: Client, text: str, html: str) -> bytes:
    if not html:
        return _part("plain", text, "; format=flowed" if client.flowed else "")
    parts = (_part("plain", text), _part("html", html))
    return (
        b'Content-Type: multipart/alternative; boundary="_000_b"\r\n\r\n'
        + b"".join(b"--_000_b\r\n" + part + b"\r\n" for part in parts)
        + b"--_000_b--\r\n"
    )


def _part(kind: str, text: str, more: str = "") -> bytes:
    head = f"Content-Type: text/{kind}; charset=utf-8{more}\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head.encode() + encodestring(text.encode()).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def conversation(gateway: Gateway) -> Sent:
    """Anna has written, citing a mail nobody here knows; support has answered; she has that answer before her."""
    first = mail("The printer is broken.", subject=SUBJECT, References=f"<{ROOT}>")
    tag = gateway.receive(first)["ticket"]
    gateway.support_replies(tag, "Please restart it.\n\nYours, Gina")
    rows = [row["id"] for row in gateway.outbox() if row["recipient"] == "anna@cust.test"]
    for id_ in rows:  # in the order they go out
        letter = one_row.claim(gateway.store, id_, "test", now())
        assert letter is not None
        one_row.accept(gateway.store, id_, "test", "250 ok", now())
    desk, blobs = gateway.config.desks["hosting"], gateway.store.blobs
    raw = compose(letter, desk, secret=gateway.config.secret, read_blob=blobs.get).content
    read = message_from_bytes(raw, policy=policy.default)
    body = read.get_body(("plain",))  # type: ignore[attr-defined]
    return Sent(
        message_id=str(read["Message-ID"]).strip("<>"), reply_to=parseaddr(str(read["Reply-To"]))[1],
        mailbox=parseaddr(str(read["From"]))[1], subject=str(read["Subject"]), text=str(body.get_content()),
        own=str(first["Message-ID"]).strip("<>"),
    )  # fmt: skip
