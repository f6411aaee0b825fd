"""`replay`: what other rules would have made of past mail."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.options import AsJson, load_config, opened
from gateway.cli.reading import print_json, show


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(replay)


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
        print_json([asdict(one) | {"at": one.at.isoformat()} for one in found])
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
    show(table, False, ("id", "at", "sender", "was", "would be"), "")
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
