"""The mails of a round, and by hand what must become of each; what a mail waits for, it takes from the relay's log."""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import parseaddr
from hashlib import sha256
from random import Random

from tests.crash.people import ANNA, BOSS, CARL, DEVICES, EDDA, GINA, HOSTING, STRANGER
from tests.crash.records import Expected, Relayed, Sent, Told
from tests.crash.relay import Relay
from tests.crash.sender import Route

Names = tuple[tuple[str, str], ...]
_LARGE = 70 * 1024  # bytes; the journal keeps what is above 64 KB as a file
EXTRAS = ("large", "files", "two_desks", "twice", "stranger", "automatic", "bounce", "lmtp", "imap")
ANSWERS = ("automatic", "bounce")  # extras that wait for what the opening brings about


@dataclass(frozen=True)
class Waits:
    """The `number`-th mail to a person in the thread of a mail of this scenario."""

    recipient: str
    about: str
    number: int = 1


@dataclass(frozen=True)
class Mail:
    """A mail to be sent; `make` gets the relayed mail it answers, if it answers one."""

    key: str
    make: Callable[[Relayed | None], tuple[bytes, Route]]
    expected: tuple[Expected, ...]
    waits: Waits | None = None
    times: int = 1


@dataclass
class Letter:
    """A mail as its author wrote it. Put together by hand: the library's policies take 5 ms a mail."""

    headers: dict[str, str]
    text: str
    files: list[tuple[str, bytes]] = field(default_factory=list)

    def __bytes__(self) -> bytes:
        plain = f"Content-Type: text/plain; charset=us-ascii\n\n{self.text}\n"
        body = plain
        if self.files:
            parts = [plain, *(_ATTACHED.format(name=n, content=encodebytes(c).decode()) for n, c in self.files)]
            body = 'Content-Type: multipart/mixed; boundary="=-="\n\n'
            body += "".join(f"--=-=\n{part}\n" for part in parts) + "--=-=--\n"
        head = "".join(f"{name}: {value}\n" for name, value in self.headers.items())
        return f"{head}MIME-Version: 1.0\n{body}".replace("\n", "\r\n").encode()


_ATTACHED = """Content-Type: application/octet-stream
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="{name}"

{content}"""


@dataclass(frozen=True)
class Scenario:
    mails: tuple[Mail, ...]
    prefix: str = field(default="")

    def message_id(self, key: str) -> str:
        return f"<{self.prefix}.{key}@cust.test>"


def scenario(prefix: str, depth: int, extras: tuple[str, ...], chance: Random) -> Scenario:
    """A conversation of `depth` mails (opening, customer's reply, agent's reply, and so on) and some mails beside it."""
    maker = _Maker(prefix, chance)
    mails = [maker.opening("open")]
    mails += [maker.turn(number) for number in range(2, depth + 1)]
    for place, extra in enumerate(extras):
        mails.append(getattr(maker, extra)(f"{extra}{place}"))
    return Scenario(tuple(mails), prefix)


def told(**by_template: str) -> Told:
    """Who must be told: template=addresses, separated by blanks."""
    return frozenset((who, template) for template, people in by_template.items() for who in people.split())


_OPENED = told(confirmation=ANNA, staff_notice=GINA)


class _Maker:
    def __init__(self, prefix: str, chance: Random) -> None:
        self._prefix, self._chance = prefix, chance

    def opening(self, key: str) -> Mail:
        """Anna writes with Carl on Cc, who is then told of everything that follows."""
        message = self._message(key, ANNA, HOSTING, cc=CARL)
        return self._mail(key, message, Expected("hosting", "new", _OPENED))

    def turn(self, number: int) -> Mail:
        """Even turns are Anna's, odd ones Gina's; each answers the last mail of the one before."""
        key = f"turn{number}"
        if number % 2 == 0:
            # Anna has a confirmation, then one answer for every turn of Gina's.
            answered = Waits(ANNA, "open", number // 2)
            expected = Expected("hosting", "reply", told(staff_notice=GINA, cc_copy=CARL), on="open")
            return self._answer(key, ANNA, answered, expected)
        answered = Waits(GINA, "open", number // 2 + 1)
        expected = Expected("hosting", "reply", told(staff_reply=ANNA, cc_copy=CARL), on="open")
        return self._answer(key, GINA, answered, expected)

    def large(self, key: str) -> Mail:
        """Above the size that the journal keeps in its row, with an attachment that is kept and one that is refused."""
        message = self._message(key, BOSS, HOSTING, text=self._words(_LARGE))
        files = (self._attach(message, "report.txt", 9000), self._attach(message, "setup.exe", 600))
        expected = Expected(
            "hosting", "new", told(confirmation=BOSS, staff_notice=GINA), files=files, event="attachment_refused"
        )
        return self._mail(key, message, expected)

    def files(self, key: str) -> Mail:
        """Three files, so that the filer writes three blobs."""
        message = self._message(key, BOSS, HOSTING)
        files = tuple(self._attach(message, f"part{place}.txt", 300 * place) for place in (1, 2, 3))
        expected = Expected("hosting", "new", told(confirmation=BOSS, staff_notice=GINA), files=files)
        return self._mail(key, message, expected)

    def two_desks(self, key: str) -> Mail:
        """One mail, two desks, two tickets."""
        message = self._message(key, ANNA, f"{HOSTING}, {DEVICES}")
        return self._mail(
            key,
            message,
            Expected("hosting", "new", _OPENED),
            Expected("devices", "new", told(confirmation=ANNA, staff_notice=EDDA)),
        )

    def twice(self, key: str) -> Mail:
        """A sender that never heard our 250 and asks again, although we said it."""
        made = self._mail(key, self._message(key, BOSS, HOSTING), Expected("hosting", "new", told(confirmation=BOSS, staff_notice=GINA)))  # fmt: skip
        return replace(made, times=2)

    def stranger(self, key: str) -> Mail:
        address = STRANGER.replace("@", f"-{key}@")  # one each: automatic answers to a stranger are counted
        expected = Expected("hosting", "new", told(confirmation=address, staff_notice=GINA))
        return self._mail(key, self._message(key, address, HOSTING), expected)

    def automatic(self, key: str) -> Mail:
        """Anna's absence note, to the signed address of her confirmation: kept on the ticket, answered to nobody."""
        expected = Expected("hosting", "auto", on="open")
        return self._answer(key, ANNA, Waits(ANNA, "open"), expected, **{"Auto-Submitted": "auto-replied"})

    def bounce(self, key: str) -> Mail:
        """The report that Gina's notice could not be delivered: an event of the ticket, no message."""
        expected = Expected("hosting", "bounce", on="open", message=False, event="delivery_failed")

        def make(about: Relayed | None) -> tuple[bytes, Route]:
            assert about is not None
            raw = _REPORT.format(id=f"{self._prefix}.{key}", to=about.sender, who=about.recipient, mark=f"m{key}")
            return raw.replace("\n", "\r\n").encode(), Route("", ((about.sender, "hosting"),))

        return Mail(key, make, (expected,), Waits(GINA, "open"))

    def lmtp(self, key: str) -> Mail:
        """By LMTP to two desks: an answer for each."""
        made = self.two_desks(key)

        def make(about: Relayed | None) -> tuple[bytes, Route]:
            raw, route = made.make(about)
            return raw, replace(route, lmtp=True)

        return replace(made, make=make)

    def imap(self, key: str) -> Mail:
        """Into the mailbox that the gateway fetches from."""
        made = self._mail(key, self._message(key, BOSS, HOSTING), Expected("hosting", "new", told(confirmation=BOSS, staff_notice=GINA)))  # fmt: skip

        def make(about: Relayed | None) -> tuple[bytes, Route]:
            raw, route = made.make(about)
            return raw, replace(route, imap=True)

        return replace(made, make=make)

    def _answer(self, key: str, sender: str, waits: Waits, expected: Expected, **headers: str) -> Mail:
        def make(about: Relayed | None) -> tuple[bytes, Route]:
            assert about is not None
            head = about.head
            address = parseaddr(head["Reply-To"])[1]
            message = self._message(key, sender, address, subject=" ".join(["Re:", *head["Subject"].split()]))
            message.headers |= {"In-Reply-To": head["Message-ID"], **headers}
            return bytes(message), Route(sender, ((address, "hosting"),))

        return Mail(key, make, (expected,), waits)

    def _mail(self, key: str, message: Letter, *expected: Expected) -> Mail:
        places = {"hosting": HOSTING, "devices": DEVICES}
        route = Route(message.headers["From"], tuple((places[e.desk], e.desk) for e in expected))
        raw = bytes(message)
        return Mail(key, lambda _: (raw, route), expected)

    def _message(self, key: str, sender: str, to: str, subject: str = "", text: str = "", cc: str = "") -> Letter:
        headers = {"From": sender, "To": to, "Subject": subject or f"Trouble {key}"}
        if cc:
            headers["Cc"] = cc
        headers["Message-ID"] = f"<{self._prefix}.{key}@cust.test>"
        headers["Date"] = "Mon, 02 Mar 2026 10:00:00 +0000"
        return Letter(headers, text or self._words(200))

    def _attach(self, letter: Letter, name: str, size: int) -> tuple[str, str]:
        content = (self._words(size) + name).encode()
        if name.endswith(".exe"):
            content = b"MZ" + content
        letter.files.append((name, content))
        return sha256(content).hexdigest(), "refused" if name.endswith(".exe") else "accepted"

    def _words(self, size: int) -> str:
        words = " ".join(self._chance.choices(("printer", "smoke", "again", "since", "Monday", "please", "help"), k=40))
        return ((f"{words}\n") * (size // len(words) + 1))[:size]


async def sending(mail: Mail, scenario: Scenario, relay: Relay) -> tuple[Sent, Route]:
    """The mail as it goes out, as soon as what it answers has come."""
    about = None
    if mail.waits is not None:
        about = await relay.mail(mail.waits.recipient, scenario.message_id(mail.waits.about), mail.waits.number)
    raw, route = mail.make(about)
    return Sent(mail.key, raw, mail.expected), route


_REPORT = """From: Mail Delivery Subsystem <mailer-daemon@cust.test>
To: {to}
Subject: Undelivered Mail Returned to Sender
Message-ID: <{id}@cust.test>
Date: Mon, 02 Mar 2026 10:00:00 +0000
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="{mark}"

--{mark}
Content-Type: text/plain

The following address failed: <{who}>

--{mark}
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.cust.test

Final-Recipient: rfc822; {who}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--{mark}--
"""
