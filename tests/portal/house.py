"""A house with four desks, a person of every role and tickets that hold everything a page must show or keep back."""

from __future__ import annotations

import re
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gateway.parse.html import clean_html
from gateway.portal.app import create_app
from gateway.portal.server import listener, make_server
from store import views
from store.apply import Applied, apply
from store.commands import (
    AddNote,
    Author,
    CloseTicket,
    CustomerReply,
    NewFile,
    NewLink,
    NewMessage,
    OpenTicket,
    RecordTrace,
    SupportReply,
    TakeTicket,
)  # fmt: skip
from store.config import Config
from store.database import Store
from store.loading import Loaded, load
from store.schema import Outbox, Person
from store.settings import PortalSection, Settings
from tests.conftest import installation
from tests.stores import open_lightly

PASSWORD = "correct horse"
HASHER = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
CHEAP = HASHER.hash(PASSWORD)

ANNA = Author("anna@weber.example", "Anna Weber")
KIM = Author("kim@partner.example", "Kim Sato")
MARIA = Author("maria@staff.example", "Maria Lopez")
ROLES = {
    "anonymous": None,
    "other": "mallory@foreign.example",
    "cc": KIM.email,
    "requester": ANNA.email,
    "member": "ben@weber.example",
    "admin": "otto@weber.example",
    "other-agent": "hugo@staff.example",
    "agent": MARIA.email,
}
PEOPLE: dict[str, Any] = {
    "organizations": [
        {"key": "weber", "desk": "equipment", "name": "Weber KG", "timezone": "Europe/Berlin"},
        {"key": "foreign", "desk": "equipment", "name": "Foreign Ltd"},
    ],
    "people": [
        {"email": ANNA.email, "name": ANNA.name, "organization": "weber"},
        {"email": "ben@weber.example", "name": "Ben Weber", "organization": "weber"},
        {"email": "otto@weber.example", "name": "Otto Weber", "organization": "weber", "role": "admin"},
        {"email": KIM.email, "name": KIM.name, "timezone": "Asia/Tokyo"},
        {"email": "mallory@foreign.example", "name": "Mallory", "organization": "foreign"},
    ],
    "agents": [
        {"email": MARIA.email, "name": MARIA.name, "desk": "equipment"},
        {"email": MARIA.email, "name": MARIA.name, "desk": "moving"},
        {"email": "hugo@staff.example", "name": "Hugo Brandt", "desk": "hosting"},
    ],
    "groups": [
        {"key": "hall", "organization": "weber", "name": "Hall 2",
         "grants": [{"email": "ben@weber.example", "right": "supervisor"}]},
        {"key": "line", "organization": "weber", "name": "Line 2", "parent": "hall",
         "grants": [{"email": ANNA.email, "right": "admin"}]},
    ],
    "assets": [
        {"key": "P-200", "organization": "weber", "group": "line", "kind": "machine", "name": "Pump of line 2", "model": "P2",
         "serial": "S-4711", "state": "active", "plan": "yearly", "renewal_date": "2026-12-10", "contract_end": "2026-12-10"},
        {"key": "P-300", "organization": "weber", "group": "hall", "kind": "machine"},
        {"key": "north/7", "organization": "weber", "state": "active", "plan": "monthly"},
    ],
}  # fmt: skip

PDF = b"%PDF-1.7 pump manual"
PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
LETTER = clean_html(
    "<p>It does. <b>I stand beside it</b>, see</p><img src='cid:Fan@kim' width=40 height=40 alt='the fan'>"
    "<p><img src='http://elsewhere.test/pixel.png' alt='our logo'><script>pwned()</script></p>"
)


@dataclass
class Clock:
    """Stands still until it is moved."""

    at: datetime = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **delta: float) -> datetime:
        self.at += timedelta(**delta)
        return self.at


@dataclass
class House:
    """An installation with a portal."""

    config: Config
    store: Store
    app: Starlette
    clock: Clock
    tickets: dict[str, Applied] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)

    def client(self, role: str = "anonymous", **options: Any) -> TestClient:
        """A browser, signed in as this role."""
        client = TestClient(self.app, follow_redirects=False, **options)
        if address := ROLES[role]:
            assert sign_in(client, address).status_code == 303
        return client

    def do(self, *commands: Any) -> Applied:
        """Applies commands, each a quarter of an hour after the one before; what the last left behind."""
        with self.store.write() as connection:
            return [apply(connection, self.config, it, self.clock.forward(minutes=15)) for it in commands][-1]

    def load(self, people: dict[str, Any]) -> None:
        """Loads people; everybody has the same password."""
        load(self.store, self.config, Loaded(**people), self.config.folder / "people.json", self.clock())
        with self.store.write() as connection:
            connection.execute(update(Person).values(password=CHEAP))

    def letters(self) -> list[dict[str, Any]]:
        """What the mails in the outbox are made from, oldest first."""
        with self.store.read() as connection:
            return list(connection.execute(select(Outbox.c.facts).order_by(Outbox.c.id)).scalars())

    def change(self, address: str, **values: Any) -> None:
        """Changes a person's row."""
        with self.store.write() as connection:
            connection.execute(update(Person).where(Person.c.email == address).values(**values))

    def file(
        self, name: str, content: bytes = PDF, refused: str | None = None, content_id: str | None = None
    ) -> NewFile:
        """A file of a message; its bytes are in the store unless it was refused."""
        digest = "0" * 64 if refused else self.store.blobs.put(content)
        verdict = "refused" if refused else "accepted"
        return NewFile(name, "text/html", len(content), digest, content_id=content_id, verdict=verdict, reason=refused)


def sign_in(client: TestClient, address: str, password: str = PASSWORD, path: str = "/") -> Any:
    """Opens a page, fills in the form that stands there and sends it."""
    page = client.get(path)
    return client.post(path, data={"form": token(page.text), "email": address, "password": password})


def token(html: str) -> str:
    """The hidden field of a form."""
    found = re.search(r'name="form" value="([^"]+)"', html)
    assert found, html
    return found[1]


def build(folder: Path) -> House:
    """The house with its tickets."""
    made = installation(folder, ("equipment", "infrastructure", "hosting", "moving"), "desk.test")
    settings = Settings(postern=made.settings.postern, portal=PortalSection(listen="127.0.0.1:0"))
    house = _open(Config(settings, made.folder, made.file), Clock())
    house.load(PEOPLE)
    _tell_stories(house)
    return house


def copy(house: House, folder: Path) -> House:
    """The same house in a folder of its own, as long as nobody writes to the first."""
    copytree(house.config.folder, folder, dirs_exist_ok=True)
    other = _open(Config(house.config.settings, folder, folder / "postern.toml"), Clock(house.clock.at))
    other.files |= house.files
    return other


def _open(config: Config, clock: Clock) -> House:
    store = open_lightly(config)
    return House(config, store, create_app(config, store, clock), clock)


def _tell_stories(house: House) -> None:
    pump = _open_pump(house)
    _answer_pump(house, pump)
    house.tickets["hosting"] = house.do(
        OpenTicket("hosting", "Disk full", NewMessage(ANNA, "error 500"), "Technical", "high", "technical@desk.test")
    )
    house.tickets["claims"] = house.do(
        OpenTicket(
            "equipment", "Re: [EQ#1001] Pump", NewMessage(Author("eve@evil.example", "pay@desk.test"), "let me in"),
            "Support", "medium", "support@desk.test", flags=("stranger", "unverified-sender"), answer=None,
            links=(NewLink("claims", pump.ticket or 0),),
        )
    )  # fmt: skip
    _number_files(house)


def _open_pump(house: House) -> Applied:
    text = (
        "Hello,\n\nthe pump of line 2 stops after ten minutes. The manual is attached, and there is a picture at "
        "https://pictures.example.com/pump?id=7&size=big.\n\n    E-17  overheated\n\nKind regards\nAnna"
    )
    opened = house.do(
        OpenTicket(
            "equipment", "Pump of line 2 stops after ten minutes",
            NewMessage(
                ANNA, text, hidden="-- \nAnna Weber\nWeber KG\n+49 30 1234567",
                files=(house.file("manual.pdf"), house.file("fix.exe", refused="files of type .exe are not accepted")),
            ),
            "Technical", "high", "technical@equipment.desk.test", cc=(KIM,),
        )
    )  # fmt: skip
    house.tickets["pump"] = opened
    assert opened.ticket
    return opened


def _answer_pump(house: House, opened: Applied) -> None:
    ticket = opened.ticket
    assert ticket
    house.do(TakeTicket(ticket, MARIA))
    note = NewMessage(
        MARIA, "INTERNAL-NOTE-SECRET: he never pays", html="<p>INTERNAL-NOTE-SECRET</p>",
        files=(house.file("note-secret.pdf"),), channel="cli",
    )  # fmt: skip
    house.do(AddNote(ticket, note))
    text = "Hello Anna,\n\nthat is the thermostat. Does the fan turn when you start the pump by hand?\n\nMaria"
    quoted = "> HIDDEN-NOTICE-SECRET: this mail points at EQ#1003"
    answer = NewMessage(
        MARIA, text, hidden=quoted, html=f"<p>{quoted}</p>", files=(house.file("Prüfplan für Pumpe.pdf"),)
    )
    house.tickets["answer"] = house.do(SupportReply(ticket, answer))
    trace = NewMessage(
        ANNA,
        "TRACE-SECRET: I am away",
        html="<p>TRACE-SECRET</p>",
        files=(house.file("trace-secret.pdf"),),
        auto="auto-reply",
    )
    house.do(RecordTrace(ticket, trace))
    picture = house.file("fan.png", PNG, content_id="fan@kim")
    house.do(CustomerReply(ticket, NewMessage(KIM, "It does. I stand beside it.", html=LETTER, files=(picture,))))
    house.do(CloseTicket(ticket, ANNA, "customer"))


def _number_files(house: House) -> None:
    with house.store.read() as connection:
        for ticket in house.tickets.values():
            row = views.ticket_row(connection, ticket.ticket or 0)
            for message in views.ticket(connection, house.config, row)["messages"]:
                house.files |= {file["filename"]: file["id"] for file in message["attachments"]}


@contextmanager
def serving(house: House) -> Iterator[str]:
    """The portal on a real port; its address."""
    with listener(house.config) as listening:
        server = make_server(create_app(house.config, house.store))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
