"""Commands that only read: parse, tickets, ticket, journal, outbox, explain, replay. They work while the gateway runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.options import AsJson, ConfigFile, load_config, opened
from store.errors import BadInput

Desk = Annotated[str | None, typer.Option("--desk", metavar="NAME", help="Only this desk, such as hosting.")]


def add_to(app: typer.Typer) -> None:
    """Adds these commands."""
    for command in (parse, tickets, ticket, journal, outbox, explain, replay):
        app.command()(command)


def parse(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Messages as raw mail.")],
    as_json: AsJson = False,
    desk: Annotated[
        str | None, typer.Option("--desk", metavar="NAME", help="Judge attachments by this desk's rules.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Show what the gateway understands of each message; stores nothing and needs no configuration."""
    from gateway.parse import as_json as form
    from gateway.parse import parse as read
    from store.rules.desk import Files
    from store.rules.files import judge_all

    rules = _desk_files(config, desk) if desk else Files()
    for file in files:
        try:
            parsed = read(file.read_bytes())
        except OSError as error:
            raise BadInput(f"{file}: cannot be read: {error.strerror}") from None
        verdicts = ((one.verdict, one.reason) for one in judge_all(parsed.files, rules))
        told = form(parsed, str(file), lambda _file, verdicts=verdicts: next(verdicts))  # type: ignore[misc]
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n" if as_json else _outline(told))


def _desk_files(config: Path | None, desk: str) -> Any:
    desks = load_config(config).desks
    if desk not in desks:
        raise BadInput(f"there is no desk {desk!r}; there are {', '.join(sorted(desks))}")
    return desks[desk].files


def _outline(told: dict[str, Any]) -> str:
    lines = [
        f"{name:12} {told[name]}" for name in ("file", "from", "to", "cc", "subject", "date", "message_id", "auto")
    ]
    files = [f"{'file':12} {a['filename']} ({a['size']} bytes, {a['verdict']})" for a in told["attachments"]]
    return "\n".join([*lines, *files, "", told["reply"] or told["text"], "", ""])


def tickets(
    as_json: AsJson = False,
    desk: Desk = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="As staff take them up: by priority, where they came from, and age.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """List tickets, last updated first."""
    from store import views

    with opened(config) as (settings, store), store.read() as connection:
        if desk and desk not in settings.desks:
            raise BadInput(f"there is no desk {desk!r}; there are {', '.join(sorted(settings.desks))}")
        rows = views.tickets(connection, settings, desk, queue=queue)
    columns = ("tag", "label", "priority", "department", "requester", "subject", "updated")
    _print(rows, as_json, columns, "No tickets yet.")


def ticket(
    tag: Annotated[str, typer.Argument(help="Such as HO#1042.")], as_json: AsJson = False, config: ConfigFile = None
) -> None:  # fmt: skip
    """Show one ticket with its messages, events and links."""
    from store import views

    with opened(config) as (settings, store), store.read() as connection:
        row, _desk = views.find_ticket(connection, settings, tag)
        told = views.ticket(connection, settings, row)
    if as_json:
        _json(told)
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    console.print(
        f"[bold]{escape(told['tag'])}  {escape(told['subject'])}[/]  {told['label']} · {told['priority']} · {told['department']}"
    )
    for message in told["messages"]:
        kind = "note" if message["note"] else message["side"]
        console.print(f"\n[bold]{escape(message['from'])}[/] [dim]{kind}, {message['at'][:16]}[/]")
        console.print(message["text"], markup=False, highlight=False)
        for file in message["attachments"]:
            reason = f": {file['reason']}" if file["reason"] else ""
            console.print(f"  {escape(file['filename'])} [dim]{file['size']} bytes, {file['verdict']}{reason}[/]")


def journal(
    message_id: Annotated[str | None, typer.Option("--message-id", metavar="ID", help="Only mails with this Message-ID.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Show every message any door accepted and what became of it, newest last."""
    from store import ledgers

    with opened(config) as (settings, store):
        rows = ledgers.journal(store, settings, ledgers.rows_of(store, message_id) if message_id else None)
    _print(rows, as_json, ("id", "door", "at", "sender", "desk", "size", "outcome", "ticket", "reason"), "Empty.")


def outbox(as_json: AsJson = False, config: ConfigFile = None) -> None:
    """Show every mail that is to go out or went, newest last."""
    from store import ledgers

    with opened(config) as (settings, store), store.read() as connection:
        rows = ledgers.outbox(connection, settings)
    _print(rows, as_json, ("id", "ticket", "recipient", "template", "state", "attempts", "next_at", "reply"), "Empty.")


def explain(
    what: Annotated[str, typer.Argument(metavar="ID", help="The id of a journal row, or the Message-ID of a mail.")],
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Say why a journalled message became what it became: each signal, its value, the rule that decided."""
    from gateway.decide import RULES
    from store import ledgers

    by_number = what.isascii() and what.isdigit() and int(what) < 2**63
    with opened(config) as (settings, store):
        ids = [int(what)] if by_number else ledgers.rows_of(store, what)
        told = [ledgers.explain(store, settings, id_) for id_ in ids]
    if as_json:
        _json(told[0] if by_number else told)
        return
    for each in told:
        _explain(each, RULES)


def _explain(told: dict[str, Any], rules: Sequence[tuple[str, Any, str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if told["outcome"] is None:
        console.print(f"Journal row {told['id']} waits to be filed.")
        return
    where = f", on {told['ticket']}" if told["ticket"] else ""
    console.print(f"Journal row {told['id']}: {told['outcome']}{where}. {told['reason']}.", markup=False)
    table = Table("signal", "value", title="What was known", title_justify="left")
    for signal in told["signals"]:
        table.add_row(str(signal["signal"]), str(signal["value"]))
    console.print(table)
    order = Table("rule", "place", title="The rules, in order", title_justify="left")
    for name, _rule, reason in rules:
        decided = name == told["rule"]
        order.add_row(f"{'>' if decided else ' '} {name}", reason, style="bold" if decided else None)
    console.print(order)


def replay(
    since: Annotated[datetime, typer.Option("--since", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="From this moment on, UTC.")],
    rules: Annotated[Path, typer.Option("--config", metavar="OTHER.toml", help="The postern.toml whose rules are tried.")],
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """List which past mails would end differently under another configuration; changes nothing.

    The installation is that of $POSTERN_CONFIG, else of ./postern.toml.
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.progress import Progress

    from gateway.replaying import replay as run
    from store import journal as rows

    moment, other, found, count = since.replace(tzinfo=UTC), load_config(rules), [], 0
    with opened(None) as (settings, store), Progress(console=Console(stderr=True), transient=True) as progress:
        total = rows.count_after(store, rows.last_before(store, moment), rows.last_id(store))
        bar = progress.add_task("deciding anew", total=total)
        for difference in run(settings, other, store, moment):
            count += 1
            progress.advance(bar)
            if difference is not None:
                found.append(difference)
    if as_json:
        _json([asdict(one) | {"at": one.at.isoformat()} for one in found])
        return
    table = [
        {
            "id": one.id,
            "at": one.at.isoformat(),
            "sender": one.sender,
            "was": _end(one.before),
            "would be": _end(one.after),
        }
        for one in found
    ]
    _print(table, False, ("id", "at", "sender", "was", "would be"), "")
    typer.echo(f"{len(found)} of {count} mails would end differently.")


def _end(end: Any) -> str:
    parts = [
        end.outcome,
        end.ticket and f"on {end.ticket}",
        end.answer and f"answered by {end.answer}",
        ", ".join(end.flags),
    ]
    if end.department:
        parts.append(f"{end.department}, {end.priority}")
    return "; ".join(filter(None, parts))


def _print(rows: Sequence[dict[str, Any]], as_json: bool, columns: Sequence[str], nothing: str) -> None:
    if as_json:
        _json(rows)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        if nothing:
            Console().print(nothing)
        return
    table = Table(*columns)
    for row in rows:
        cells = [
            str(row[c])[:16] if c in ("at", "updated", "next_at") else str(row[c] if row[c] is not None else "")
            for c in columns
        ]
        table.add_row(*(Text(cell) for cell in cells))
    Console().print(table)


def _json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
