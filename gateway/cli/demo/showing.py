"""The tables at the end of the demo; without a terminal they are plain and wide."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.cli.demo.checking import Became, Books
from gateway.cli.demo.house import House
from gateway.cli.demo.story import Story

_LOGINS = (
    ("customer", "tom@riverbend-bakery.example", "equipment", "sees the tickets of his company"),
    ("company admin", "priya@kestrel-analytics.example", "infrastructure", "is told of every ticket of the company"),
    ("supervisor", "liam@inshore-ferries.example", "devices", "looks, and changes nothing"),
    ("person in Cc", "karim@haddad-design.example", "hosting", "sees what he is copied on"),
    ("agent", "vera@crew.example", "hosting", "answers, notes, closes"),
    ("desk admin", "ines@crew.example", "equipment", "an agent who also keeps the desk"),
    ("closed account", "ruth@kestrel-analytics.example", "infrastructure", "is not let in"),
)


def screen() -> Console:
    """The terminal, or 170 plain columns for a file or a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=170, color_system=None, highlight=False)


def show(console: Console, story: Story, wrong: Iterable[str]) -> None:
    """Everything that happened, then what is wrong with the whole."""
    console.print(_steps(console, story.became))
    console.print(_mails(console, story.books))
    for desk in sorted({ticket["desk"] for ticket in story.books.tickets.values()}):
        console.print(_tickets(console, desk, story.books))
    console.print(_refused(console, story))
    for sentence in wrong:
        console.print(f"[red]WRONG[/] {escape(sentence)}")


def show_door(console: Console, house: House, once: bool) -> None:
    """Where the portal is, who may come in, and what to try; after a single run it says how to look around."""
    if once:
        console.print("The gateway is stopped again. `make demo` keeps it running, to sign in and to try it yourself.")
        return
    title = f"Portal: {house.portal}   (password of everybody: demo)"
    table = _table(console, title, "role", "log in as", "desk", "who")
    for row in _LOGINS:
        table.add_row(*row)
    console.print(table)
    postern = f"POSTERN_CONFIG={shlex.quote(_short(house.config))} {_program()}"
    for what, command in (
        ("write a mail", f"swaks --server 127.0.0.1:{house.smtp_port} --from you@example.org "
         "--to support@hosting.desk.test --header 'Subject: Hello' --body 'Is anybody there?'"),
        ("or without swaks", "printf 'From: you@example.org\\nSubject: Hello\\n\\nAnybody there?\\n' | "
         f"{postern} ingest --from you@example.org --to support@hosting.desk.test"),
        ("the tickets", f"{postern} tickets --json --desk hosting"),
        ("answer one", f"echo 'Yes, we are.' | {postern} reply 'HO#NUMBER' --agent vera@crew.example"),
        ("why a mail became what it is", f"{postern} explain 1"),
        ("the mails that went out", f"ls {shlex.quote(_short(house.maildir))}"),
    ):  # fmt: skip
        console.print(f"  [bold]{what}[/]")
        console.print(f"    {escape(command)}", soft_wrap=True, highlight=False)


def _steps(console: Console, steps: Iterable[Became]) -> Table:
    columns = ("", "name", "shows", "door", "outcome", "rule", "ticket", "label")
    table = _table(console, "What became of each mail", *columns)
    for became in steps:
        mark = "[red]✗[/]" if became.wrong else "[green]✓[/]"
        shows = escape(became.step.shows) + "".join(f"\n[red]{escape(sentence)}[/]" for sentence in became.wrong)
        door = " ".join(became.door.split()[:2])
        table.add_row(
            mark, became.step.name, shows, door, became.outcome or "-", became.rule, became.ticket, became.label
        )  # fmt: skip
    return table


def _mails(console: Console, books: Books) -> Table:
    table = _table(console, f"The {len(books.outbox)} mails that went out", "to", "template", "subject", "state")
    for row in books.outbox:
        mail = books.sent.get(row["message_id"].strip("<>"))
        subject = str(mail["Subject"]) if mail else "-"
        state = row["state"] if row["state"] == "accepted" else f"[yellow]{row['state']}[/]"
        table.add_row(escape(row["recipient"]), row["template"], escape(subject), state)
    return table


def _tickets(console: Console, desk: str, books: Books) -> Table:
    table = _table(
        console, f"Tickets of {desk}", "ticket", "subject", "from", "label", "priority", "department", "flags"
    )  # fmt: skip
    for ticket in sorted(books.tickets.values(), key=lambda ticket: int(ticket["number"])):
        if ticket["desk"] == desk:
            priority = ticket["priority"]
            table.add_row(
                ticket["tag"], escape(ticket["subject"] or "(no subject)"), escape(str(ticket["requester"])),
                ticket["label"], f"[red]{priority}[/]" if priority == "urgent" else priority, ticket["department"],
                ", ".join(ticket["flags"]),
            )  # fmt: skip
    return table


def _refused(console: Console, story: Story) -> Table:
    table = _table(console, "Refused files", "ticket", "file", "size", "reason")
    for tag, details in sorted(story.details.items()):
        for file in (a for message in details["messages"] for a in message["attachments"]):
            if file["verdict"] == "refused":
                table.add_row(tag, escape(file["filename"]), f"{file['size']:,}", escape(file["reason"] or ""))
    return table


def _table(console: Console, title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.ROUNDED if console.is_terminal else box.SIMPLE)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _program() -> str:
    """The command as it can be pasted."""
    beside = Path(sys.executable).with_name("postern")
    return shlex.quote(_short(beside)) if beside.exists() else f"{shlex.quote(sys.executable)} -m gateway"


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
