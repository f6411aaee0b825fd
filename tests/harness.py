"""A gateway in one process: mail in by the journal, the filer run at once, the outbox to look at."""

from __future__ import annotations

from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import Any

from gateway.filer import Filer
from gateway.studying import Students
from store import journal, ledgers, loading, people, views
from store.apply import Applied, apply
from store.clock import now
from store.commands import Author, Command, NewMessage, SupportReply
from store.config import Config
from store.database import Store
from store.errors import NotFound
from store.journal import Incoming
from store.load_form import Loaded
from store.rules.addressing import Place
from store.rules.tokens import Token, sign

_ids = count(1)


def mail(
    text: str = "Hello", *, sender: str = "Anna <anna@cust.test>", to: str = "support@desk.test", subject: str = "Printer broken",
    **headers: str,
) -> EmailMessage:  # fmt: skip
    """A plain message; header names with underscores for dashes, as in `In_Reply_To`."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Message-ID"] = f"<m{next(_ids)}.{id(message):x}@cust.test>"
    message["Date"] = "Mon, 02 Mar 2026 10:00:00 +0000"
    for name, value in headers.items():
        del message[name.replace("_", "-")]
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def tell_at_once(folder: Path) -> None:
    """Changes the desk files: staff get each mail by itself, however many there are, so that mails can be counted."""
    for desk in (folder / "desks").iterdir():
        desk.write_text(desk.read_text().replace("[notify]\n", "[notify]\nburst = 0\nnew_per_hour = 0\n"))


class Gateway:
    """What the tests drive."""

    def __init__(self, config: Config, store: Store) -> None:
        self.config = config
        self.store = store
        self.filer = Filer(config, store, Students(store.blobs, workers=0))

    def load(self, **everything: Any) -> None:
        loaded = Loaded(**everything)
        loading.load(self.store, self.config, loaded, self.config.folder / "people.json", now())

    def receive(
        self, message: EmailMessage | bytes, *to: str, sender: str = "envelope@cust.test", door: str = "smtp",
        peer: str = "", helo: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Journals a mail, files it, and gives its journal row as JSON (of the last desk when there are several)."""
        raw = message if isinstance(message, bytes) else bytes(message).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        routes: dict[str, list[str]] = {}
        for address in to or ("support@desk.test",):
            place = self.config.addresses.locate(address)
            assert isinstance(place, Place), f"{address} is no mailbox"
            routes.setdefault(place.desk, []).append(address)
        incoming = Incoming(door, now(), sender, tuple((d, tuple(a)) for d, a in routes.items()), raw, peer, helo)
        journal.append(self.store, [incoming])
        self.file()
        return self.journal()[-1]

    def file(self) -> None:
        while self.filer.file_next():
            pass

    def journal(self) -> list[dict[str, Any]]:
        return ledgers.journal(self.store, self.config)

    def ticket(self, tag: str) -> dict[str, Any]:
        with self.store.read() as connection:
            row, _ = views.find_ticket(connection, self.config, tag)
            return views.ticket(connection, self.config, row)

    def tickets(self) -> list[dict[str, Any]]:
        with self.store.read() as connection:
            return views.tickets(connection, self.config)

    def outbox(self) -> list[dict[str, Any]]:
        with self.store.read() as connection:
            return ledgers.outbox(connection, self.config)

    def told(self) -> list[tuple[str, str]]:
        """Who was promised which mail, in order."""
        return [(row["recipient"], row["template"]) for row in self.outbox()]

    def apply(self, command: Command) -> Applied:
        with self.store.write() as connection:
            return apply(connection, self.config, command, now())

    def support_replies(
        self, tag: str, text: str = "Please restart it.", agent: str = "gina@desk.test", **options: Any
    ) -> None:
        self.apply(SupportReply(self.id_of(tag), NewMessage(Author(agent, "Gina"), text), **options))

    def id_of(self, tag: str) -> int:
        with self.store.read() as connection:
            return int(views.find_ticket(connection, self.config, tag)[0].id)

    def person(self, email: str) -> int:
        with self.store.read() as connection:
            found = people.find(connection, email)
        if found is None:
            raise NotFound(email)
        return found.id

    def reply_address(self, tag: str, email: str, mailbox: str = "support@desk.test") -> str:
        """The signed address this person answers to on this ticket."""
        token = sign(Token("reply", self.id_of(tag), self.person(email)), self.config.secret)
        return mailbox.replace("@", f"+{token}@")


PEOPLE: dict[str, Any] = {
    "organizations": [{"key": "acme", "desk": "hosting", "name": "Acme"}],
    "people": [
        {"email": "anna@cust.test", "name": "Anna", "organization": "acme"},
        {"email": "boss@cust.test", "name": "Boss", "organization": "acme", "role": "admin"},
        {"email": "gone@cust.test", "name": "Gone", "organization": "acme", "status": "inactive"},
    ],
    "agents": [
        {"email": "gina@desk.test", "name": "Gina", "desk": "hosting"},
        {"email": "billy@desk.test", "name": "Billy", "desk": "hosting", "departments": ["Billing"]},
    ],
}
