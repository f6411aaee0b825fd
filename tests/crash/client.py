"""The nursery as the driver sees it: parts are forked and killed on request, and their deaths reported."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass
class Child:
    """One life of a part. `shot`: the driver killed it."""

    id: int
    part: str
    arm: str
    port: int = 0
    status: int = 0
    shot: bool = False
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    dead: asyncio.Event = field(default_factory=asyncio.Event)


class Nursery:
    """A fork server with a folder for its rounds; closed on leaving.

    The folder is in memory where there is such a place, unless `disk`: a killed process takes no written page along.
    """

    def __init__(self, bug: str = "", disk: bool = False) -> None:
        in_memory = Path("/dev/shm").is_dir() and not disk
        self.folder = Path(tempfile.mkdtemp(prefix="postern-crash-", dir="/dev/shm" if in_memory else None))
        self.template = self.folder / "template"
        self._reports, writing = os.pipe()
        os.set_blocking(self._reports, False)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.nursery", str(writing), str(self.template), bug],
            stdin=subprocess.PIPE, pass_fds=(writing,), cwd=ROOT,
        )  # fmt: skip
        os.close(writing)
        self._children: dict[int, Child] = {}
        self._next = 0
        self._rest = b""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open = asyncio.Event()
        self._dead = False

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
        os.close(self._reports)
        kept = self.folder / "kept"
        if kept.exists():
            for other in self.folder.iterdir():
                if other != kept:
                    shutil.rmtree(other, ignore_errors=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def attach(self) -> None:
        """Hears the reports in the running loop, and waits until the nursery is ready."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._reports, self._hear)
        await self._open.wait()
        self._alive()

    def _alive(self) -> None:
        if self._dead:
            raise RuntimeError("the nursery ended; what it said is above")

    def detach(self) -> None:
        assert self._loop
        self._loop.remove_reader(self._reports)

    def fork(
        self, part: str, folder: Path, arm: str, relay: int, threads: int, lease: float | None, imap: int = 0
    ) -> Child:
        self._next += 1
        child = self._children[self._next] = Child(self._next, part, arm)
        order = {
            "part": part,
            "folder": str(folder),
            "arm": arm,
            "relay": relay,
            "threads": threads,
            "lease": lease,
            "imap": imap,
        }
        self._say(do="fork", id=child.id, **order)
        return child

    def kill(self, child: Child) -> None:
        """By the process that has to wait for it, so that its number cannot be another's."""
        child.shot = True
        self._say(do="kill", id=child.id)

    def _say(self, **command: Any) -> None:
        self._alive()
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()

    def _hear(self) -> None:
        block = os.read(self._reports, 1 << 16)
        if not block:
            self._give_up()
            return
        *lines, self._rest = (self._rest + block).split(b"\n")
        for line in lines:
            self._note(json.loads(line))

    def _give_up(self) -> None:
        """The nursery is dead, and its children with it."""
        self.detach()
        self._dead = True
        self._open.set()
        for child in self._children.values():
            child.dead.set()

    def _note(self, report: dict[str, Any]) -> None:
        if "open" in report:
            self._open.set()
            return
        child = self._children[report["id"]]
        if "ready" in report:
            child.port = report["ready"]
            child.ready.set()
        else:
            child.status = report["dead"]
            child.dead.set()
            del self._children[child.id]
