"""Starts the parts as children, starts again what dies, and stops them all together.

All parts are forked from this process, which has imported what they need and shares it with them: a gateway comes up in
the time of one part and needs little more memory. To be safe to fork it has no thread and no open database.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

from setproctitle import setproctitle

from gateway.cli import ending
from gateway.cli.signals import StopFlag, as_child_of, held_back
from store import clock, crash, parts
from store.config import Config
from store.database import open_store
from store.errors import ConfigError, Temporary

GRACE = 28.0  # seconds a part has to finish what it has begun; with the rest less than 30
_WRITING = 1.0  # seconds left at least to write down that they stopped
SHORTEST, LONGEST = 1.0, 30.0  # seconds before a part that died is started again
SETTLED = 60.0  # seconds of life after which a death is the first one again
_LOOK = 0.2  # seconds between looks at the children
_MODULES = {
    "smtp": "gateway.smtp",
    "lmtp": "gateway.lmtp",
    "imap": "gateway.imap",
    "filer": "gateway.filer",
    "worker": "workers.worker",
    "worker-2": "workers.worker",
    "portal": "gateway.portal.server",
    "clock": "workers.clock",
}
_SENDERS = ("worker", "worker-2")  # they share the relay's connections: one alone would be held up by its interpreter
_log = logging.getLogger("postern.serve")
_processes = multiprocessing.get_context("fork")
os.environ.setdefault("SPT_NOENV", "1")  # a title must not overwrite what /proc shows of the environment

Part = Callable[[Path | None], None]
Note = tuple[str, str, int]  # began (the supervisor itself), started, died or stopped; the part; its process id


def parts_of(config: Config) -> tuple[str, ...]:
    """The parts this configuration asks for."""
    doors = ["smtp", *(["lmtp"] if config.settings.lmtp.listen else []), *(["imap"] if config.settings.imap else [])]
    return (*doors, "filer", *senders_of(config), "portal", "clock")


def senders_of(config: Config) -> tuple[str, ...]:
    """The workers among them: no more than there are connections to share."""
    return _SENDERS[: config.settings.relay.connections]


def pause_after(former: float | None, lived: float) -> float:
    """Seconds until a part that died is started again, by the pause before and the seconds it lived."""
    return SHORTEST if former is None or lived >= SETTLED else min(LONGEST, former * 2)


class Supervisor:
    """The parent of one process tree. `run` holds for each part what runs it, given the configuration file."""

    def __init__(self, config: Config, run: Mapping[str, Part]) -> None:
        self._config, self._run_part = config, run
        self._children: dict[str, ForkProcess] = {}
        self._dead: dict[str, ForkProcess] = {}  # those that wait to be started again
        self._started: dict[str, float] = {}
        self._parts = parts_of(config)
        self._pause: dict[str, float] = {}
        self._not_before = dict.fromkeys(self._parts, 0.0)
        self._crash = dict.fromkeys(self._parts, crash.armed())
        self._stop = StopFlag()
        self._notes = _Notes(config)

    def run(self) -> None:
        """Returns when every child has stopped after SIGTERM or Ctrl-C. Raises ConfigError when a part cannot start at all."""
        for part in self._parts:
            import_module(_MODULES[part])
        gc.freeze()  # the collector must not touch, and thereby copy, what the children share
        try:
            while not self._stop.is_set():
                self._look_after()
                self._stop.wait(_LOOK)
        finally:
            self._stop_children()
            self._stop.ignore()

    def _look_after(self) -> None:
        for part in self._parts:
            child = self._children.get(part)
            if child is not None and child.exitcode is not None:
                self._mourn(part, child)
            if part not in self._children and time.monotonic() >= self._not_before[part]:
                self._start(part)
        self._notes.look()

    def _start(self, part: str) -> None:
        armed = self._crash.pop(part, "")  # for the first start alone, else it would never come up again
        self._started[part] = time.monotonic()
        try:
            child = _fork(part, _live, self._run_part[part], self._config.file, armed)
        except OSError as error:  # no memory or no process to be had may pass
            _log.error("%s cannot be started: %s; again in %.0f s", part, error.strerror, LONGEST)
            self._not_before[part] = time.monotonic() + LONGEST
            return
        self._children[part] = child
        self._dead.pop(part, None)
        self._notes.add("started", part, child)

    def _mourn(self, part: str, child: ForkProcess) -> None:
        """A part that died is started again after a pause. Raises ConfigError when it said at once that this will not help.

        Settings it has run with once were right: whoever is changing them now must not take the other parts down.
        """
        self._dead[part] = self._children.pop(part)
        if child.exitcode == ending.WRONG_SETTING and part not in self._pause:
            raise ConfigError(f"{part} cannot start with these settings; see the line above")
        self._notes.add("died", part, child)
        lived = time.monotonic() - self._started[part]
        pause = self._pause[part] = pause_after(self._pause.get(part), lived)
        self._not_before[part] = time.monotonic() + pause
        _log.error("%s ended with %s after %.0f s; again in %.0f s", part, child.exitcode, lived, pause)

    def _stop_children(self) -> None:
        """All at once: every mail a door says yes to lies in the journal, and every other part can do without the rest."""
        for child in self._children.values():
            child.terminate()
        deadline = time.monotonic() + GRACE
        # One that waits to be started again is stopped too, or it would be down until the next start.
        for part, child in (self._children | self._dead).items():
            child.join(max(0.1, deadline - time.monotonic()))
            if child.exitcode is None:
                _log.error("%s did not stop in %.0f s and is killed", part, GRACE)
                child.kill()
                child.join()
            self._notes.add("stopped", part, child)
        self._notes.close(max(_WRITING, deadline - time.monotonic()))


class _Notes:
    """Has a child write down how the parts do: a database that hangs must not keep dead parts from being started."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._open: list[Note] = [("began", "", 0)]
        self._writing = 0  # so many of them are in the hands of the writer
        self._writer: ForkProcess | None = None
        self._not_before = 0.0
        self._pause: float | None = None

    def add(self, what: str, part: str, child: ForkProcess) -> None:
        """Remembers something to be written."""
        assert child.pid
        self._open.append((what, part, child.pid))

    def look(self) -> None:
        """Sees to it that what is open is being written."""
        if self._writer is not None and self._writer.exitcode is not None:
            if self._writer.exitcode == 0:
                del self._open[: self._writing]
                self._pause = None
            else:
                self._pause = pause_after(self._pause, 0)
                self._not_before = time.monotonic() + self._pause
            self._writer = None
        if self._writer is None and self._open and time.monotonic() >= self._not_before:
            try:
                self._writer = _fork("notes", _write, self._config, tuple(self._open))
            except OSError:
                self._not_before = time.monotonic() + LONGEST
            else:
                self._writing = len(self._open)

    def close(self, patience: float) -> None:
        """Waits so many seconds at most for what is open."""
        deadline, self._not_before = time.monotonic() + patience, 0.0
        self.look()
        while self._writer is not None and time.monotonic() < deadline:
            self._writer.join(deadline - time.monotonic())
            self.look()
        if self._writer is not None:
            self._writer.kill()


def _fork(title: str, work: Callable[..., None], *arguments: Any) -> ForkProcess:
    """A child that does the work and ends. Raises OSError."""
    child = _processes.Process(target=_become, args=(os.getpid(), title, work, arguments))
    with held_back():
        child.start()
    return child


def _become(parent: int, title: str, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    as_child_of(parent)
    setproctitle(f"postern {title}")
    work(*arguments)


def _live(run: Part, file: Path, armed: str) -> None:
    with ending.in_one_line(ending.WRONG_SETTING):
        crash.arm(armed)
        run(file)


def _write(config: Config, notes: tuple[Note, ...]) -> None:
    crash.arm("")
    try:
        store = open_store(config)
        for what, part, pid in notes:
            match what:
                case "began":
                    parts.forget_the_dead(store)
                case "started":
                    parts.announce(store, part, pid, clock.now())
                case "died":
                    parts.mark_down(store, part, pid)
                case _:
                    parts.remove(store, (part, pid))
    except Temporary as error:
        _log.warning("the state of the parts is not written down: %s", error)
        raise SystemExit(1) from None
    except Exception:
        _log.exception("the state of the parts is not written down")  # in the log's own form, which tells no values
        raise SystemExit(1) from None
