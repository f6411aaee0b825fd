"""`templates`: look at the mails before they go out, and at what is wrong with templates of a desk's own (BR-07)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.options import ConfigFile, load_config


def add_to(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(help="Check and preview the mails people get.", no_args_is_help=True, rich_markup_mode=None)
    group.command()(check)
    group.command()(preview)
    app.add_typer(group, name="templates")


def check(config: ConfigFile = None) -> None:
    """Render every template of the desks' own with samples in every language; a line for each thing that is wrong."""
    from templates.checking import faults

    own = [desk for desk in load_config(config).desks.values() if desk.templates]
    found = [fault for desk in own for fault in faults(Path(desk.templates))]
    for fault in found:
        typer.echo(str(fault), err=True)
    if found:
        raise typer.Exit(1)
    typer.echo(f"Nothing is wrong with the templates of {', '.join(desk.name for desk in own) or 'any desk'}.")


def preview(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files are written.")],
    desk: Annotated[str, typer.Option("--desk", help="With the words and the templates of this desk.")] = "",
    language: Annotated[str, typer.Option("--language", help="In this language alone, such as de.")] = "",
    config: ConfigFile = None,
) -> None:
    """Write every template with sample data to a folder, as text and HTML, with an index.html that leads to them."""
    from store.errors import BadInput
    from templates import previewing
    from templates.checking import faults
    from templates.languages import LANGUAGES

    if language and language not in LANGUAGES:
        raise BadInput(f"--language: there is no {language!r}; there are {', '.join(LANGUAGES)}")
    words, own = {}, None
    if desk:
        desks = load_config(config).desks
        if desk not in desks:
            raise BadInput(f"--desk: there is no desk {desk!r}; there are {', '.join(desks)}")
        words = {"desk": desks[desk].title} | {
            name: getattr(desks[desk], name) for name in ("team", "noun", "guidance")
        }
        own = Path(desks[desk].templates) if desks[desk].templates else None
    if own and (found := faults(own)):
        raise BadInput(str(found[0]))
    typer.echo(previewing.preview(folder, [language] if language else LANGUAGES, own, words))
