"""`doctor`: looks at an installation and says what to change."""

from __future__ import annotations

from dataclasses import asdict

import typer

from gateway.cli.options import AsJson, ConfigFile, load_config


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(doctor)


def doctor(as_json: AsJson = False, config: ConfigFile = None) -> None:
    """Check configuration, store, queue, relay and the DNS of each sending domain; exits 1 when something fails."""
    from gateway.cli.checkup import Check, check_all, unreadable
    from gateway.cli.reading import print_json
    from store.errors import ConfigError

    found: list[Check] = []
    try:
        settings = load_config(config)
    except ConfigError as error:
        found.append(unreadable(config, error))
    else:
        found.append(Check("configuration", "ok", f"{len(settings.desks)} desks"))
        found += check_all(settings)
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        for one in found:
            typer.echo(f"{one.state:4}  {one.name}: {one.found}")
            if one.advice:
                typer.echo(f"      {one.advice}")
    if any(one.state == "fail" for one in found):
        raise typer.Exit(1)
