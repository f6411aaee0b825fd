"""Starts the parts as children, starts again what dies, and stops them all together."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time

from gateway.cli.signals import StopFlag
from store.config import Config
from store.errors import ConfigError

PARTS = ("smtp", "filer", "worker", "portal")
SUPERVISED = "POSTERN_SUPERVISED"  # set in the environment of the parts
WRONG_SETTING = 78  # EX_CONFIG of sysexits: a part says that starting it again will not help
GRACE = 30.0  # seconds a part has to finish what it has begun
_log = logging.getLogger("postern.serve")


class Supervisor:
    """The parent of one process tree."""

    def __init__(self, config: Config, parts: tuple[str, ...] = PARTS) -> None:
        self._config = config
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._pause = dict.fromkeys(parts, 1.0)
        self._not_before = dict.fromkeys(parts, 0.0)
        self._stop = StopFlag()

    def run(self) -> None:
        """Returns when every child has stopped after SIGTERM or Ctrl-C. Raises ConfigError when a part cannot ever start."""
        try:
            while not self._stop.is_set():
                self._look_after()
                self._stop.wait(0.2)
        finally:
            self._stop_children()

    def _look_after(self) -> None:
        for part in self._pause:
            child = self._children.get(part)
            if child is not None and child.poll() is not None:
                self._mourn(part, child.returncode)
            if part not in self._children and time.monotonic() >= self._not_before[part]:
                self._start(part)

    def _start(self, part: str) -> None:
        command = [sys.executable, "-m", "gateway", part, "--config", str(self._config.file)]
        # A session of its own: Ctrl-C reaches the parent alone, which stops the children in order.
        self._children[part] = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_parent,
            env=os.environ | {SUPERVISED: "1"},
        )
        self._started[part] = time.monotonic()

    def _mourn(self, part: str, code: int) -> None:
        """A part that dies young is started again after a growing pause, at most half a minute. Raises ConfigError."""
        del self._children[part]
        if code == WRONG_SETTING:
            raise ConfigError(f"{part} cannot start with these settings; see the line above")
        lived = time.monotonic() - self._started[part]
        self._pause[part] = 1.0 if lived > 60 else min(30.0, self._pause[part] * 2)
        self._not_before[part] = time.monotonic() + self._pause[part]
        _log.error("%s ended with %s after %.0f s; again in %.0f s", part, code, lived, self._pause[part])

    def _stop_children(self) -> None:
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


def _die_with_parent() -> None:
    """On Linux a child gets SIGTERM when its parent is killed, so that no door is left open behind a dead gateway."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1: PR_SET_PDEATHSIG
