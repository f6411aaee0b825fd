"""What the commands share: the `--config` option, and opening what it names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # `postern --help` should not wait for the database libraries
    from store.config import Config
    from store.database import Store

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The postern.toml; else $POSTERN_CONFIG, else ./postern.toml."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]


def load_config(file: Path | None) -> Config:
    """The configuration with its desks read, so that mistakes in them show at once. Raises ConfigError."""
    from store.config import load

    config = load(file)
    _ = config.addresses, config.imap
    return config


@contextmanager
def opened(file: Path | None) -> Iterator[tuple[Config, Store]]:
    """The configuration and its store at this version. Raises ConfigError."""
    from store.database import open_store
    from store.migrate import ensure_version

    os.umask(0o077)  # whatever this process makes is nobody else's to read (threats 99)
    config = load_config(file)
    store = open_store(config)
    try:
        ensure_version(config, store)
        yield config, store
    finally:
        store.close()
