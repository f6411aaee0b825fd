"""Servers and clients as processes of their own, so that neither side's interpreter slows the other's."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection

from benchmarks.client import send_all

_SPAWN = multiprocessing.get_context("spawn")


class Server:
    """An SMTP server in a child process."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.port: int = pipe.recv()

    def cpu(self) -> float:
        """Seconds of CPU the child has used so far, in all its threads."""
        self._pipe.send("cpu")
        return float(self._pipe.recv())


class Client:
    """An SMTP client in a child process."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def rate(self, port: int, mails: int, connections: int, content: bytes) -> float:
        """Sends so many mails; how many a second were answered with 250."""
        self._pipe.send((port, mails, connections, content))
        return mails / float(self._pipe.recv())


@contextmanager
def server(opened: Callable[..., AbstractContextManager[int]], *arguments: object) -> Iterator[Server]:
    """A child in which `opened(*arguments)` gives the port of a server that runs in another thread."""
    with _child(_serve, opened, *arguments) as pipe:
        yield Server(pipe)


@contextmanager
def client() -> Iterator[Client]:
    """A child that sends on demand."""
    with _child(_send) as pipe:
        yield Client(pipe)


@contextmanager
def _child(target: Callable[..., None], *arguments: object) -> Iterator[Connection]:
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=target, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()  # so that a child that dies is an EOFError here and no endless wait
    try:
        yield ours
    finally:
        ours.close()
        process.join(10)


def _serve(pipe: Connection, opened: Callable[..., AbstractContextManager[int]], *arguments: object) -> None:
    with opened(*arguments) as port:
        pipe.send(port)
        while _next(pipe) is not None:
            pipe.send(time.process_time())


def _send(pipe: Connection) -> None:
    while (task := _next(pipe)) is not None:
        pipe.send(send_all(*task))


def _next(pipe: Connection) -> tuple[int, int, int, bytes] | None:
    """What the parent asks for; None when it has closed its end."""
    try:
        return pipe.recv()  # type: ignore[no-any-return]
    except EOFError:
        return None
