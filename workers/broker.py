"""The broker: carries hints which rows are due. The row is the truth, so nothing is retried or kept here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import sha256

import dramatiq
from dramatiq.broker import MessageProxy
from dramatiq.brokers.stub import StubBroker
from dramatiq.common import current_millis
from dramatiq.middleware import Middleware, SkipMessage

from store.config import Config
from store.errors import ConfigError

HINT_LIFE = 60.0  # seconds; an older hint has been given again by now
_TIMEOUT = 5.0  # seconds a broker may take to answer


class StaleHints(Middleware):
    """Drops hints that waited too long. dramatiq's own age limit would keep each as a dead letter for a week."""

    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        if current_millis() - message.message_timestamp > HINT_LIFE * 1000:
            raise SkipMessage("hint too old")


def open_broker(config: Config) -> dramatiq.Broker:
    """The broker of a configuration; it connects when first used. Raises ConfigError for what is not a broker's URL."""
    url = config.settings.queue.broker
    try:
        if url == "local":
            return local_broker()
        if url.startswith(("redis://", "rediss://", "unix://")):
            return _redis(url)
        if url.startswith(("amqp://", "amqps://")):
            return _rabbitmq(url)
    except ImportError as error:
        raise ConfigError(f"{config.file}: queue.broker: {error.name} is not installed") from None
    except ValueError as error:
        raise ConfigError(f"{config.file}: queue.broker: {error}") from None
    raise ConfigError(f"{config.file}: queue.broker: expected local, redis://… or amqp://…, got {url!r}")


def queue_name(config: Config) -> str:
    """The queue of this installation, so that two of them may share one server."""
    return "postern-" + sha256(b"queue" + config.secret).hexdigest()[:12]


def local_broker() -> dramatiq.Broker:
    """A broker inside this process."""
    return StubBroker(middleware=[StaleHints()])


def _redis(url: str) -> dramatiq.Broker:
    import redis
    from dramatiq.brokers.redis import RedisBroker

    client = redis.Redis.from_url(url, socket_connect_timeout=_TIMEOUT, socket_timeout=_TIMEOUT)
    # With the defaults the hints of a killed worker come back after more than 80 seconds, so after 8 at most.
    swift = {"heartbeat_timeout": 5000, "maintenance_chance": 100_000}
    broker: dramatiq.Broker = RedisBroker(client=client, middleware=[StaleHints()], namespace="postern", **swift)  # type: ignore[no-untyped-call]
    return broker


def _rabbitmq(url: str) -> dramatiq.Broker:
    from dramatiq.brokers.rabbitmq import RabbitmqBroker

    if "?" not in url:
        url += f"?socket_timeout={_TIMEOUT}&stack_timeout={_TIMEOUT}&blocked_connection_timeout={_TIMEOUT}"
    return RabbitmqBroker(url=url, confirm_delivery=True, middleware=[StaleHints()])


class Lane:
    """A broker with the threads of this process that take hints from it."""

    def __init__(self, broker: dramatiq.Broker, queue: str, threads: int, deliver: Callable[[list[int]], None]) -> None:
        logging.getLogger("dramatiq").setLevel(logging.CRITICAL)  # what it has to say is not about mail
        self._broker = broker
        self._actor = dramatiq.actor(actor_name="deliver", queue_name=queue, broker=broker)(deliver)
        self._worker = dramatiq.Worker(broker, queues={queue}, worker_timeout=100, worker_threads=threads)

    def start(self) -> None:
        self._worker.start()

    def hint(self, ids: list[int]) -> None:
        """Tells that rows are due. Raises whatever the broker raises when it is down."""
        self._actor.send(ids)

    def stop(self, seconds: float) -> None:
        """Takes no more hints and waits for what is being sent, `seconds` at most."""
        self._worker.stop(timeout=int(seconds * 1000))
        self._broker.close()
