"""Five bugs planted on purpose. A harness that does not find them would not find others; each is what a careless
change could bring in, and none is seen as long as nothing dies."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from secrets import token_hex
from typing import Any

from gateway.filer import Filer
from store import facts, telling
from store.acts import conversation
from store.journal_writer import JournalWriter
from workers.deliver import Delivery


def yes_before_commit() -> None:
    """The door says 250 at once and commits a little later."""
    commit = JournalWriter.submit

    def submit(self: JournalWriter, incoming: Any) -> Future[tuple[int, ...]]:
        threading.Timer(0.01, commit, (self, incoming)).start()
        future: Future[tuple[int, ...]] = Future()
        future.set_result((0,))
        return future

    JournalWriter.submit = submit  # type: ignore[method-assign]


def no_duplicate_check() -> None:
    """Every copy that a sender repeats is a mail of its own."""
    past = facts.past
    facts.past = lambda *asked: replace(past(*asked), duplicate=None)


def tell_after_commit() -> None:
    """Notifications are written in a transaction after that of the ticket."""
    later: list[tuple[Any, ...]] = []
    tell, file = telling.tell, Filer._file
    conversation.tell = lambda _connection, *rest: later.append(rest) or 0

    def then_tell(self: Any, studied: Any) -> None:
        file(self, studied)
        with self._store.write() as connection:
            while later:
                tell(connection, *later.pop(0))

    Filer._file = then_tell  # type: ignore[method-assign]


def new_message_id() -> None:
    """Each further attempt gives the mail another Message-ID."""
    compose = Delivery._compose

    def again(self: Delivery, letter: Any, *room: int) -> Any:
        if letter.attempts > 1:
            letter = replace(letter, header_id=f"{token_hex(8)}@desk.test")
        return compose(self, letter, *room)

    Delivery._compose = again  # type: ignore[method-assign]


def long_mourning() -> None:
    """A filer that finds mail in which another one died waits first."""
    leads = Filer._leads

    def then_wait(self: Filer) -> bool:
        had, led = self._leads_since, leads(self)
        if led and had is None and self._begun:
            time.sleep(25)
        return led

    Filer._leads = then_wait  # type: ignore[method-assign]


BUGS: dict[str, Callable[[], None]] = {
    bug.__name__: bug
    for bug in (yes_before_commit, no_duplicate_check, tell_after_commit, new_message_id, long_mourning)
}
