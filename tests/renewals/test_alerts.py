"""Who is warned of a renewal, on which days, and that nobody is warned twice or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from store.rules.alerts import step_of
from store.rules.terms import Term
from store.schema import Alert, Event, Grant
from tests.assets.house import BOSS, DORA, EVE, GONE, MIA, NORA, SUE
from tests.renewals.house import House

WARNED = ["2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23"]  # of the renewal on 30 March


def test_the_step_that_holds_is_the_last_one_whose_day_has_come() -> None:
    term = Term("yearly", date(2026, 3, 30))
    steps = [step_of(term, date(2026, 3, 30) - timedelta(days=left)) for left in range(30, -3, -1)]
    assert steps == [None] * 2 + [28] * 7 + [21] * 7 + [14] * 7 + [7] * 8 + [None] * 2
    assert step_of(Term("yearly", date(2026, 3, 30), confirmed_for=date(2026, 3, 30)), date(2026, 3, 2)) is None
    assert step_of(Term("monthly", date(2026, 3, 30)), date(2026, 3, 2)) is None


@pytest.mark.req("DV-27")
@pytest.mark.req("DV-56")
@pytest.mark.req("X-10")
def test_each_recipient_has_exactly_four_alerts_on_their_days(any_fleet: House) -> None:
    """Ticked twice a day, as after a restart."""
    any_fleet.change("dev-2", state="inactive")
    any_fleet.change("dev-3", state="inactive")
    for day in any_fleet.days("2026-02-23", "2026-03-30"):
        any_fleet.tick(f"{day}T15:00")
    assert {who: any_fleet.told(who) for who in (BOSS, NORA, SUE)} == dict.fromkeys((BOSS, NORA, SUE), WARNED)
    assert {who: any_fleet.told(who) for who in (DORA, MIA, GONE)} == {DORA: [], MIA: [], GONE: []}
    assert any_fleet.told(EVE) == WARNED
    assert all(keys == ("dev-1",) for who, _day, keys in any_fleet.mails() if who != EVE)
    assert all(keys == ("alien",) for who, _day, keys in any_fleet.mails() if who == EVE)


@pytest.mark.req("DV-27")
def test_devices_that_are_due_at_different_steps_are_one_mail_a_day(any_fleet: House) -> None:
    """After an outage everything that is late is in one mail, at the step that holds then (A-21)."""
    any_fleet.tick("2026-02-20")
    any_fleet.tick("2026-03-10")
    assert [mail for mail in any_fleet.mails() if mail[0] == BOSS] == [
        (BOSS, "2026-03-10", ("dev-3", "dev-2", "dev-1"))
    ]
    mine = [step[1:] for step in any_fleet.steps() if step[0] == BOSS]
    assert mine == [("dev-1", "2026-03-30", 21), ("dev-2", "2026-03-28", 21), ("dev-3", "2026-03-25", 21)]
    any_fleet.tick("2026-03-11")
    assert any_fleet.told(BOSS) == ["2026-03-10", "2026-03-11"]  # dev-3 is a week nearer, the others are not told again
    assert any_fleet.mails()[-1] == (BOSS, "2026-03-11", ("dev-3",))


def test_alerts_leave_from_the_desks_hour_on_where_the_organisation_is(fleet: House) -> None:
    moment = datetime(2026, 2, 25, tzinfo=UTC)
    first = {}
    while moment < datetime(2026, 3, 4, tzinfo=UTC):
        fleet.tick(moment)
        for who, _day, _keys in fleet.mails():
            first.setdefault(who, moment)
        moment += timedelta(minutes=30)
    assert first[BOSS] == datetime(2026, 2, 25, tzinfo=UTC)  # the very first look waits for no morning
    assert first[DORA] == datetime(2026, 2, 28, 7, tzinfo=UTC)  # eight o'clock in Berlin
    assert first[EVE] == datetime(2026, 3, 2, 8, tzinfo=UTC)
    fleet.tick("2026-03-07T02:00")  # after four days without a clock, at night
    assert fleet.told(DORA) == ["2026-02-28", "2026-03-07"]


@pytest.mark.req("DV-33")
def test_nothing_is_said_of_what_was_confirmed_or_cancelled(fleet: House) -> None:
    for day in fleet.days("2026-03-01", "2026-03-20"):
        if day == date(2026, 3, 10):
            fleet.change("dev-1", confirmed_for=date(2026, 3, 30))
            fleet.change("dev-2", state="deactivation_pending", effective=date(2026, 3, 28))
            fleet.change("dev-3", state="inactive")
    assert fleet.told(NORA) == ["2026-03-01", "2026-03-02", "2026-03-07", "2026-03-09"]
    assert fleet.told(BOSS)[-1] == "2026-03-09"


@pytest.mark.req("DV-76")
@pytest.mark.req("DV-52")
def test_what_changed_since_is_looked_at_again_when_a_mail_leaves(any_fleet: House) -> None:
    any_fleet.tick("2026-03-10")
    any_fleet.change("dev-1", confirmed_for=date(2026, 3, 30))
    any_fleet.change("dev-2", state="deactivation_pending", effective=date(2026, 3, 28))
    any_fleet.gateway.load(people=[{"email": SUE, "status": "inactive"}])
    held = dict(any_fleet.leave())
    assert held == {
        SUE: "recipient inactive",
        NORA: "nothing in it holds any more: decided meanwhile, or not its reader's",
        DORA: "nothing in it holds any more: decided meanwhile, or not its reader's",
    }
    mine = [keys for who, _day, keys in any_fleet.mails() if who == BOSS]
    assert mine == [("dev-3",)]


@pytest.mark.req("DV-52")
def test_who_lost_the_group_does_not_get_what_waits(any_fleet: House) -> None:
    any_fleet.tick("2026-03-02")
    with any_fleet.store.write() as connection:
        connection.execute(Grant.delete().where(Grant.c.person_id == any_fleet.gateway.person(NORA)))
    assert NORA in dict(any_fleet.leave())


@pytest.mark.req("DV-35")
def test_alerts_follow_a_device_that_moves(fleet: House) -> None:
    fleet.tick("2026-03-02")
    dock = fleet.asset("dev-2").group_id
    fleet.change("dev-1", group_id=dock)
    before = fleet.told(DORA)
    fleet.tick("2026-03-09")
    assert before == ["2026-03-02"]
    assert "dev-1" in [keys for who, _day, keys in fleet.mails() if who == DORA][-1]


@pytest.mark.req("DV-56")
def test_a_desk_may_warn_administrators_alone(fleet: House) -> None:
    file = fleet.config.folder / "desks" / "devices.toml"
    file.write_text(file.read_text().replace('"access_list"', '"admins_only"'))
    fleet.config.__dict__.pop("desks", None)
    fleet.tick("2026-03-02")
    assert (fleet.told(SUE), fleet.told(NORA)) == ([], ["2026-03-02"])


def test_somebody_of_two_organisations_has_one_mail_a_day(fleet: House) -> None:
    """In the morning of the first of them."""
    fleet.gateway.load(
        organizations=[{"key": "far", "desk": "devices", "name": "Far", "timezone": "Pacific/Auckland"}],
        people=[{"email": BOSS, "organization": "far", "role": "admin"}],
        assets=[{"key": "far-1", "organization": "far", "plan": "yearly", "renewal_date": "2026-03-30"}],
    )
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    while moment < datetime(2026, 3, 26, tzinfo=UTC):
        fleet.tick(moment)
        moment += timedelta(hours=3)
    mine = [(day, keys) for who, day, keys in fleet.mails() if who == BOSS]
    assert len({day for day, _keys in mine}) == len(mine)
    assert [day for day, keys in mine if "far-1" in keys] == WARNED
    assert [day for day, keys in mine if "dev-1" in keys] == WARNED


@pytest.mark.req("DV-27")
def test_three_clocks_at_once_warn_once(any_fleet: House) -> None:
    for day in ("2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23", "2026-04-01"):
        start = Barrier(3)

        def look(day: str = day, start: Barrier = start) -> None:
            start.wait()
            any_fleet.tick(day)

        with ThreadPoolExecutor(3) as clocks:
            for done in [clocks.submit(look) for _ in range(3)]:
                done.result()
    assert any_fleet.told(NORA) == any_fleet.told(SUE) == WARNED
    assert any_fleet.told(NORA, "auto_renewed") == ["2026-04-01"]
    assert len(any_fleet.history("dev-1")) == 1
    with any_fleet.store.read() as connection:
        alerts = connection.execute(select(func.count()).select_from(Alert)).scalar()
        events = connection.execute(select(func.count()).where(Event.c.kind == "renewal_alert")).scalar()
    assert alerts == events == len(any_fleet.mails())  # a clock that was late left nothing behind
