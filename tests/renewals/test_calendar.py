"""Days, hours and moments in every time zone there is, against formulas that share nothing with the code."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.rules.calendar import moment_of, round_day, today

ZONES = sorted(available_timezones())
pytestmark = pytest.mark.threat(91)

moments = st.datetimes(datetime(1995, 1, 1), datetime(2090, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
days = st.dates(date(1995, 1, 1), date(2090, 1, 1))
hours = st.times(max_value=time(23, 59)).map(lambda at: at.replace(second=0, microsecond=0))


@given(moments, st.sampled_from(ZONES))
def test_today_is_utc_moved_by_the_offset(now: datetime, name: str) -> None:
    offset = ZoneInfo(name).utcoffset(now.astimezone(ZoneInfo(name)))
    assert offset is not None
    assert today(now, name) == (now.replace(tzinfo=None) + offset).date()


@given(days, hours, st.sampled_from(ZONES))
def test_a_local_hour_is_the_first_moment_at_which_the_clocks_show_it_or_that_much_after_they_were_put_forward(
    day: date, at: time, name: str
) -> None:
    """All moments of three days with this wall time; none of them: the wall time moved by as much as the clocks were."""
    wall = datetime.combine(day, at)
    place = ZoneInfo(name)
    offsets = {_offset(datetime.combine(day, time(), UTC) + timedelta(hours=h), place) for h in range(-36, 61, 3)}
    showing = sorted(
        moment for offset in offsets if _wall(moment := (wall - offset).replace(tzinfo=UTC), place) == wall
    )
    found = moment_of(day, at, name)
    if showing:
        assert found == showing[0]
    else:
        before = _offset(found - timedelta(days=2), place)
        assert found == (wall - before).replace(tzinfo=UTC)
        assert _wall(found, place) - wall == _offset(found, place) - before > timedelta(0)


def _wall(moment: datetime, place: ZoneInfo) -> datetime:
    return moment.astimezone(place).replace(tzinfo=None)


def _offset(moment: datetime, place: ZoneInfo) -> timedelta:
    offset = moment.astimezone(place).utcoffset()
    assert offset is not None
    return offset


@pytest.mark.parametrize(
    ("day", "at", "name", "moment"),
    [
        ("2026-03-29", "02:30", "Europe/Berlin", "2026-03-29T01:30:00+00:00"),  # does not exist: 03:30 of summer time
        ("2026-10-25", "02:30", "Europe/Berlin", "2026-10-25T00:30:00+00:00"),  # exists twice: the first
        ("2026-03-08", "02:30", "America/New_York", "2026-03-08T07:30:00+00:00"),
        ("2026-11-01", "01:30", "America/New_York", "2026-11-01T05:30:00+00:00"),
        ("2026-10-04", "02:15", "Australia/Lord_Howe", "2026-10-03T15:45:00+00:00"),  # by half an hour
        ("2011-12-30", "08:00", "Pacific/Apia", "2011-12-30T18:00:00+00:00"),  # a day that Samoa left out
        ("2026-07-01", "08:00", "no/such zone", "2026-07-01T08:00:00+00:00"),
        ("2026-07-01", "08:00", "Asia/Kathmandu", "2026-07-01T02:15:00+00:00"),
    ],
)
def test_hours_that_do_not_exist_and_hours_that_come_twice(day: str, at: str, name: str, moment: str) -> None:
    assert moment_of(date.fromisoformat(day), time.fromisoformat(at), name) == datetime.fromisoformat(moment)


@given(st.sampled_from(ZONES), days, st.integers(0, 23), st.integers(1, 60))
def test_a_clock_that_looks_all_the_time_does_each_day_once_and_not_before_its_hour(
    name: str, start: date, hour: int, every: int
) -> None:
    now = datetime.combine(start, time(3), UTC)
    done = today(now, name)
    looked, rounds = now, []
    while now < datetime.combine(start, time(3), UTC) + timedelta(days=5):
        now += timedelta(minutes=every)
        day = round_day(now, name, hour, done, looked)
        if day is not None:
            rounds.append(done := day)
            assert moment_of(day, time(hour), name) <= now < moment_of(day, time(hour), name) + timedelta(minutes=every)
        looked = now
    assert rounds == sorted(set(rounds))
    assert 3 <= len(rounds) <= 6  # of five days, by the zone a part of one more or less; Samoa left one out


@given(st.sampled_from(ZONES), moments, st.integers(0, 23), st.integers(12, 500))
def test_after_a_pause_a_day_is_done_at_whatever_hour_and_once(name: str, now: datetime, hour: int, pause: int) -> None:
    looked = now - timedelta(hours=pause)
    day = today(now, name)
    for done in (None, day - timedelta(days=1), day - timedelta(days=9)):
        assert round_day(now, name, hour, done, looked) == day
    assert round_day(now, name, hour, day, looked) is None
    assert round_day(now, name, hour, None, None) == day


@pytest.mark.parametrize("hours", range(24))
def test_a_clock_that_looks_once_a_day_does_every_day(hours: int) -> None:
    done, looked, days = None, None, []
    for number in range(400):
        now = datetime(2026, 1, 1, hours, tzinfo=UTC) + timedelta(days=number)
        day = round_day(now, "America/Los_Angeles", 8, done, looked)
        if day is not None:  # no look finds a new day between 0 o'clock and 23 o'clock of a day of 25 hours
            days.append(done := day)
        looked = now
    assert days == sorted(set(days))
    assert len(days) >= 399  # nor is there a look on a day of 23 hours, from one midnight to the next but one


def test_a_clock_put_back_does_nothing_twice() -> None:
    """threats 91: by an hour, also over midnight."""
    now = datetime(2026, 5, 5, 8, 0, tzinfo=UTC)
    back = now - timedelta(hours=1)
    assert round_day(back, "UTC", 8, date(2026, 5, 5), now) is None
    assert round_day(back, "UTC", 8, date(2026, 5, 4), now) is None  # and nothing early
    assert today(datetime(2026, 5, 5, tzinfo=timezone(timedelta(hours=3))), "UTC") == date(2026, 5, 4)
