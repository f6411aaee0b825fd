"""Commands that change something: init, migrate, load, prefer, ingest, reply, drain, demo."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.options import ConfigFile, load_config, opened
from store.errors import BadInput, PosternError


def add_to(app: typer.Typer) -> None:
    """Adds these commands."""
    for command in (init, migrate, load, prefer, ingest, reply, drain, demo):
        app.command()(command)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write postern.toml and desks/.")],
    desk: Annotated[list[str] | None, typer.Option("--desk", metavar="NAME", help="A desk to set up; repeatable, default all.")] = None,
    domain: Annotated[str, typer.Option("--domain", metavar="DOMAIN", help="The mail domain of the desks.")] = "desk.test",
) -> None:  # fmt: skip
    """Write a configuration with the desks you choose; never overwrites anything."""
    from gateway.cli.setup import write_configuration

    for path in write_configuration(folder, desk or [], domain):
        typer.echo(f"wrote {path}")


def migrate(config: ConfigFile = None) -> None:
    """Bring the database to this version; `serve` does it by itself on SQLite."""
    from store.database import open_store
    from store.migrate import migrate as run

    settings = load_config(config)
    store = open_store(settings)
    for line in run(settings, store):
        typer.echo(line)
    store.close()


def load(
    file: Annotated[Path, typer.Argument(metavar="FILE.json", help="Organisations, people, agents, groups, tickets.")],
    config: ConfigFile = None,
) -> None:
    """Load people and tickets from JSON, all or nothing; repeatable, and mails nobody."""
    from store import loading
    from store.clock import now
    from store.load_form import read_file

    with opened(config) as (settings, store):
        counts = loading.load(store, settings, read_file(file), file, now())
    typer.echo(", ".join(f"{count} {kind}" for kind, count in counts.items()) or "nothing to load")


def prefer(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The person.")],
    choices: Annotated[list[str] | None, typer.Argument(metavar="CATEGORY=CHOICE...", help="Such as replies=hourly.")] = None,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Say how somebody wants to be told: each, hourly, daily or none; without a choice, show it."""
    from gateway.cli.telling import prefer as run

    with opened(config) as (settings, store):
        held = run(store, settings, email, choices or ())
    for category, choice in held.items():
        typer.echo(f"{category}={choice}")


def ingest(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The message; else standard input.")] = None,
    to: Annotated[list[str] | None, typer.Option("--to", metavar="ADDRESS", help="A mailbox; repeatable. Else from the headers.")] = None,
    sender: Annotated[str | None, typer.Option("--from", metavar="ADDRESS", help="The envelope sender.")] = None,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Put one message into the journal, for use behind a pipe.

    Exits 0 stored, 67 no such mailbox, 65 too large, 75 try again: a mail server acts on these by itself.
    """
    from gateway import pipe
    from gateway.answers import Answer, trouble

    if file and not file.is_file():
        raise BadInput(f"{file}: no such file")
    try:
        with opened(config) as (settings, store):
            enough = settings.settings.smtp.max_size + 1  # one byte more than is taken tells that it is too much
            with file.open("rb") if file else sys.stdin.buffer as source:
                code = pipe.ingest(settings, store, source.read(enough), to or [], sender)
    except Exception as error:  # a mail server would bounce the mail on any other code
        trouble(error, "pipe")
        with suppress(Exception):  # a mail server may have closed it
            sys.stderr.write(f"postern: {error}\n" if isinstance(error, PosternError) else "postern: try again later\n")
        code = Answer.TROUBLE.exit
    raise typer.Exit(code)


def reply(
    tag: Annotated[str, typer.Argument(help="Such as HO#1042.")],
    agent: Annotated[str, typer.Option("--agent", metavar="EMAIL", help="Who of the desk's staff writes.")],
    wait: Annotated[
        bool | None, typer.Option("--wait/--no-wait", help="Whether the customer has to answer; else as the desk says.")
    ] = None,
    note: Annotated[bool, typer.Option("--note", help="An internal note, never shown to the customer.")] = False,
    close: Annotated[bool, typer.Option("--close", help="Close the ticket; without text it is only closed.")] = False,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Write a staff reply or note on a ticket, from standard input."""
    from gateway.cli.replying import write_reply

    text = "" if sys.stdin.isatty() and close else sys.stdin.buffer.read().decode("utf-8", "replace")
    with opened(config) as (settings, store):
        typer.echo(write_reply(store, settings, tag, agent, text.strip(), wait=wait, note=note, close=close))


def drain(
    timeout: Annotated[float, typer.Option(metavar="S", min=0, help="Seconds to wait at most.")] = 60.0,
    config: ConfigFile = None,
) -> None:
    """Wait until journal and outbox have nothing due; exits 0 when idle, 1 when time ran out."""
    from store import outcomes, pending
    from store.clock import now

    deadline = time.monotonic() + timeout
    with opened(config) as (_settings, store):
        while True:
            mails, letters = outcomes.count_unfiled(store), pending.busy(store, now() + timedelta(minutes=1))
            if not mails and not letters:
                return
            if time.monotonic() >= deadline:
                raise BadInput(f"still waiting: {mails} to file, {letters} to send; is `postern serve` running?")
            time.sleep(0.1)


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the demo keeps its data; made anew each time.")] = Path("var/demo"),
    once: Annotated[bool, typer.Option("--once", help="End when the story is told, with 1 when it went wrong.")] = False,
) -> None:  # fmt: skip
    """Send sample mail of all five desks through a real gateway and show what becomes of it."""
    from gateway.cli.demo import run

    raise typer.Exit(run(folder, once))
