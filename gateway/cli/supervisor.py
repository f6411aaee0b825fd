"""Starts the parts as children, starts again what dies, and stops them all together."""

from __future__ import annotations

import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from gateway.cli.signals import SUPERVISED, WRONG_SETTING, StopFlag
from store import clock, crash, parts
from store.config import Config
from store.database import Store
from store.errors import ConfigError, Temporary

GRACE = 28.0  # seconds a part has to finish what it has begun; with the rest less than 30
_WRITING = 1.0  # seconds left at least to write down that they stopped
SHORTEST, LONGEST = 1.0, 30.0  # seconds before a part that died is started again
SETTLED = 60.0  # seconds of life after which a death is the first one again
_log = logging.getLogger("postern.serve")


def parts_of(config: Config) -> tuple[str, ...]:
    """The parts this configuration asks for."""
    doors = ["smtp", *(["lmtp"] if config.settings.lmtp.listen else []), *(["imap"] if config.settings.imap else [])]
    return (*doors, "filer", "worker", "portal", "clock")


def pause_after(former: float | None, lived: float) -> float:
    """Seconds until a part that died is started again, by the pause before and the seconds it lived."""
    return SHORTEST if former is None or lived >= SETTLED else min(LONGEST, former * 2)


class Supervisor:
    """The parent of one process tree. `store` is for the parts' signs of life alone."""

    def __init__(self, config: Config, store: Store) -> None:
        self._config = config
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._parts = parts_of(config)
        self._pause: dict[str, float] = {}
        self._not_before = dict.fromkeys(self._parts, 0.0)
        self._crash = dict.fromkeys(self._parts, crash.armed())
        self._stop = StopFlag()
        self._notes = _Notes(store)

    def run(self) -> None:
        """Returns when every child has stopped after SIGTERM or Ctrl-C. Raises ConfigError when a part cannot start at all."""
        try:
            while not self._stop.is_set():
                self._look_after()
                self._stop.wait(0.2)
        finally:
            self._stop_children()
            self._stop.ignore()

    def _look_after(self) -> None:
        for part in self._parts:
            child = self._children.get(part)
            if child is not None and child.poll() is not None:
                self._mourn(part, child)
            if part not in self._children and time.monotonic() >= self._not_before[part]:
                self._start(part)

    def _start(self, part: str) -> None:
        command = [sys.executable, "-m", "gateway", part, "--config", str(self._config.file)]
        environment = os.environ | {SUPERVISED: str(os.getpid())}
        if armed := self._crash.pop(part, ""):  # for the first start alone, else it would never come up again
            environment[crash.VARIABLE] = armed
        self._started[part] = time.monotonic()
        try:
            # A session of its own: Ctrl-C reaches the parent alone, which stops the children in order.
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, env=environment)
        except OSError as error:  # no memory or no process to be had may pass
            _log.error("%s cannot be started: %s; again in %.0f s", part, error.strerror, LONGEST)
            self._not_before[part] = time.monotonic() + LONGEST
            return
        self._children[part] = child
        self._notes.add(lambda store: parts.announce(store, part, child.pid, clock.now()))

    def _mourn(self, part: str, child: subprocess.Popen[bytes]) -> None:
        """A part that died is started again after a pause. Raises ConfigError when it said at once that this will not help.

        Settings it has run with once were right: whoever is changing them now must not take the other parts down.
        """
        del self._children[part]
        if child.returncode == WRONG_SETTING and part not in self._pause:
            raise ConfigError(f"{part} cannot start with these settings; see the line above")
        self._notes.add(lambda store: parts.mark_down(store, part, child.pid))
        lived = time.monotonic() - self._started[part]
        pause = self._pause[part] = pause_after(self._pause.get(part), lived)
        self._not_before[part] = time.monotonic() + pause
        _log.error("%s ended with %s after %.0f s; again in %.0f s", part, child.returncode, lived, pause)

    def _stop_children(self) -> None:
        """All at once: every mail a door says yes to lies in the journal, and every other part can do without the rest."""
        for child in self._children.values():
            child.terminate()
        deadline = time.monotonic() + GRACE
        for part, child in self._children.items():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _log.error("%s did not stop in %.0f s and is killed", part, GRACE)
                child.kill()
                child.wait()
        stopped = [(part, child.pid) for part, child in self._children.items()]
        self._notes.add(lambda store: parts.remove(store, *stopped))
        self._notes.close(max(_WRITING, deadline - time.monotonic()))


class _Notes:
    """Writes down how the parts do, in a thread: a database that hangs must not keep dead parts from being started."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: queue.SimpleQueue[Callable[[Store], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="notes", daemon=True)
        self._thread.start()
        self.add(parts.forget_the_dead)

    def add(self, note: Callable[[Store], None]) -> None:
        """Queues something to be written."""
        self._queue.put(note)

    def close(self, patience: float) -> None:
        """Waits so many seconds at most for what is queued."""
        self._queue.put(None)
        self._thread.join(patience)

    def _run(self) -> None:
        while (note := self._queue.get()) is not None:
            try:
                note(self._store)
            except Temporary as error:
                _log.warning("the state of the parts is not written down: %s", error)
            except Exception:
                _log.exception("the state of the parts is not written down")
