"""A gateway for mail servers to hand mail to: an installation at example.com, its journal counted mail by mail."""

from __future__ import annotations

import smtplib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

from gateway.cli.setup import write_configuration
from gateway.smtp import Door, background
from store.config import Config, load
from store.database import Store
from store.journal import JournalRow, rows_after
from tests.harness import mail
from tests.stores import opened

_SENDERS = 4  # connections at a time to the server that is tried


@contextmanager
def house(folder: Path, toml: str = "", desks: Sequence[str] = ("hosting",)) -> Iterator[tuple[Config, Store]]:
    """An installation with these further lines in its postern.toml; several desks are at hosting.example.com and so on."""
    write_configuration(folder, desks, "example.com")
    file = folder / "postern.toml"
    names = {line for line in toml.splitlines() if line.startswith("[")}
    kept = [line for line in file.read_text().splitlines() if line not in names]
    file.write_text("\n".join([*kept, toml]))
    config = load(file)
    with opened(config) as store:
        yield config, store


@contextmanager
def door_of(kind: type[Door], folder: Path, toml: str) -> Iterator[Store]:
    """A door open as its document says, and what it stores."""
    with house(folder, toml) as (config, store), background(config, store, kind=kind, grace=2.0):
        yield store


def letters(count: int, start: int = 0) -> list[EmailMessage]:
    """So many mails, each known by its Message-ID."""
    made = []
    for number in range(start, start + count):
        one = mail(
            f"This is number {number}.\n.and a line with a dot\n", to="support@example.com", subject=f"Number {number}"
        )
        del one["Message-ID"]
        one["Message-ID"] = f"<{number}@cust.test>"
        made.append(one)
    return made


def hand_in(port: int, mails: list[EmailMessage], to: str = "support@example.com") -> None:
    """Sends all of them to the server on this port of ours, over a few connections."""

    def send(part: list[EmailMessage]) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
            for one in part:
                client.sendmail("anna@cust.test", [to], one.as_bytes())

    parts = [mails[place::_SENDERS] for place in range(_SENDERS)]
    with ThreadPoolExecutor(_SENDERS) as pool:
        for done in pool.map(send, filter(None, parts)):
            assert done is None


def stored(store: Store) -> list[JournalRow]:
    """All that the journal has."""
    rows: list[JournalRow] = []
    while more := rows_after(store, rows[-1].id if rows else 0, 1000):
        rows += more
    return rows


def by_message_id(store: Store) -> Counter[str]:
    """How often the journal has each mail."""
    return Counter(str(message_from_bytes(row.raw)["Message-ID"]) for row in stored(store))


def once_each(count: int) -> Counter[str]:
    """What `by_message_id` must say of `letters(count)`."""
    return Counter(f"<{number}@cust.test>" for number in range(count))
