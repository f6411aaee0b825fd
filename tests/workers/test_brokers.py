"""The worker on a real Redis and a real RabbitMQ, also while they lose everything."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator

import dramatiq
import pika
import pytest
import redis
import time_machine

from tests.fakes import FakeRelay
from tests.workers.bench import Bench
from workers.broker import Lane, local_broker, open_broker, queue_name

REDIS = os.environ.get("POSTERN_TEST_REDIS", "redis://127.0.0.1:6379/9")
RABBITMQ = os.environ.get("POSTERN_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672")


def need(port: int, name: str) -> None:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        pytest.skip(f"NOT TESTED: no {name} on 127.0.0.1:{port}; install it, `.ci/run` allows no skip")


@pytest.fixture
def on_redis(bench: Bench, fake: FakeRelay) -> Iterator[redis.Redis]:
    """A client of the server the bench uses; the keys of this test's queue are removed."""
    need(6379, "Redis")
    bench.configure(fake.url(), REDIS)
    client = redis.Redis.from_url(REDIS)
    yield client
    forget(client, bench)


def forget(client: redis.Redis, bench: Bench) -> None:
    for key in client.scan_iter(f"*{queue_name(bench.config)}*"):
        client.delete(key)


@pytest.fixture
def on_rabbitmq(bench: Bench, fake: FakeRelay) -> Iterator[pika.BlockingConnection]:
    """A connection to the server the bench uses; the queues of this test are removed."""
    need(5672, "RabbitMQ")
    bench.configure(fake.url(), RABBITMQ)
    connection = pika.BlockingConnection(pika.URLParameters(RABBITMQ))
    yield connection
    for ending in ("", ".DQ", ".XQ"):
        connection.channel().queue_delete(queue_name(bench.config) + ending)
    connection.close()


def test_redis_carries_the_hints(on_redis: redis.Redis, bench: Bench, fake: FakeRelay) -> None:
    bench.open_tickets(40)
    with bench.worker(), bench.worker():
        bench.settled()
    assert len(fake.mails) == 40


@pytest.mark.threat(83)
def test_redis_that_forgets_everything_loses_no_mail(on_redis: redis.Redis, bench: Bench, fake: FakeRelay) -> None:
    bench.open_tickets(40)
    done = threading.Event()

    def flush() -> None:
        while not done.wait(0.1):
            forget(on_redis, bench)

    flusher = threading.Thread(target=flush)
    flusher.start()
    try:
        with bench.worker():
            bench.settled()
    finally:
        done.set()
        flusher.join()
    assert len(fake.mails) == 40


def test_rabbitmq_carries_the_hints(on_rabbitmq: pika.BlockingConnection, bench: Bench, fake: FakeRelay) -> None:
    bench.open_tickets(40)
    with bench.worker(), bench.worker():
        bench.settled()
    assert len(fake.mails) == 40


@pytest.mark.threat(83)
def test_rabbitmq_that_loses_its_queue_loses_no_mail(
    on_rabbitmq: pika.BlockingConnection, bench: Bench, fake: FakeRelay
) -> None:
    bench.open_tickets(30)
    with bench.worker():
        fake.wait(5)
        on_rabbitmq.channel().queue_delete(queue_name(bench.config))
        bench.settled()
    assert len(fake.mails) == 30


@pytest.mark.threat(79)
@pytest.mark.parametrize("server", ["redis", "rabbitmq", "local"])
def test_a_hint_reaches_the_actor_and_a_stale_one_does_not(
    bench: Bench, server: str, request: pytest.FixtureRequest
) -> None:
    if server != "local":
        request.getfixturevalue(f"on_{server}")
    broker: dramatiq.Broker = local_broker() if server == "local" else open_broker(bench.config)
    seen: list[int] = []
    arrived = threading.Event()

    def deliver(outbox_id: int) -> None:
        seen.append(outbox_id)
        arrived.set()

    lane = Lane(broker, queue_name(bench.config), 1, deliver)
    with time_machine.travel(time.time() - 61, tick=True):
        lane.hint(1)
    lane.hint(2)
    lane.start()
    assert arrived.wait(5)
    lane.stop(3)
    assert seen == [2]
