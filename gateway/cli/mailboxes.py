"""Commands about mailboxes that mail is fetched from: login, mailboxes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.options import AsJson, ConfigFile, load_config, opened


def add_to(app: typer.Typer) -> None:
    """Adds these commands."""
    for command in (login, mailboxes):
        app.command()(command)


def login(
    mailbox: Annotated[
        str, typer.Argument(metavar="MAILBOX", help="The user of an [[imap]], or the name of an [[oauth]].")
    ],
    config: ConfigFile = None,
) -> None:
    """Log in at a mail provider for tokens, where a mailbox takes no password."""
    from store.errors import BadInput
    from store.oauth import open_access

    settings = load_config(config)
    named = next((one.oauth for one in settings.imap if one.user == mailbox and one.oauth), mailbox)
    if named not in [section.name for section in settings.settings.oauth]:
        raise BadInput(f"{mailbox} is neither the name of an [[oauth]] nor the user of an [[imap]] with one")
    access = open_access(settings, settings.oauth(named, "oauth"))
    access.login(typer.echo, typer.prompt)
    access.token()
    typer.echo(f"{named}: logged in")


def mailboxes(as_json: AsJson = False, config: ConfigFile = None) -> None:
    """Show the mailboxes that mail is fetched from, and mails that were left in them."""
    from gateway.cli.reading import show
    from store import folders
    from store.clock import now
    from store.views import iso

    with opened(config) as (settings, store):
        with store.read() as connection:
            states = folders.states(connection, settings)
        rows: list[dict[str, Any]] = []
        for state in states:
            left = folders.left(store, state.id) if state.id is not None and state.left else []
            rows.append({
                "name": state.name, "to": state.to, "up": state.up(now()), "checked": iso(state.checked) if state.checked else None,
                "trouble": state.trouble,
                "left": [{"uid": m.uid, "size": m.size, "from": m.sender, "why": m.why, "at": iso(m.at)} for m in left],
            })  # fmt: skip
    if as_json:
        show(rows, True, (), "")
        return
    flat = [{**row, "left": len(row["left"])} for row in rows]
    show(flat, False, ("name", "to", "up", "checked", "trouble", "left"), "No [[imap]] is configured.")
    for row in rows:
        for mail in row["left"]:
            typer.echo(
                f"left in {row['name']}: UID {mail['uid']}, {mail['size']} bytes from {mail['from'] or '?'}: {mail['why']}"
            )
