"""Commands about who is heard: spam, unspam, block, unblock, blocked, release; and forward, which asks somebody outside."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.caring import Agent, Tag
from gateway.cli.options import AsJson, ConfigFile, load_config, opened

Desk = Annotated[str, typer.Option("--desk", metavar="NAME", help="The desk, such as hosting.")]
Pattern = Annotated[str, typer.Argument(metavar="PATTERN", help="An address, or a domain written as @example.com.")]


def add_to(app: typer.Typer) -> None:
    """Adds these commands."""
    for command in (spam, unspam, block, unblock, blocked, release, forward):
        app.command()(command)


def spam(tag: Tag, agent: Agent, config: ConfigFile = None) -> None:
    """Mark a ticket as spam: closed, out of sight, and nobody is told."""
    from gateway.cli.agents import care_for
    from store.commands import MarkSpam

    told = care_for(config, tag, agent, MarkSpam)
    typer.echo(f"{told['tag']} is marked as spam")


def unspam(tag: Tag, agent: Agent, config: ConfigFile = None) -> None:
    """Say that a ticket is no spam: it is again what it was."""
    from gateway.cli.agents import care_for
    from store.commands import UnmarkSpam

    told = care_for(config, tag, agent, UnmarkSpam)
    typer.echo(f"{told['tag']} is no spam, and {told['label']}")


def block(pattern: Pattern, desk: Desk, agent: Agent, config: ConfigFile = None) -> None:
    """Keep mail of a sender or domain without a word to anybody from now on."""
    _change_block(pattern, desk, agent, config, blocked=True)
    typer.echo(f"{pattern} is blocked at {desk}")


def unblock(pattern: Pattern, desk: Desk, agent: Agent, config: ConfigFile = None) -> None:
    """Take mail of a blocked sender or domain again."""
    _change_block(pattern, desk, agent, config, blocked=False)
    typer.echo(f"{pattern} is not blocked at {desk}")


def _change_block(pattern: str, desk: str, agent: str, config: ConfigFile, *, blocked: bool) -> None:
    from gateway.cli.agents import find_agent, find_desk
    from store.apply import apply
    from store.clock import now
    from store.commands import BlockSender, UnblockSender

    with opened(config) as (settings, store), store.write() as connection:
        by = find_agent(connection, find_desk(settings, desk), agent)
        command = BlockSender(desk, pattern, by) if blocked else UnblockSender(desk, pattern, by)
        apply(connection, settings, command, now())


def blocked(
    desk: Annotated[str | None, typer.Option("--desk", metavar="NAME", help="Only this desk.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """List the blocked senders and domains."""
    from gateway.cli.agents import find_desk
    from gateway.cli.reading import show
    from store import blocking

    if desk:
        find_desk(load_config(config), desk)
    with opened(config) as (_settings, store), store.read() as connection:
        rows = blocking.blocked(connection, desk)
    show(rows, as_json, ("desk", "pattern", "by", "at"), "Nobody is blocked.")


def release(tag: Tag, agent: Agent, config: ConfigFile = None) -> None:
    """Release a held ticket: its sender is vouched for and gets the confirmation that waited."""
    from gateway.cli.agents import care_for
    from store.commands import ReleaseTicket

    told = care_for(config, tag, agent, ReleaseTicket)
    typer.echo(f"{told['tag']} of {told['requester']} is released")


def forward(
    tag: Tag,
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Somebody outside.")],
    agent: Agent,
    config: ConfigFile = None,
) -> None:
    """Ask somebody outside about a ticket, from standard input; what they answer is a note on it."""
    from gateway.cli.agents import care_for, written_words
    from store.commands import AskOutsider, Author, NewMessage

    text = written_words()
    told = care_for(
        config, tag, agent, lambda ticket, by: AskOutsider(ticket, NewMessage(by, text, channel="cli"), Author(to))
    )
    typer.echo(f"{to} is asked about {told['tag']}")
