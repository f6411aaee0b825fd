"""The mails a filer has in hand: in journal order, each being read or ready to be filed."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, wait

from gateway.studying import Reading

ASIDE = 1.0  # seconds the mails behind wait for one that is being read (design 1)
STUCK = 60.0  # seconds within which one reading at least comes to an end, be it by its limit of time
IDLE = 5.0  # seconds within which a child takes up what waits
_MOST = 100
_MOST_BYTES = 64 << 20


class Hand:
    """Gives mails back in the order they were added, but for one whose reading takes long: that steps aside.

    Mails that are checked on the way wait for strangers' servers, in a line of their own: what is in one line waits for
    the other no longer than for a single mail.
    """

    def __init__(self) -> None:
        self._readings: list[Reading] = []
        self._since: dict[int, float] = {}  # rows a child is at work on, and since when
        self._lines = (_Line(), _Line())  # of mails that are not checked on the way, and of those that are
        self._added: dict[int, float] = {}

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
        return any(line.stuck for line in self._lines)

    def add(self, readings: Iterable[Reading]) -> None:
        """Takes mails that come behind all others."""
        for reading in readings:
            self._readings.append(reading)
            self._added[reading.row.id] = time.monotonic()

    def ready(self, most: int) -> list[Reading]:
        """What may be filed now: all up to the first that is still being read, and past those that take long."""
        now, ready, unread, blocked = time.monotonic(), list[Reading](), list[Reading](), set[bool]()
        for reading in self._readings:
            if reading.done:
                if reading.checked not in blocked:
                    ready.append(reading)
                continue
            unread.append(reading)
            if reading.future.running():
                self._since.setdefault(reading.row.id, now)
            if not self._aside(reading, now):
                blocked.add(reading.checked)
                if now - self._added[reading.row.id] < ASIDE:
                    blocked.add(not reading.checked)
        for checked, line in enumerate(self._lines):
            line.look([reading for reading in unread if reading.checked == checked], now)
        return ready[:most]

    def wait(self) -> None:
        """Returns when the first mail of a line is read, or after a moment."""
        now, awaited, blocked = time.monotonic(), list[Reading](), set[bool]()
        for reading in self._readings:
            if not reading.done and reading.checked not in blocked:
                awaited.append(reading)
                if not self._aside(reading, now):
                    blocked.add(reading.checked)
        wait([reading.future for reading in awaited], ASIDE / 4, FIRST_COMPLETED)

    def remove(self, ids: Collection[int]) -> None:
        """These are filed."""
        self._readings = [reading for reading in self._readings if reading.row.id not in ids]
        for id_ in ids:
            self._since.pop(id_, None)
            self._added.pop(id_, None)

    def drop(self) -> None:
        """Ends all reading."""
        for reading in self._readings:
            reading.drop()
        self._readings.clear()
        self._since.clear()
        self._lines = (_Line(), _Line())
        self._added.clear()

    def _aside(self, reading: Reading, now: float) -> bool:
        return now - self._since.get(reading.row.id, now) >= ASIDE


class _Line:
    """Whether the children of one line still do their work."""

    def __init__(self) -> None:
        self._unread: frozenset[int] = frozenset()
        self._moved = self._at_work = self._looked = 0.0  # when a reading ended; when a child was last seen at work

    def look(self, unread: Sequence[Reading], now: float) -> None:
        """These are not read yet."""
        ids = frozenset(reading.row.id for reading in unread)
        if not self._unread or self._unread - ids:
            self._moved = now
        if any(reading.future.running() for reading in unread):
            self._at_work = now
        self._unread, self._looked = ids, now

    @property
    def stuck(self) -> bool:
        still = self._looked - self._moved
        return bool(self._unread) and (still > STUCK or min(still, self._looked - self._at_work) > IDLE)
