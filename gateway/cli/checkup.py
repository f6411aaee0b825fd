"""What `postern doctor` looks at: small checks, each with a name, a state and, where it is not well, what to change."""

from __future__ import annotations

import socket
import sqlite3
import ssl
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from gateway.parse.addresses import normalise_address
from gateway.proof.names import Dns, Lookups, Resolver, TooMany, Unanswered
from gateway.proof.signatures import Signatures
from store import migrate
from store.config import Config
from store.database import open_store
from store.errors import ConfigError, Temporary
from store.rules.desk import Desk
from workers.relay import account_of
from workers.relay_session import Patience, Session
from workers.signing import Signer

State = Literal["ok", "warn", "fail"]
# The first with the repairs of CVE-2026-1299 and CVE-2026-15308 of each line (threats 97), and of SQLite's WAL-reset bug
# (threats 89, https://sqlite.org/wal.html#walresetbug).
PYTHON = {(3, 11): 15, (3, 12): 14, (3, 13): 12, (3, 14): 3}
SQLITE = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
_PATIENCE = Patience(connect=10, command=20, block=20, dot=20)
_DNS_SECONDS = 15.0  # for all that is asked about one domain
_NOWHERE = ("test", "example", "invalid", "localhost")  # RFC 2606: no DNS knows them


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `advice` says what to change; empty when it is well."""

    name: str
    state: State
    found: str
    advice: str = ""


def check_all(config: Config, resolve: Resolver = Dns(), context: ssl.SSLContext | None = None) -> Iterator[Check]:
    """Everything that a configuration which could be read leads to, one after the other."""
    yield check_python(sys.version_info[:3])
    if config.settings.store.database == "sqlite":
        yield check_sqlite(sqlite3.sqlite_version_info)
    yield check_database(config)
    yield check_queue(config.settings.queue.broker)
    yield check_relay(config, context)
    yield check_base_url(config.base_url)
    for domain in sorted({address.rpartition("@")[2] for address in _senders(config.desks.values())}):
        yield from check_domain(config, domain, resolve)


def check_python(version: tuple[int, int, int]) -> Check:
    """Threats 97."""
    found, least = ".".join(map(str, version)), PYTHON.get(version[:2])
    if version[:2] > max(PYTHON) or (least is not None and version[2] >= least):
        return Check("Python", "ok", found)
    wanted = ", ".join(f"{line[0]}.{line[1]}.{patch}" for line, patch in PYTHON.items())
    return Check("Python", "warn", found, f"has known holes in reading mail and HTML; use one of {wanted} or newer")


def check_sqlite(version: tuple[int, int, int]) -> Check:
    """Threats 89."""
    found = ".".join(map(str, version))
    if version >= SQLITE[-1] or any(version[:2] == good[:2] and version >= good for good in SQLITE):
        return Check("SQLite", "ok", found)
    advice = (
        "may lose a commit when two connections meet around a checkpoint, rarely; use 3.51.3 or newer, or PostgreSQL"
    )
    return Check("SQLite", "warn", found, advice)


def check_database(config: Config) -> Check:
    """Whether the store opens, is writable and is of this version."""
    try:
        with closing(open_store(config)) as store:
            engines = {"main": store.main, "journal": store.journal}
            versions = {ledger: migrate.version(engine, ledger) for ledger, engine in engines.items()}  # type: ignore[arg-type]
            if not any(versions.values()) and store.sqlite:
                return Check("store", "ok", "is empty and is made at the first start")
            if versions != migrate.HEADS:
                return Check("store", "fail", f"its tables are of version {versions}", "run `postern migrate`")
            with store.write():
                pass
    except (Temporary, ConfigError, OSError, SQLAlchemyError) as error:
        words = str(getattr(error, "orig", error)).strip().split("\n")[0]
        return Check("store", "fail", words, "see [store] database, and who may write in the data folder")
    return Check("store", "ok", f"opens, at {migrate.HEADS['main']}")


def check_queue(broker: str) -> Check:
    """Whether something listens where the broker should be; without one, mails are sent all the same."""
    if broker == "local":
        return Check("queue", "ok", "local")
    url = urlsplit(broker)
    place = (url.hostname or "localhost", url.port or (6379 if url.scheme == "redis" else 5672))
    try:
        socket.create_connection(place, 5).close()
    except OSError as error:
        advice = "start it, or set [queue] broker; until then each worker sends what it finds itself"
        return Check("queue", "warn", f"nobody answers at {place[0]}:{place[1]}: {error.strerror or error}", advice)
    return Check("queue", "ok", f"{place[0]}:{place[1]} answers")


def check_relay(config: Config, context: ssl.SSLContext | None = None) -> Check:
    """Connects, secures and logs in as the worker does, and sends nothing (threats 77)."""
    url = config.settings.relay.url
    if url.startswith("maildir:"):
        return Check("relay", "warn", "mails are written to a folder and not sent", "set [relay] url to smtp://…")
    try:
        Session(account_of(config), _PATIENCE, context or ssl.create_default_context()).cut()
    except (Temporary, ConfigError, ValueError) as error:
        return Check("relay", "fail", str(error), "mails wait until it takes them; see [relay] url")
    return Check("relay", "ok", "takes the connection and the login")


def check_base_url(url: str) -> Check:
    """Links in mails start with it."""
    parts = urlsplit(url)
    if parts.hostname in ("127.0.0.1", "localhost", "::1"):
        return Check("base_url", "warn", url, "links in mails lead nowhere for others; set [postern] base_url")
    if parts.scheme != "https":
        return Check("base_url", "warn", url, "passwords and mails would pass in clear; put the portal behind https")
    return Check("base_url", "ok", url)


def check_domain(config: Config, domain: str, resolve: Resolver) -> Iterator[Check]:
    """What the DNS says of a domain that mails are sent from: where answers go, and who may send."""
    if domain.rpartition(".")[2] in _NOWHERE:
        yield Check(
            f"DNS of {domain}", "warn", "is a domain for tests", "give the mailboxes of the desk files real addresses"
        )
        return
    lookups = Lookups(resolve, _DNS_SECONDS)
    yield _record(
        f"MX of {domain}", lookups, domain, "MX", "", "answers to your mails reach no server; publish an MX record"
    )
    spf = "publish `v=spf1 … -all` naming your relay, or many will take your mails for forged"
    yield _record(f"SPF of {domain}", lookups, domain, "TXT", "v=spf1", spf)
    dmarc = "publish `v=DMARC1; p=none; rua=mailto:…` to begin with"
    yield _record(f"DMARC of {domain}", lookups, f"_dmarc.{domain}", "TXT", "v=DMARC1", dmarc)
    yield _check_dkim(config, domain, lookups)


def _record(name: str, lookups: Lookups, where: str, kind: str, start: str, advice: str) -> Check:
    try:
        found = [record for record in lookups.ask(where, kind) if record.lower().startswith(start.lower())]
    except (Unanswered, TooMany):
        return Check(name, "warn", "the DNS does not answer", "try again; see /etc/resolv.conf")
    if len(found) > 1 and kind == "TXT":
        return Check(name, "fail", f"{len(found)} records", "publish one: several count as none")
    return Check(name, "ok", found[0][:200]) if found else Check(name, "warn", f"no record at {where}", advice)


def _check_dkim(config: Config, domain: str, lookups: Lookups) -> Check:
    """Signs a mail and looks at it as its reader does."""
    name = f"DKIM of {domain}"
    mine = [key for key in config.dkim_keys if domain == key.domain or domain.endswith(f".{key.domain}")]
    if not mine:
        advice = "let the relay sign, or set [[relay.dkim]]"
        return Check(name, "warn", "Postern does not sign mails of this domain", advice)
    author = normalise_address(f"postern@{domain}")
    mail = (
        f"From: {author}\r\nTo: {author}\r\nSubject: doctor\r\nDate: Mon, 02 Nov 2026 09:00:00 +0000\r\n\r\nhello\r\n"
    )
    signed = Signatures(Signer(config.dkim_keys).sign(mail.encode()), author)
    results = [one.result for one in signed.check(signed.near, lookups)]
    if "pass" in results:
        return Check(name, "ok", "a mail signed by this key is believed")
    record = f"{mine[0].selector}._domainkey.{mine[0].domain}"
    return Check(
        name, "fail", f"readers say {results[0] if results else 'none'}", f"publish the key as TXT record {record}"
    )


def _senders(desks: Iterable[Desk]) -> Iterator[str]:
    for desk in desks:
        yield from (mailbox.address for mailbox in desk.mailboxes)


def unreadable(file: Path | None, error: ConfigError) -> Check:
    """The one check of a configuration that cannot be read."""
    return Check("configuration", "fail", str(error), f"correct {file or 'postern.toml'}")
