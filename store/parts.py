"""Signs of life: a row for each running part, so that a monitor on any host sees one that died or hangs (threats 96).

The rows are leases named `part:filer@host:pid`. A part is up as long as one of its rows has not run out. A supervisor
writes the row of a part it starts, run out already; the part renews it from its own loop; who stops in good order
takes it away.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

from sqlalchemy import Connection, delete, select

from store.clock import Clock, now
from store.database import Store
from store.errors import DiskFailed, Temporary
from store.schema import Lease, insert_into

LIFE = timedelta(seconds=30)  # without a sign, after which a part is down
EVERY = 8.0  # seconds between signs: three are missed before anybody is told
_LOOK = 0.2  # seconds between looks whether the loop came round
_PATIENCE = 3.0  # seconds the end of a part waits for its row
_PAST = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
_PREFIX = "part:"
_log = logging.getLogger("postern.parts")


def up(connection: Connection, at: datetime) -> dict[str, set[str]]:
    """Each part that has a row, with the hosts it is up on: none for one that died or hangs.

    A row that lasts too long was written before the clock was put back, and says nothing (threats 91).
    """
    rows = connection.execute(select(Lease.c.name, Lease.c.until).where(Lease.c.name.startswith(_PREFIX)))
    found: dict[str, set[str]] = {}
    for name, until in sorted(rows.all()):
        part, _, place = name.removeprefix(_PREFIX).partition("@")
        hosts = found.setdefault(part, set())
        if at < until <= at + 2 * LIFE:
            hosts.add(place.rpartition(":")[0])
    return found


def this_host() -> str:
    """The name of this host in the rows."""
    return socket.gethostname()


def announce(store: Store, part: str, pid: int, at: datetime) -> None:
    """A part was started and is not up yet; whatever died before it on this host is forgotten. Raises Temporary."""
    with store.write() as connection:
        dead = (Lease.c.name.startswith(_on_this_host(part), autoescape=True), Lease.c.until <= at)
        connection.execute(delete(Lease).where(*dead))
        values = {"name": _name(part, pid), "holder": part, "until": _PAST}
        connection.execute(insert_into(Lease, connection.dialect.name).values(**values).on_conflict_do_nothing())


def renew(store: Store, part: str, pid: int, at: datetime) -> None:
    """The part is up; rows of the same part that ran out, on whatever host, mean nothing any more. Raises Temporary."""
    with store.write() as connection:
        same = Lease.c.name.startswith(f"{_PREFIX}{part}@", autoescape=True)
        connection.execute(delete(Lease).where(same, Lease.c.until <= at, Lease.c.name != _name(part, pid)))
        _put(connection, part, pid, at + LIFE)


def mark_down(store: Store, part: str, pid: int) -> None:
    """The part died. Raises Temporary."""
    with store.write() as connection:
        _put(connection, part, pid, _PAST)


def remove(store: Store, *stopped: tuple[str, int]) -> None:
    """These parts, each with its process, stopped in good order. Raises Temporary."""
    with store.write() as connection:
        connection.execute(delete(Lease).where(Lease.c.name.in_([_name(part, pid) for part, pid in stopped])))


def forget_the_dead(store: Store) -> None:
    """Removes the rows of processes that this host no longer has. Raises Temporary."""
    with store.write() as connection:
        mine = Lease.c.name.startswith(_PREFIX) & Lease.c.name.contains(f"@{this_host()}:", autoescape=True)
        for name in connection.execute(select(Lease.c.name).where(mine)).scalars().all():
            if not _runs(int(name.rpartition(":")[2])):
                connection.execute(delete(Lease).where(Lease.c.name == name))


class Pulse:
    """The sign of life of this process. Its loop calls `beat`, which costs nothing; a thread writes the row.

    A loop that hangs no longer beats and its row runs out; a database that hangs does not hold up the loop. Entered, it
    gives signs; left in good order it takes the row away, left by an error it marks the part as down.
    """

    def __init__(self, store: Store, part: str, clock: Clock = now) -> None:
        self._store, self._part, self._clock = store, part, clock
        self._beaten = self._seen = 0.0
        self._error: BaseException | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._error = error
        self._ended.set()
        self._thread.join(_PATIENCE)

    def beat(self) -> None:
        """Called from the main loop at least every few seconds."""
        self._beaten = time.monotonic()

    def _run(self) -> None:
        due = 0.0
        while not self._ended.wait(_LOOK):
            if self._beaten > self._seen and time.monotonic() >= due:
                self._seen, due = self._beaten, time.monotonic() + EVERY
                self._write(lambda: renew(self._store, self._part, os.getpid(), self._clock()))
        # A part that never came up has no row of its own; one whose disk failed must not write again (threats 88).
        if self._seen and not isinstance(self._error, DiskFailed):
            self._write(self._end)

    def _end(self) -> None:
        if self._error:
            mark_down(self._store, self._part, os.getpid())
        else:
            remove(self._store, (self._part, os.getpid()))

    def _write(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Temporary as error:
            _log.warning("no sign of life written: %s", error)
        except Exception:
            _log.exception("no sign of life written")  # a thread that ends here would have the part taken for dead


def _put(connection: Connection, part: str, pid: int, until: datetime) -> None:
    values = {"holder": part, "until": until}
    made = insert_into(Lease, connection.dialect.name).values(name=_name(part, pid), **values)
    connection.execute(made.on_conflict_do_update(index_elements=["name"], set_=values))


def _name(part: str, pid: int) -> str:
    return f"{_on_this_host(part)}{pid}"


def _on_this_host(part: str) -> str:
    return f"{_PREFIX}{part}@{this_host()}:"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:  # one that is dead and that nobody has asked about yet has a number still
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True
