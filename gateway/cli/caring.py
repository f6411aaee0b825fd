"""Commands by which staff care for tickets: open, assign, priority, move, merge, split, link, cc, undo."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from gateway.cli.options import ConfigFile, opened

Tag = Annotated[str, typer.Argument(metavar="TAG", help="Such as HO#1042.")]
Agent = Annotated[str, typer.Option("--agent", metavar="EMAIL", help="Who of the desk's staff does it.")]
Level = Literal["low", "medium", "high", "urgent"]


def add_to(app: typer.Typer) -> None:
    """Adds these commands."""
    for command in (open, assign, priority, move, merge, split, link, cc, undo):
        app.command()(command)


def open(
    desk: Annotated[str, typer.Option("--desk", metavar="NAME", help="The desk, such as hosting.")],
    customer: Annotated[str, typer.Option("--for", metavar="EMAIL", help="The customer.")],
    agent: Agent,
    subject: Annotated[str, typer.Option("--subject", metavar="TEXT", help="What it is about.")],
    department: Annotated[str | None, typer.Option("--department", metavar="NAME", help="Else that of the desk's main mailbox.")] = None,
    level: Annotated[Level | None, typer.Option("--priority", help="Else that of the department's mailbox.")] = None,
    cc: Annotated[list[str] | None, typer.Option("--cc", metavar="EMAIL", help="Who gets copies; repeatable.")] = None,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Open a ticket for a customer, from standard input; they get the confirmation with the text."""
    from gateway.cli.agents import written_words
    from gateway.cli.opening import open_ticket

    with opened(config) as (settings, store):
        told = open_ticket(
            store, settings, desk, customer, agent, subject, written_words(), department, level, cc or []
        )
    typer.echo(f"{told['tag']} is open for {told['requester']}")


def assign(
    tag: Tag,
    to: Annotated[str, typer.Option("--to", metavar="EMAIL", help="An agent of the desk, or me, or nobody.")],
    agent: Agent,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Give a ticket to an agent, who is told and thereby takes it up."""
    from gateway.cli.agents import care_for
    from store.commands import AssignTicket, Author

    def make(ticket: int, by: Author) -> AssignTicket:
        return AssignTicket(ticket, by, None if to == "nobody" else by if to == "me" else Author(to))

    told = care_for(config, tag, agent, make)
    typer.echo(f"{told['tag']} is assigned to {told['assignee'] or 'nobody'}")


def priority(
    tag: Tag, level: Annotated[Level, typer.Argument(help="How urgent it is.")], agent: Agent, config: ConfigFile = None
) -> None:  # fmt: skip
    """Say how urgent a ticket is."""
    from gateway.cli.agents import care_for
    from store.commands import SetPriority

    told = care_for(config, tag, agent, lambda ticket, by: SetPriority(ticket, by, level))
    typer.echo(f"{told['tag']} has the priority {told['priority']}")


def move(
    tag: Tag,
    agent: Agent,
    desk: Annotated[str | None, typer.Option("--desk", metavar="NAME", help="Another desk, where it gets a new number.")] = None,
    department: Annotated[str, typer.Option("--department", metavar="NAME", help="The department, there or here.")] = "",
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Move a ticket to another department or desk; mail to its old number follows."""
    from gateway.cli.agents import care_for
    from store.commands import MoveTicket

    if not desk and not department:
        raise typer.BadParameter("say where: --desk, --department or both")
    told = care_for(config, tag, agent, lambda ticket, by: MoveTicket(ticket, by, department, desk))
    typer.echo(f"{told['tag']} is at {told['desk']}, department {told['department']}")


def merge(
    tag: Tag,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The ticket it goes on with.")],
    agent: Agent,
    strangers: Annotated[bool, typer.Option("--strangers-too", help="Even of customers who have nothing to do with each other.")] = False,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Merge a ticket into another one of the desk: messages and people go along, mail to its number follows."""
    from gateway.cli.agents import care_for
    from store.commands import MergeTicket

    told = care_for(config, tag, agent, lambda ticket, by: MergeTicket(ticket, into, by, strangers))
    typer.echo(f"{tag} goes on as {told['tag']}")


def split(
    tag: Tag,
    messages: Annotated[list[int], typer.Argument(metavar="MESSAGE...", help="Ids of messages; `postern ticket TAG --json` shows them.")],
    subject: Annotated[str, typer.Option("--subject", metavar="TEXT", help="What the new ticket is about.")],
    agent: Agent,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Make a ticket of its own of some messages of a ticket."""
    from gateway.cli.agents import care_for
    from store.commands import SplitTicket

    told = care_for(config, tag, agent, lambda ticket, by: SplitTicket(ticket, by, tuple(messages), subject))
    typer.echo(f"{len(told['messages'])} of the messages are {told['tag']} now, of {told['requester']}")


def link(
    tag: Tag,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The ticket it has to do with.")],
    agent: Agent,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Let two tickets know each other, for staff."""
    from gateway.cli.agents import care_for
    from store.commands import LinkTickets

    told = care_for(config, tag, agent, lambda ticket, by: LinkTickets(ticket, other, by))
    typer.echo(f"{told['tag']} is linked with {', '.join(one['ticket'] for one in told['links'])}")


def cc(
    tag: Tag,
    agent: Agent,
    add: Annotated[list[str] | None, typer.Option("--add", metavar="EMAIL", help="Who gets copies from now on; repeatable.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="EMAIL", help="Who gets none any more; repeatable.")] = None,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Add people to the copies of a ticket, or take them off."""
    from gateway.cli.agents import care_for
    from store.commands import Author, ChangeCc

    if not add and not remove:
        raise typer.BadParameter("say whom: --add, --remove or both")
    added = tuple(map(Author, add or ()))
    told = care_for(config, tag, agent, lambda ticket, by: ChangeCc(ticket, by, added, tuple(remove or ())))
    typer.echo(f"copies of {told['tag']} go to {', '.join(told['cc']) or 'nobody'}")


def undo(tag: Tag, agent: Agent, config: ConfigFile = None) -> None:
    """Take back the last care of a ticket, for ten minutes: assign, priority, move, merge, split, link, cc, spam."""
    from gateway.cli.agents import care_for
    from store.commands import UndoLast

    told = care_for(config, tag, agent, UndoLast, at_old_desk=True)
    taken = next(event["old"] for event in reversed(told["events"]) if event["kind"] == "undone")
    typer.echo(f"taken back on {told['tag']}: {taken}")
