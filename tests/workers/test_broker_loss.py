"""Brokers that forget, die and come back while mails go out: a hint lost is nothing lost (threats 83)."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pika
import pytest
import redis

from store import clock
from tests.fakes import FakeRelay, until
from tests.running import free_port
from tests.workers.bench import Bench, copies
from tests.workers.test_brokers import RABBITMQ, need
from workers.broker import queue_name

pytestmark = pytest.mark.threat(83)


class Redis:
    """A server of this test's own, without a memory on disk."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("redis-server") is None:
            pytest.skip("NOT TESTED: no redis-server to kill; install it, `.ci/run` allows no skip")
        self.port, self._folder = free_port(), folder
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            "redis-server",
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self._folder),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until(self.answers)

    def answers(self) -> bool:
        try:
            return bool(redis.Redis.from_url(self.url).ping())
        except redis.ConnectionError:
            return False

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        redis.Redis.from_url(self.url).flushall()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    server.start()
    yield server
    server.kill()


def test_mails_go_out_while_redis_forgets_everything_and_is_killed(
    own_redis: Redis, bench: Bench, fake: FakeRelay
) -> None:
    forget_and_die(own_redis, bench, fake, rounds=2, mails=20, away=0.3)


@pytest.mark.parametrize("rounds", [pytest.param(6, marks=pytest.mark.slow), pytest.param(25, marks=pytest.mark.long)])
def test_hundreds_of_mails_go_out_while_redis_forgets_everything_and_is_killed(
    own_redis: Redis, bench: Bench, fake: FakeRelay, rounds: int
) -> None:
    forget_and_die(own_redis, bench, fake, rounds=rounds, mails=40, away=3)


def forget_and_die(server: Redis, bench: Bench, fake: FakeRelay, rounds: int, mails: int, away: float) -> None:
    """In each round some mails, one FLUSHALL in their midst, every third time the server's sudden death."""
    bench.configure(fake.url(), server.url)
    sent = 0
    with bench.worker(), bench.worker():
        for number in range(rounds):
            sent = open_more(bench, sent, mails)
            until(lambda wanted=sent - mails // 2: len(fake.mails) >= wanted)  # type: ignore[misc]
            server.forget()
            if number % 3 == 1:
                server.kill()
                sent = open_more(bench, sent, mails)
                time.sleep(away)
                server.start()
        bench.settled(seconds=120)
    assert len(fake.mails) == len(copies(fake)) == sent


def open_more(bench: Bench, start: int, count: int) -> int:
    """As many tickets as wanted, of people who had none before; how many people there are now."""
    with bench.store.write() as connection:
        for number in range(start, start + count):
            bench._open(connection, number, clock.now)
    return start + count


class Cable:
    """A TCP way to a server that can be cut, with every connection on it, and put together again."""

    def __init__(self, port: int) -> None:
        self.port, self._server = free_port(), port
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.join()

    def join(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        assert self._listener is not None
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._server))
            self._open += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=_carry, args=(one, other), daemon=True).start()


def _carry(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while content := one.recv(65536):
            other.sendall(content)
    with suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)


@contextmanager
def cable_to_rabbitmq() -> Iterator[Cable]:
    need(5672, "RabbitMQ")
    cable = Cable(5672)
    try:
        yield cable
    finally:
        cable.cut()


@pytest.mark.slow
def test_mails_go_out_while_rabbitmq_is_away_and_when_it_is_back(bench: Bench, fake: FakeRelay) -> None:
    with cable_to_rabbitmq() as cable:
        bench.configure(fake.url(), RABBITMQ.replace("5672", str(cable.port)))
        with bench.worker(), bench.worker():
            sent = open_more(bench, 0, 20)
            fake.wait(5)
            cable.cut()
            sent = open_more(bench, sent, 20)
            fake.wait(sent)
            cable.join()
            sent = open_more(bench, sent, 20)
            bench.settled(seconds=60)
        assert len(fake.mails) == len(copies(fake)) == sent
    with pika.BlockingConnection(pika.URLParameters(RABBITMQ)) as connection:
        for ending in ("", ".DQ", ".XQ"):
            connection.channel().queue_delete(queue_name(bench.config) + ending)
