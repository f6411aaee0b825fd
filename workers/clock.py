"""The clock: does what is due by time. Each job may run twice, and on two hosts at once, and still do its work once.

A job is told what time it is. What it finds is found by an index; when it was not asked for days, it does what it left undone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from store import alarms, clock, outbox
from store.alerting import send_alerts
from store.config import Config
from store.database import Store
from store.digests import send_due
from store.errors import DiskFailed, Temporary
from store.invoicing import invoice_due
from store.reminding import close_due, expire_held, remind_due
from store.renewing import end_due, renew_due
from store.sweeping import sweep_blobs
from workers.canary import probe

LEAP = timedelta(days=60)  # by which no wall clock goes on while a process runs, unless it is set
TRUST = 3600.0  # seconds for which a leap has to last before it is believed
SOON = 20.0  # seconds after the start until the first round: a gateway that comes up has better things to do
_log = logging.getLogger("postern.clock")


@dataclass(frozen=True, slots=True)
class Job:
    """What is done every so many seconds. `run` gives way between its steps, however few, by yielding anything."""

    name: str
    every: float
    run: Callable[[Config, Store, datetime], Iterable[object]]


def _sweep(_config: Config, store: Store, now: datetime) -> Iterable[object]:
    return sweep_blobs(store, min(now, clock.now()))  # the age of a file is that of the disk's own clock


# In the order in which they belong at one moment: what has ended was invoiced, and what goes over is not warned of.
JOBS = (
    Job("invoice entries", 60.0, invoice_due),
    Job("ends of contracts", 60.0, end_due),
    Job("renewals", 60.0, renew_due),
    Job("renewal alerts", 60.0, send_alerts),
    Job("tickets that wait too long", 60.0, close_due),
    Job("reminders", 60.0, remind_due),
    Job("held mail", 3600.0, expire_held),
    Job("digests", 30.0, send_due),
    Job("alarms", 30.0, alarms.watch),
    Job("probes", 30.0, probe),
    Job("sweep of the blob store", 3600.0, _sweep),
)


def run(
    config: Config, store: Store, stop: clock.Stop, jobs: Sequence[Job] = JOBS, soon: float = SOON, now: clock.Clock = clock.now
) -> None:  # fmt: skip
    """Runs each job `soon` seconds after the start and from then on at its pace. Raises DiskFailed."""
    due = dict.fromkeys(jobs, time.monotonic() + soon)  # paces do not leap with the wall clock (threats 91)
    wall = Wall(now)
    while not stop.wait(1.0):
        for job in jobs:
            if time.monotonic() >= due[job] and (moment := wall.read(time.monotonic())) is not None:
                due[job] = time.monotonic() + job.every
                _run_one(job, config, store, stop, moment)


class Wall:
    """The wall clock, doubted for a while when it leaps ahead: ten years of renewals cannot be taken back (threats 91)."""

    def __init__(self, now: clock.Clock) -> None:
        self._now, self._told, self._at = now, now(), time.monotonic()
        self._doubted: float | None = None

    def read(self, steady: float) -> datetime | None:
        """What it shows; None while that is doubted. `steady`: seconds of a clock that nobody sets."""
        moment = self._now()
        if moment - self._told - timedelta(seconds=steady - self._at) <= LEAP:
            self._doubted = None
        elif self._doubted is None:
            self._doubted = steady
            _log.error(
                "the clock of this machine leapt from %s to %s; nothing is done by it for an hour", self._told, moment
            )
        if self._doubted is not None and steady - self._doubted < TRUST:
            return None
        self._told, self._at, self._doubted = moment, steady, None
        return moment


def tick(config: Config, store: Store, now: datetime, jobs: Sequence[Job] = JOBS) -> None:
    """Does once what is due at a moment, as if it were now; mails it makes are due at once (X-10). Raises what a job raises."""
    before = outbox.newest(store)
    for job in jobs:
        for _step in job.run(config, store, now):
            pass
    if outbox.newest(store) > before:
        outbox.hasten(store, before, clock.now())


def _run_one(job: Job, config: Config, store: Store, stop: clock.Stop, now: datetime) -> None:
    try:
        for _step in job.run(config, store, now):
            if stop.is_set():
                return
    except DiskFailed:
        raise
    except (Temporary, OSError) as error:
        _log.warning("%s waits for its next turn: %s", job.name, error)
    except Exception:
        _log.exception("%s failed", job.name)
