"""The parts of a gateway as processes of a round: the real ones, with shorter pauses, and armed to die at a point."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from gateway import filer as filing
from gateway import imap, imap_fetcher
from gateway.filer import Filer
from gateway.lmtp import LmtpDoor
from gateway.smtp import Door, loop_factory
from gateway.studying import Students
from store import crash, journal, outbox, outcomes
from store.config import Config
from store.database import Store, open_store
from store.journal_writer import JournalWriter
from store.settings import ImapSection, LmtpSection, PosternSection, RelaySection, Settings, SmtpSection
from tests.crash.people import HOSTING
from tests.stores import lend_statements
from workers import retry, worker
from workers.relay import read_account
from workers.relay_session import Patience
from workers.relay_smtp import SmtpRelay
from workers.worker import WorkerProcess

Report = Callable[..., None]


@dataclass(frozen=True)
class Order:
    """What a part is told when it is started."""

    part: str
    folder: str
    arm: str
    relay: int
    threads: int
    lease: float | None
    imap: int = 0  # port of the server that mail is fetched from


def hurry(lease: float | None) -> None:
    """All pauses that a round would spend waiting, and no other change to the product."""
    filing.POLL, filing.PAUSE = 0.03, 0.03
    imap_fetcher._PAUSE, imap_fetcher._LONGEST = 0.02, 0.05
    worker._EVERY, worker._GAP = 0.04, 0.002
    worker._AGAIN, worker._LOST = 0.5, 0.25
    worker._KEEP = 0.1
    retry._PAUSES = tuple((kind, tuple(0.02 for _ in pauses)) for kind, pauses in retry._PAUSES)
    if lease is not None:
        outbox.LEASE = timedelta(seconds=lease)


def with_statements_of(warm: Store) -> Callable[[Config], Store]:
    """Opens stores that know the compiled statements of another one: compiling them anew takes a part 30 ms."""

    def opened(config: Config) -> Store:
        store = open_store(config)
        for engine, former in ((store.main, warm.main), (store.journal, warm.journal)):
            lend_statements(former, engine)
        return store

    return opened


def config_of(folder: Path, relay: int = 25, imap: int = 0) -> Config:
    """The configuration of a round's folder."""
    mailbox = ImapSection(
        host="127.0.0.1", port=imap or 143, tls="off", user=HOSTING, password_file=Path("password"), after="move:Done", poll=1
    )  # fmt: skip
    settings = Settings(
        postern=PosternSection(data=Path("var")),
        smtp=SmtpSection(listen="127.0.0.1:0"),
        lmtp=LmtpSection(listen="127.0.0.1:0"),
        imap=(mailbox,),
        relay=RelaySection(url=f"smtp://127.0.0.1:{relay}?tls=off"),
    )
    return Config(settings, folder, folder / "postern.toml")


@dataclass(frozen=True)
class Warm:
    """What is made once for all parts: the relay's context, as reading certificates takes 20 ms, and a way to open stores."""

    tls: ssl.SSLContext
    open: Callable[[Config], Store]


def run(order: Order, report: Report, warm: Warm) -> None:
    """A part, until it is killed."""
    hurry(order.lease)
    os.umask(0o077)
    config = config_of(Path(order.folder), order.relay, order.imap)
    crash.arm(order.arm)
    if order.part == "filer":
        _filer(config, report, warm)
    elif order.part == "worker":
        _worker(config, order.threads, report, warm)
    elif order.part == "imap":
        _imap(config, report, warm)
    else:
        _door(config, LmtpDoor if order.part == "lmtp" else Door, report, warm)


def _door(config: Config, kind: type[Door], report: Report, warm: Warm) -> None:
    store = warm.open(config)
    journal.never_reuse(store, outcomes.newest_known(store))

    async def serve() -> None:
        writer = JournalWriter(store)
        door = kind(config, writer)
        await door.start()
        report(ready=door.address[1])
        await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve())


def _filer(config: Config, report: Report, warm: Warm) -> None:
    store = warm.open(config)
    report(ready=0)
    Filer(config, store, Students(store.blobs, workers=0)).run(threading.Event())


def _imap(config: Config, report: Report, warm: Warm) -> None:
    store = warm.open(config)
    report(ready=0)
    imap.run(config, store, threading.Event())


def _worker(config: Config, threads: int, report: Report, warm: Warm) -> None:
    relay = SmtpRelay(read_account(config.settings.relay.url), Patience(5, 5, 5, 5), warm.tls)
    worker.open_store = warm.open
    connections = max(1, threads // 2)  # as under `postern serve`, where threads wait for one
    process = WorkerProcess(config, threads=threads, connections=connections, relay=relay)
    process.start()
    report(ready=0)
    while True:
        signal.pause()
