"""What is kept of a login: a file of the data folder that only its owner reads, changed by one process at a time."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from store.config import Config
from store.errors import ConfigError, Permanent
from store.settings import OauthSection

for _library in ("msal", "urllib3", "requests_oauthlib", "oauthlib", "google"):
    logging.getLogger(_library).setLevel(logging.WARNING)  # they write tokens into their logs (threats 94)
TIMEOUT = 15.0  # seconds for an answer of a login server


class NeedsLogin(Permanent):
    """Somebody has to log in (again)."""

    def __init__(self, name: str, why: str = "") -> None:
        super().__init__(f"{why or 'nobody has logged in yet'}; run `postern login {name}`")


class Access(ABC):
    """Gives the tokens of one [[oauth]]; used by any number of threads and processes."""

    def __init__(self, config: Config, section: OauthSection) -> None:
        self.section = section
        self._config = config
        self._file = _file(config, section)

    def token(self) -> str:
        """A token that lasts some minutes at least, a new one in good time. Raises Temporary, NeedsLogin, ConfigError."""
        with self._kept() as kept:
            return self._token(kept)

    @abstractmethod
    def login(self, say: Callable[[str], None], ask: Callable[[str], str]) -> None:
        """Walks a person through the login. Raises Temporary, Permanent."""

    @abstractmethod
    def _token(self, kept: dict[str, Any]) -> str:
        """As `token`; what it changes in `kept` is written down."""

    def _secret(self) -> str:
        assert self.section.client_secret_file is not None
        file = self._config.folder / self.section.client_secret_file
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"{self._config.file}: oauth {self.section.name}: client_secret_file: {file}: {why}"
            ) from None

    @contextmanager
    def _kept(self) -> Iterator[dict[str, Any]]:
        """What is kept, for this process alone; changes are on the disk when it is left."""
        self._config.prepare()
        self._file.parent.mkdir(mode=0o700, exist_ok=True)
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = _read(self._file)
            before = json.dumps(kept)
            yield kept
            if json.dumps(kept) != before:
                _write(self._file, json.dumps(kept))


def ends(config: Config, section: OauthSection) -> datetime | None:
    """When a person must log in again, as far as the provider has said so."""
    until = _read(_file(config, section)).get("until")
    return datetime.fromisoformat(until) if until else None


def _file(config: Config, section: OauthSection) -> Path:
    return config.data / "oauth" / f"{section.name}.json"


def _read(file: Path) -> dict[str, Any]:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # cut short by somebody's editor: as if nobody had logged in
        return {}
    return kept if isinstance(kept, dict) else {}


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
