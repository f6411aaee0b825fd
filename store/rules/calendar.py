"""What day and what o'clock it is somewhere (A-34, threats 91). Days and hours are kept with a zone, moments in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from store.rules.pacing import zone

PAUSE = timedelta(hours=12)


def today(now: datetime, name: str) -> date:
    """The day it is at an aware moment in the time zone of this name; in UTC when there is none."""
    return now.astimezone(zone(name)).date()


def moment_of(day: date, at: time, name: str) -> datetime:
    """When a day has come to an hour in a time zone, in UTC.

    An hour that daylight saving leaves out is the one the clocks were put forward to, so that 02:30 is 03:30; of one that comes
    twice it is the first (threats 91, PEP 495).
    """
    return datetime.combine(day, at, zone(name)).astimezone(UTC)


def round_day(now: datetime, name: str, hour: int, done: date | None, looked: datetime | None) -> date | None:
    """The day whose work is to be done now, once a day in a time zone from `hour` o'clock on; None when there is none.

    `done`: the day whose work was done last; `looked`: when it was last asked whether there is any. After a pause of `PAUSE`
    it is done at whatever hour: what was due while nobody looked does not wait for the next morning as well.
    """
    day = today(now, name)
    if done == day:
        return None
    paused = looked is None or abs(now - looked) >= PAUSE
    return day if paused or now >= moment_of(day, time(hour), name) else None
