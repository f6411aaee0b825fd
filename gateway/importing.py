"""Takes the mail of an archive into the journal, oldest first; what is there already is left as it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from gateway.archive import Archive, Entry
from gateway.pipe import fitting, headers_of
from store import clock, journal, outcomes, parts
from store.database import Store
from store.journal import Incoming
from store.rules.old_mail import Terms

DOOR = "import"
_MAILS, _BYTES = 100, 16 << 20  # of a transaction
_AHEAD = 200  # mails that may wait to be filed: one that comes meanwhile waits for these at most
_HEAD = 1 << 20


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of some mails of an archive, in number; `too_large` names them."""

    new: int = 0
    known: int = 0
    too_large: tuple[str, ...] = ()

    def __add__(self, other: Taken) -> Taken:
        return Taken(self.new + other.new, self.known + other.known, self.too_large + other.too_large)

    @property
    def mails(self) -> int:
        return self.new + self.known + len(self.too_large)


def take(
    store: Store, archive: Archive, entries: Sequence[Entry], to: tuple[str, str], terms: Terms, largest: int,
    wait: Callable[[], object] = lambda: None,
) -> Iterator[Taken]:  # fmt: skip
    """Journals the mails in the order of their time, a portion at a step, for the mailbox `to` (desk, address).

    `wait` is called before each portion. Raises Temporary or OSError: what was taken until then stays taken.
    """
    for portion in _portions(archive, sorted(entries, key=lambda entry: entry.at)):
        wait()
        small = [(entry, raw) for entry, raw in portion if len(raw) <= largest]
        too_large = tuple(entry.place for entry, raw in portion if len(raw) > largest)
        by_hash = {sha256(raw).hexdigest(): (entry, raw) for entry, raw in reversed(small)}
        known = journal.known(store, to[0], by_hash)
        fresh = [mail for digest, mail in reversed(by_hash.items()) if digest not in known]
        if fresh:
            journal.append(store, [_incoming(raw, to, replace(terms, at=entry.at)) for entry, raw in fresh])
        yield Taken(len(fresh), len(small) - len(fresh), too_large)


def wait_for_filer(store: Store, pause: Callable[[float], object] = time.sleep) -> None:
    """Waits while a filer has enough to do, so that mail of today need not wait for that of years; not for one that is away."""
    while outcomes.count_unfiled(store) > _AHEAD and is_filed(store):
        pause(0.2)


def is_filed(store: Store) -> bool:
    """Whether a filer is up."""
    with store.read() as connection:
        return bool(parts.up(connection, clock.now()).get("filer"))


def _portions(archive: Archive, entries: Iterable[Entry]) -> Iterator[list[tuple[Entry, bytes]]]:
    portion: list[tuple[Entry, bytes]] = []
    size = 0
    for entry in entries:
        raw = archive.read(entry)
        portion.append((entry, raw))
        size += len(raw)
        if len(portion) == _MAILS or size > _BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _incoming(raw: bytes, to: tuple[str, str], terms: Terms) -> Incoming:
    desk, address = to
    path = next((value for name, value in headers_of(raw[:_HEAD]) if name == "return-path"), "")
    return Incoming(DOOR, clock.now(), fitting(path.strip().strip("<>")), ((desk, (address,)),), raw, old=terms)
