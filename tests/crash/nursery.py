"""The fork server: imports the gateway once, makes the installation every round starts from, and forks parts on command.

Commands come as JSON lines on standard input, reports go as JSON lines to the file descriptor given as argument. Parts
write their reports there too; a line is short enough to be written in one piece.
"""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import os
import select
import signal
import ssl
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from tests.crash import parts, template

_LINE = 4096  # PIPE_BUF: POSIX keeps writes up to this whole


class Nursery:
    """Single-threaded, so that a fork takes along no lock that nobody opens."""

    def __init__(self, reports: int, warm: parts.Warm) -> None:
        self._reports, self._warm = reports, warm
        self._children: dict[int, int] = {}  # process to id

    def report(self, **what: Any) -> None:
        line = json.dumps(what).encode() + b"\n"
        assert len(line) <= _LINE
        os.write(self._reports, line)

    def run(self) -> None:
        """Until standard input ends; then nothing is left alive."""
        heard, woken = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(heard, False)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's
        self.report(open=True)
        rest = b""
        while True:
            ready, _, _ = select.select([0, heard], [], [])
            if heard in ready:
                os.read(heard, 4096)
                self._bury()
            if 0 in ready:
                block = os.read(0, 65536)
                if not block:
                    break
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    self._obey(json.loads(line))
        for process in self._children:
            os.kill(process, signal.SIGKILL)

    def _obey(self, command: dict[str, Any]) -> None:
        if command.pop("do") == "fork":
            self._fork(command.pop("id"), parts.Order(**command))
            return
        for process, id_ in self._children.items():
            if id_ == command["id"]:
                os.kill(process, signal.SIGKILL)  # not yet waited for, so the number is still its own

    def _fork(self, id_: int, order: parts.Order) -> None:
        process = os.fork()
        if process:
            self._children[process] = id_
            return
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no part outlives the nursery
            log = os.open(f"{order.folder}/{order.part}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            parts.run(order, lambda **what: self.report(id=id_, **what), self._warm)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(1)

    def _bury(self) -> None:
        while self._children:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            self.report(id=self._children.pop(process), dead=os.waitstatus_to_exitcode(status))


def main() -> None:
    reports, folder, bug = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    for name in [name for name in os.environ if name.startswith("POSTERN_")]:
        del os.environ[name]
    from gateway.cli.logs import set_up

    set_up()
    logging.getLogger().setLevel(logging.WARNING)
    template.make(folder)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        store = template.warm_up(folder, Path(scratch) / "warm")
    if bug:
        from tests.crash import planted

        planted.BUGS[bug]()
    nursery = Nursery(reports, parts.Warm(ssl.create_default_context(), parts.with_statements_of(store)))
    gc.collect()
    gc.freeze()
    nursery.run()


if __name__ == "__main__":
    main()
