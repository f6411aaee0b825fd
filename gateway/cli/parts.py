"""`postern serve` and the parts it is made of, each of which can run alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import ConfigFile, opened
from gateway.cli.signals import StopFlag

if TYPE_CHECKING:  # as in `options`
    from store.config import Config
    from store.database import Store
    from store.parts import Pulse


def add_to(app: typer.Typer) -> None:
    """Adds these commands."""
    for command in (serve, smtp, lmtp, imap, filer, worker, portal, clock, tick):
        app.command()(command)


def serve(config: ConfigFile = None) -> None:
    """Run everything in one process tree until Ctrl-C or SIGTERM."""
    from gateway.cli.supervisor import Supervisor, senders_of

    _log()
    with opened(config) as (settings, store):
        _ = settings.secret  # made, and the tables brought to this version, before any child needs them
        _never_reuse(store)
    run = {part.__name__: part for part in (smtp, lmtp, imap, filer, portal, clock)}
    names = senders_of(settings)
    senders = {name: partial(_send, part=name, number=number, workers=len(names)) for number, name in enumerate(names)}
    Supervisor(settings, {**run, **senders}).run()


def smtp(config: ConfigFile = None) -> None:
    """Run the SMTP door alone."""
    from gateway.smtp import run

    with _part("smtp", config) as (settings, store, pulse):
        _never_reuse(store)
        run(settings, store, pulse.beat)


def lmtp(config: ConfigFile = None) -> None:
    """Run the LMTP door alone; it needs `[lmtp] listen`."""
    from gateway.lmtp import run

    with _part("lmtp", config) as (settings, store, pulse):
        _never_reuse(store)
        run(settings, store, pulse.beat)


def imap(config: ConfigFile = None) -> None:
    """Run the IMAP door alone: it fetches mail from each `[[imap]]` mailbox."""
    from gateway.imap import run

    with _part("imap", config) as (settings, store, pulse):
        run(settings, store, StopFlag(pulse.beat))


def filer(
    config: ConfigFile = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that read mails.")] = 2,
) -> None:
    """Run the filer alone: it turns journalled mail into tickets."""
    from gateway.filer import Filer
    from gateway.filters import Filters
    from gateway.studying import Students

    with _part("filer", config) as (settings, store, pulse):
        stop = StopFlag(pulse.beat)  # before there are readers to put away
        students = Students(store.blobs, workers, filters=Filters.of(settings))
        try:
            Filer(settings, store, students).run(stop)
        finally:
            students.close()


def worker(config: ConfigFile = None) -> None:
    """Run the worker alone: it sends what the outbox holds."""
    _send(config)


def portal(config: ConfigFile = None) -> None:
    """Run the web portal alone."""
    from gateway.portal.server import run

    with _part("portal", config) as (settings, store, pulse):
        run(settings, store, pulse.beat)


def clock(config: ConfigFile = None) -> None:
    """Run the clock alone: it does what is due by time, such as clearing away what a crash left."""
    from workers.clock import run

    with _part("clock", config) as (settings, store, pulse):
        run(settings, store, StopFlag(pulse.beat))


def tick(
    at: Annotated[
        str,
        typer.Option("--at", metavar="ISO8601", help="Such as 2026-03-02T09:00:00+01:00; without a zone UTC, a date alone its noon."),
    ],
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Do once everything that is due at a moment, as if it were now, and exit; also while the gateway runs.

    Mails this makes are due at once.
    """
    from datetime import UTC, datetime, time

    from workers.clock import tick as run

    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise typer.BadParameter(f"{at!r} is no moment such as 2026-03-02T09:00:00+01:00", param_hint="--at") from None
    if len(at) == len("2026-03-02"):
        moment = datetime.combine(moment.date(), time(12))
    _log()
    with opened(config) as (settings, store):
        run(settings, store, moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _send(config: Path | None, part: str = "worker", number: int = 0, workers: int = 1) -> None:
    from workers.worker import Share, run

    with _part(part, config) as (settings, _store, pulse):
        run(settings, StopFlag(pulse.beat), Share(number, workers))


@contextmanager
def _part(name: str, config: Path | None) -> Iterator[tuple[Config, Store, Pulse]]:
    """What a part works with; it shows that it lives by the pulse's `beat`."""
    from store.parts import Pulse

    _log()
    with opened(config) as (settings, store), Pulse(store, name) as pulse:
        yield settings, store, pulse


def _never_reuse(store: Store) -> None:
    from store import journal, outcomes

    journal.never_reuse(store, outcomes.newest_known(store))


def _log() -> None:
    from gateway.cli.logs import set_up

    set_up()
