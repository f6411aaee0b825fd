"""An installation whose IMAP door reads from a server of the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway import imap, imap_fetcher, imap_folder, imap_wire
from store import folders
from store.clock import now
from store.config import Config
from store.folders import Place, State
from store.settings import ImapSection
from tests.conftest import installation
from tests.fakes import until
from tests.harness import PEOPLE, Gateway, tell_at_once
from tests.stores import opened


class ImapHouse(Gateway):
    """A hosting desk and the folders it fetches from."""

    @property
    def section(self) -> ImapSection:
        return self.config.imap[0]

    @contextmanager
    def fetching(self, config: Config | None = None) -> Iterator[None]:
        """The door runs, as in its process."""
        stop = threading.Event()
        failed: list[BaseException] = []

        def run() -> None:
            try:
                imap.run(config or self.config, self.store, stop)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(30)
        assert not thread.is_alive()
        if failed:
            raise failed[0]

    def wait(self, rows: int, seconds: float = 30) -> list[dict[str, Any]]:
        """The journal, once it has so many rows."""
        until(
            lambda: len(self.journal()) >= rows,
            seconds,
            lambda: f"{len(self.journal())} rows of {rows}; {self.trouble()}",
        )
        return self.journal()

    def place(self, number: int = 0) -> Place:
        return folders.find(self.store, self.config.imap[number], now())

    def states(self) -> list[State]:
        with self.store.read() as connection:
            return folders.states(connection, self.config)

    def state(self) -> State:
        return self.states()[0]

    def trouble(self) -> str:
        return self.state().trouble

    def left(self, number: int = 0) -> list[folders.Left]:
        return folders.left(self.store, self.place(number).id)


@contextmanager
def house(
    folder: Path, *sections: dict[str, Any], password: str = "secret", at_once: bool = False, **smtp: Any
) -> Iterator[ImapHouse]:
    """`sections`: what [[imap]] says, but for what is the same in most tests. `at_once`: see `tell_at_once`."""
    base = installation(folder, ("hosting",))
    if at_once:
        tell_at_once(folder)
    (folder / "password").write_text(f"{password}\n")
    usual = {"host": "127.0.0.1", "tls": "off", "user": "support@desk.test", "poll": 0.2}
    made = tuple(
        ImapSection(**(usual | ({} if "oauth" in one else {"password_file": Path("password")}) | one))
        for one in sections
    )
    settings = base.settings.model_copy(
        update={"imap": made, "smtp": base.settings.smtp.model_copy(update=smtp)}
    )  # fmt: skip
    config = Config(settings, folder, base.file)
    with opened(config) as store:
        gateway = ImapHouse(config, store)
        gateway.load(**PEOPLE)
        yield gateway


def hurry() -> tuple[tuple[object, str, Any], ...]:
    """The pauses after trouble that a test would spend waiting: for monkeypatch.setattr."""
    pauses = ((imap_fetcher, "_PAUSE", 0.05), (imap_fetcher, "_REFUSED", 0.05), (imap_fetcher, "_LONGEST", 0.1))
    return (*pauses, (imap_wire, "_STEP", 0.05), (imap_folder, "_AGAIN", timedelta(seconds=0.1)))
