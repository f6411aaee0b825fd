"""The worker process: feeds due rows to its threads, keeps their leases alive, and leaves nothing claimed behind."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from store import clock, crash, outbox, pending
from store.config import Config
from store.database import Store, open_store
from store.errors import DiskFailed, Temporary
from store.holder import Holder
from workers.broker import Lane, local_broker, open_broker, queue_name
from workers.deliver import Delivery
from workers.relay import Relay, open_relay

_log = structlog.get_logger("worker")
_EVERY = 0.2  # seconds between looks at the outbox when nothing calls for one earlier
_GAP = 0.02  # seconds between looks at least
_WINDOW = 200  # due rows looked at a time
_AT_ONCE = 10  # rows that one thread claims in one transaction at most
_AGAIN = 30.0  # seconds until a hint is given again
_LOST = 2.0  # seconds of idleness after which a hint given is taken for lost
_BROKEN = 5.0  # seconds a broker that failed is left alone
_THREADS = 3  # for each connection: while one sends, others claim rows and write down how theirs ended
_KEEP = 5.0  # seconds between heartbeats, and sweeps
_LEAP = 5.0  # seconds by which a wall clock may run away before its leaps are taken for leaps


@dataclass(frozen=True, slots=True)
class Share:
    """Which of how many workers one is that send together what the relay takes from all."""

    number: int = 0
    workers: int = 1

    def of_connections(self, connections: int) -> int:
        """How many of the relay's connections are this worker's: the first get those that are left over, none gets 0."""
        return max(1, (connections + self.workers - 1 - self.number) // self.workers)

    def of_rows(self, ids: list[int]) -> list[int]:
        """The rows that are this worker's; those of the others when it has none left."""
        return [id_ for id_ in ids if id_ // _AT_ONCE % self.workers == self.number] or ids


class Feeder:
    """Gives due rows to the broker as hints, several in one. What it does not carry, for whatever reason, runs here.

    A row that a worker died with may have been its death, so such rows go down a lane of one thread, `single`: a mail
    that kills workers then never takes the same other mail along twice, and is alone when it is given up (threats 82).
    """

    def __init__(
        self, store: Store, delivery: Delivery, local: Lane, single: Lane, remote: Lane | None, threads: int, now: clock.Clock,
        share: Share = Share(),
    ) -> None:  # fmt: skip
        self._store, self._delivery, self._threads, self._now, self._share = store, delivery, threads, now, share
        self._local, self._single, self._remote = local, single, remote
        self._hinted: dict[int, float] = {}
        self._trust_after = 0.0
        self.wake = threading.Event()
        delivery.after = self._served

    def round(self) -> None:
        """One look at the outbox. Raises Temporary when the database does not answer."""
        if self._delivery.waiting:  # perhaps the threads that claimed them wait for the relay, and others are free
            self._local.hint([])
        ids = self._share.of_rows(pending.due(self._store, self._now(), _WINDOW * self._share.workers))[:_WINDOW]
        for gone in self._hinted.keys() - set(ids):
            self._hinted.pop(gone, None)
        if not ids:
            return
        crash.point("O2")
        now = time.monotonic()
        patience = _LOST if self._delivery.idle() > _LOST else _AGAIN
        unfinished = pending.unfinished(self._store, ids)
        again = [id_ for id_ in ids if id_ in self._hinted and now - self._hinted[id_] >= patience]
        fresh = [id_ for id_ in ids if id_ not in self._hinted]
        lost = set(again) if patience == _LOST else set()
        for id_ in [*fresh, *again]:
            if id_ in unfinished:
                self._give([id_], self._single.hint)
        for wanted, hint in ((lost, self._local.hint), ({*fresh, *again} - lost, self._hint)):
            rows = sorted(wanted - unfinished)
            size = min(_AT_ONCE, -(-len(rows) // self._threads))  # no thread stays idle for want of rows
            for start in range(0, len(rows), size or 1):
                self._give(rows[start : start + size], hint)

    def _give(self, ids: list[int], hint: Callable[[list[int]], None]) -> None:
        self._hinted.update(dict.fromkeys(ids, time.monotonic()))
        try:
            hint(ids)
        except BaseException:
            for id_ in ids:
                self._hinted.pop(id_, None)  # or the rows would wait as long as for a hint that was given
            raise
        for _ in ids:
            crash.point("O3")

    def _hint(self, ids: list[int]) -> None:
        if self._remote is not None and time.monotonic() >= self._trust_after:
            try:
                return self._remote.hint(ids)
            except Exception as error:  # each broker has a family of its own
                self._trust_after = time.monotonic() + _BROKEN
                _log.warning("broker down, sending without it", why=str(error) or type(error).__name__)
        self._local.hint(ids)

    def _served(self, id_: int) -> None:
        self._hinted.pop(id_, None)
        if len(self._hinted) <= _WINDOW // 2:
            self.wake.set()


class Keeper:
    """Heartbeat of our own leases, then sweep of everybody's that ran out."""

    def __init__(self, store: Store, delivery: Delivery, holder: str, now: clock.Clock) -> None:
        self._store, self._delivery, self._holder, self._now = store, delivery, holder, now
        self._seen = (now().timestamp(), time.monotonic())
        self._sweep_after = 0.0

    def round(self) -> None:
        """Raises Temporary when the database does not answer."""
        if in_hand := self._delivery.in_hand:
            outbox.extend(self._store, in_hand, self._holder, self._now())
        if self._leapt():
            self._sweep_after = time.monotonic() + 3 * _KEEP  # until other workers have renewed theirs
        if time.monotonic() >= self._sweep_after and (freed := outbox.sweep(self._store, self._now())):
            _log.warning("leases ran out", rows=freed)

    def _leapt(self) -> bool:
        """True when the wall clock was put forward: then every lease seems to have run out (threats 81)."""
        (wall, steady), self._seen = self._seen, (self._now().timestamp(), time.monotonic())
        return (self._seen[0] - wall) - (self._seen[1] - steady) > _LEAP


class WorkerProcess:
    """A worker that runs in threads of this process; `run` is the command around it."""

    def __init__(
        self,
        config: Config,
        *,
        threads: int = 4,
        connections: int | None = None,
        now: clock.Clock = clock.now,
        relay: Relay | None = None,
        share: Share = Share(),
    ) -> None:
        self._now = now
        self._stop, self._ended = threading.Event(), threading.Event()
        self._store = open_store(config)
        self._relay = relay or open_relay(config)
        self._name = Holder(config, "worker")
        self.delivery = Delivery(
            config, self._store, self._relay, self._name.value, now, connections=connections or threads
        )
        queue = queue_name(config)
        local, single = (Lane(local_broker(), queue, count, self.delivery.deliver) for count in (threads, 1))
        remote = None
        if config.settings.queue.broker != "local":
            remote = Lane(open_broker(config), queue, threads, self.delivery.deliver)
        self._lanes = [lane for lane in (local, single, remote) if lane is not None]
        self._feeder = Feeder(self._store, self.delivery, local, single, remote, threads, now, share)
        self._keeper = Keeper(self._store, self.delivery, self._name.value, now)
        self._feeding = threading.Thread(target=self._feed, name="feeder", daemon=True)
        self._keeping = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def start(self) -> None:
        """Frees what a former worker of this name left claimed, and begins. Raises Temporary (the database)."""
        outbox.release(self._store, self._name.value, self._now())
        for lane in self._lanes:
            lane.start()
        self._feeding.start()
        self._keeping.start()
        _log.info("worker", name=self._name.value, pid=os.getpid())

    def stop(self, patience: float = 20) -> None:
        """Ends: nothing new, what is being sent may finish within `patience` seconds, the rest is due again."""
        self._stop.set()
        self._feeder.wake.set()
        self._feeding.join(timeout=patience)
        end = time.monotonic() + patience
        self._guarded(self.delivery.stop)
        for lane in self._lanes:
            lane.stop(max(end - time.monotonic(), 1) if self.delivery.in_hand else 1)
        self._relay.close()  # ends what still waits for an answer
        while self.delivery.in_hand and time.monotonic() < end + 2:
            time.sleep(0.02)
        self._ended.set()
        self._keeping.join(timeout=_KEEP)
        self._release()
        self._store.close()
        self._name.give_up()

    def _release(self) -> None:
        if self.failed is not None:  # the next worker of this name frees the claims, when it can write
            return
        try:
            outbox.release(self._store, self._name.value, self._now())
        except Temporary as error:
            _log.warning("claims left to run out", why=str(error))

    @property
    def failed(self) -> DiskFailed | None:
        """Why this worker takes no more rows and should be stopped; None while all is well (threats 88)."""
        return self.delivery.failed

    def _feed(self) -> None:
        while not self._stop.is_set() and self.failed is None:
            self._guarded(self._feeder.round)
            if not self._stop.wait(_GAP):
                self._feeder.wake.wait(_EVERY)
                self._feeder.wake.clear()

    def _keep(self) -> None:
        while not self._ended.wait(_KEEP):
            self._guarded(self._keeper.round)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except DiskFailed as error:
            self.delivery.failed = error
        except Temporary as error:
            _log.warning("the database does not answer", why=str(error))
        except Exception:
            _log.exception("worker")  # a thread that ends here would end all delivery in silence


def run(config: Config, stop: clock.Stop, share: Share = Share()) -> None:
    """Sends what is due until `stop` is set, from a store at this version.

    Raises ConfigError, Temporary when the database does not answer at the start, and DiskFailed at any time.
    """
    all_connections = config.settings.relay.connections
    mine = share.of_connections(all_connections)
    relay = open_relay(config, mine / all_connections)
    worker = WorkerProcess(config, threads=_THREADS * mine, connections=mine, relay=relay, share=share)
    worker.start()
    while worker.failed is None and not stop.is_set():
        time.sleep(0.1)
    worker.stop()
    if worker.failed is not None:
        raise worker.failed
