"""`postern serve` and the parts it is made of, each of which can run alone."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.options import ConfigFile, opened
from gateway.cli.signals import StopFlag


def add_to(app: typer.Typer) -> None:
    """Adds these commands."""
    for command in (serve, smtp, filer, worker, portal):
        app.command()(command)


def serve(config: ConfigFile = None) -> None:
    """Run everything in one process tree until Ctrl-C or SIGTERM."""
    from gateway.cli.supervisor import Supervisor

    _log()
    from store import journal, outcomes

    with opened(config) as (settings, store):
        _ = settings.secret  # made, and the tables brought to this version, before any child needs them
        journal.never_reuse(store, outcomes.newest_known(store))
    Supervisor(settings).run()


def smtp(config: ConfigFile = None) -> None:
    """Run the SMTP door alone."""
    from gateway.smtp import run

    _log()
    from store import journal, outcomes

    with opened(config) as (settings, store):
        journal.never_reuse(store, outcomes.newest_known(store))
    run(settings)


def filer(
    config: ConfigFile = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that read mails.")] = 2,
) -> None:
    """Run the filer alone: it turns journalled mail into tickets."""
    from gateway.filer import Filer
    from gateway.studying import Students

    _log()
    with opened(config) as (settings, store):
        students = Students(store.blobs, workers)
        try:
            Filer(settings, store, students).run(StopFlag())
        finally:
            students.close()


def worker(config: ConfigFile = None) -> None:
    """Run the worker alone: it sends what the outbox holds."""
    from workers.worker import run

    _log()
    with opened(config) as (settings, _store):
        pass
    run(settings)


def portal(config: ConfigFile = None) -> None:
    """Run the web portal alone."""
    from gateway.portal.server import run

    _log()
    with opened(config) as (settings, store):
        run(settings, store)


def _log() -> None:
    from gateway.cli.logs import set_up

    set_up()
