"""The mails a filer has in hand: in journal order, each being read or ready to be filed."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from concurrent.futures import FIRST_COMPLETED, wait

from gateway.studying import Reading

ASIDE = 1.0  # seconds the mails behind wait for one that is being read (design 1)
STUCK = 60.0  # seconds within which one reading at least comes to an end, be it by its limit of time
_MOST = 100
_MOST_BYTES = 64 << 20


class Hand:
    """Gives mails back in the order they were added, but for one whose reading takes long: that steps aside."""

    def __init__(self) -> None:
        self._readings: list[Reading] = []
        self._since: dict[int, float] = {}  # rows a child is at work on, and since when
        self._unread: frozenset[int] = frozenset()
        self._moved = 0.0  # when a reading came to an end, or the first began

    def __len__(self) -> int:
        return len(self._readings)

    @property
    def room(self) -> int:
        """How many more may be taken."""
        full = sum(reading.row.size for reading in self._readings) > _MOST_BYTES
        return 0 if full else max(0, _MOST - len(self._readings))

    @property
    def stuck(self) -> bool:
        """True when readings come to no end any more: a child that was killed may have held what the others wait for."""
        return bool(self._unread) and time.monotonic() - self._moved > STUCK

    def add(self, readings: Iterable[Reading]) -> None:
        """Takes mails that come behind all others."""
        self._readings += readings

    def ready(self, most: int) -> list[Reading]:
        """What may be filed now: all up to the first that is still being read, and past those that take long.

        Raises ReadersLost.
        """
        now, ready, unread, blocked = time.monotonic(), list[Reading](), set[int](), False
        for reading in self._readings:
            if reading.done:
                if not blocked:
                    ready.append(reading)
                continue
            unread.add(reading.row.id)
            if reading.future.running():
                self._since.setdefault(reading.row.id, now)
            blocked = blocked or not self._aside(reading, now)
        if not self._unread or self._unread - unread:
            self._moved = now
        self._unread = frozenset(unread)
        return ready[:most]

    def wait(self) -> None:
        """Returns when the first mail is read, or after a moment."""
        now, awaited = time.monotonic(), list[Reading]()
        for reading in self._readings:
            if not reading.done:
                awaited.append(reading)
                if not self._aside(reading, now):
                    break
        wait([reading.future for reading in awaited], ASIDE / 4, FIRST_COMPLETED)

    def remove(self, ids: Collection[int]) -> None:
        """These are filed."""
        self._readings = [reading for reading in self._readings if reading.row.id not in ids]
        for id_ in ids:
            self._since.pop(id_, None)

    def drop(self) -> None:
        """Ends all reading."""
        for reading in self._readings:
            reading.drop()
        self._readings.clear()
        self._since.clear()
        self._unread = frozenset()

    def _aside(self, reading: Reading, now: float) -> bool:
        return now - self._since.get(reading.row.id, now) >= ASIDE
