"""Commands about mail that does not arrive: resend, suppress, unsuppress, suppressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.caring import Agent
from gateway.cli.options import AsJson, ConfigFile, opened

if TYPE_CHECKING:
    from store.commands import SuppressAddress, UnsuppressAddress

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="Such as anna@customer.test.")]


def add_to(app: typer.Typer) -> None:
    """Adds these commands."""
    for command in (resend, suppress, unsuppress, suppressed):
        app.command()(command)


def resend(
    mail: Annotated[int, typer.Argument(metavar="ID", help="Of the mail, as `postern outbox` shows it.")],
    agent: Agent,
    lift: Annotated[bool, typer.Option("--unsuppress", help="Although its address gets no mail; it does from now on.")] = False,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Send a mail again that was refused, returned or kept back."""
    from gateway.cli.agents import find_work
    from store import ledgers
    from store.apply import apply
    from store.clock import now
    from store.commands import ResendMail

    with opened(config) as (settings, store), store.write() as connection:
        row = ledgers.mail(connection, settings, mail)
        _ticket, _desk, by = find_work(connection, settings, row["ticket"], agent)
        apply(connection, settings, ResendMail(mail, by, lift), now())
    typer.echo(f"mail {mail} to {row['recipient']} is sent again")


def suppress(address: Address, agent: Agent, config: ConfigFile = None) -> None:
    """Send no mail to an address from now on."""
    from store.commands import SuppressAddress

    _change(address, agent, config, SuppressAddress)
    typer.echo(f"{address} gets no mail")


def unsuppress(address: Address, agent: Agent, config: ConfigFile = None) -> None:
    """Send mail to a suppressed address again."""
    from store.commands import UnsuppressAddress

    _change(address, agent, config, UnsuppressAddress)
    typer.echo(f"{address} gets mail again")


def _change(address: str, agent: str, config: ConfigFile, make: type[SuppressAddress | UnsuppressAddress]) -> None:
    from gateway.cli.agents import find_any_agent
    from store.apply import apply
    from store.clock import now

    with opened(config) as (settings, store), store.write() as connection:
        apply(connection, settings, make(address, find_any_agent(connection, agent)), now())


def suppressed(as_json: AsJson = False, config: ConfigFile = None) -> None:
    """List the addresses that get no mail, and why."""
    from gateway.cli.reading import show
    from store import undelivered

    with opened(config) as (_settings, store), store.read() as connection:
        rows = undelivered.suppressed(connection)
    show(rows, as_json, ("address", "since", "hard", "why"), "Every address gets its mail.")
