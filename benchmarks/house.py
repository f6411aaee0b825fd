"""A whole installation in a folder on the disk of this checkout, where an fsync costs what it costs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.cli.setup import write_configuration
from store.config import Config, load
from store.database import Store, open_store
from store.migrate import migrate

_VAR = Path(__file__).parent.parent / "var"


@contextmanager
def installation(**settings: str) -> Iterator[tuple[Config, Store]]:
    """The hosting desk at desk.test on SQLite with durable settings; `smtp_listen` here is `[smtp] listen`."""
    _VAR.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=_VAR) as folder:
        write_configuration(Path(folder), ["hosting"], "desk.test")
        file = Path(folder) / "postern.toml"
        sections = (f'[{name.partition("_")[0]}]\n{name.partition("_")[2]} = "{settings[name]}"\n' for name in settings)
        file.write_text("".join(sections))
        config = load(file)
        store = open_store(config)
        migrate(config, store)
        try:
            yield config, store
        finally:
            store.close()
