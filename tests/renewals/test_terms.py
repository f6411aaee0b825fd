"""What the clock does to a subscription on its dates: once, at the right midnight, and after an outage as well."""

from __future__ import annotations

from datetime import date

import pytest

from store.rules.terms import Term, mark
from store.schema import Organization
from tests.assets.house import BOSS, NORA
from tests.renewals.house import House


@pytest.mark.req("DV-30")
@pytest.mark.req("DV-29")
def test_a_renewal_without_a_word_goes_on_for_a_year_with_one_mail_and_a_red_mark(any_fleet: House) -> None:
    any_fleet.tick("2026-03-30T20:00")  # 22 o'clock on the day itself
    assert any_fleet.asset("dev-1").renewal_date == date(2026, 3, 30)
    for _twice in range(2):
        any_fleet.tick("2026-03-30T22:30")  # half past midnight in Berlin
    row = any_fleet.asset("dev-1")
    assert (row.renewal_date, row.missed, row.contract_end) == (date(2027, 3, 30), date(2026, 3, 30), date(2027, 3, 30))
    assert any_fleet.history("dev-1") == [("auto_renewed", "2026-03-30", "2027-03-30")]
    assert [(who, keys) for who, _day, keys in any_fleet.mails("auto_renewed") if "dev-1" in keys] == [
        (BOSS, ("dev-1",)), (NORA, ("dev-1",)),
    ]  # fmt: skip
    assert mark(Term("yearly", row.renewal_date, missed=row.missed), date(2026, 3, 31)) == "missed"


@pytest.mark.req("DV-33")
def test_a_confirmed_renewal_goes_over_on_its_date_without_mail_or_mark(any_fleet: House) -> None:
    any_fleet.change("dev-1", confirmed_for=date(2026, 3, 30))
    any_fleet.tick("2026-03-29T12:00")
    assert any_fleet.asset("dev-1").renewal_date == date(2026, 3, 30)
    any_fleet.tick("2026-03-30T12:00")
    row = any_fleet.asset("dev-1")
    assert (row.renewal_date, row.missed) == (date(2027, 3, 30), None)
    any_fleet.tick("2026-04-02")
    assert any_fleet.history("dev-1") == [("renewed", "2026-03-30", "2027-03-30")]
    assert not any(keys == ("dev-1",) for _who, _day, keys in any_fleet.mails("auto_renewed"))


@pytest.mark.threat(91)
@pytest.mark.parametrize(
    ("plan", "first", "dates"),
    [
        ("yearly", "2024-02-29", ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
        ("quarterly", "2025-08-31", ["2025-11-30", "2026-02-28", "2026-05-31", "2026-08-31"]),
        ("quarterly", "2026-01-31", ["2026-04-30", "2026-07-31", "2026-10-31", "2027-01-31"]),
    ],
)
def test_terms_keep_their_day_of_the_month(fleet: House, plan: str, first: str, dates: list[str]) -> None:
    """29 February, and the 31st."""
    day = date.fromisoformat(first)
    fleet.change("dev-7", plan=plan, renewal_date=day, anchor_day=day.day, contract_end=None)
    for number, following in enumerate(dates):
        before = ([first, *dates])[number]
        fleet.tick(f"{before}T12:00")
        assert f"{fleet.asset('dev-7').renewal_date}" == before
        fleet.tick(f"{before}T23:59")
        assert f"{fleet.asset('dev-7').renewal_date}" == following


def test_an_outage_longer_than_a_term_is_caught_up_term_by_term(fleet: House) -> None:
    fleet.tick("2026-12-24")
    row = fleet.asset("dev-2")
    assert (row.renewal_date, row.missed) == (date(2026, 12, 28), date(2026, 9, 28))
    assert [new for _kind, _old, new in fleet.history("dev-2")] == ["2026-06-28", "2026-09-28", "2026-12-28"]


@pytest.mark.req("DV-19")
@pytest.mark.req("DV-34")
def test_a_device_ends_on_the_day_after_its_last_one_with_a_mail(any_fleet: House) -> None:
    any_fleet.change("dev-4", state="deactivation_pending", effective=date(2024, 2, 29))
    any_fleet.tick("2024-02-29")
    assert any_fleet.asset("dev-4").state == "deactivation_pending"
    any_fleet.tick("2024-02-29T22:59")
    assert any_fleet.asset("dev-4").state == "deactivation_pending"
    for _twice in range(2):
        any_fleet.tick("2024-02-29T23:00")  # 1 March in Berlin
    assert any_fleet.asset("dev-4").state == "deactivated"
    assert any_fleet.history("dev-4") == [("deactivated", "deactivation_pending", "deactivated")]
    assert any_fleet.mails("deactivated") == [(BOSS, "2024-02-29", ("dev-4",))]
    any_fleet.tick("2024-04-01")
    assert any_fleet.invoices() == [("dev-4", "2024-02")]


@pytest.mark.req("DV-25")
def test_a_monthly_device_is_invoiced_on_the_first_once(any_fleet: House) -> None:
    with any_fleet.store.write() as connection:
        connection.execute(Organization.update().where(Organization.c.key == "other").values(timezone="Asia/Tokyo"))
    any_fleet.change("alien", plan="monthly")
    any_fleet.tick("2027-01-05")
    any_fleet.tick("2027-01-31T14:59")
    assert any_fleet.invoices() == [("alien", "2027-01"), ("dev-4", "2027-01")]  # the first look writes its own month
    any_fleet.tick("2027-01-31T15:00")
    assert any_fleet.invoices()[1:2] == [("alien", "2027-02")]
    any_fleet.tick("2027-01-31T23:00")
    any_fleet.tick("2027-02-01T12:00")
    assert any_fleet.invoices() == [(key, f"2027-0{month}") for key in ("alien", "dev-4") for month in (1, 2)]


@pytest.mark.req("DV-25")
def test_months_without_a_clock_are_invoiced_for_what_was_active_then(fleet: House) -> None:
    fleet.tick("2027-01-05")
    fleet.change("dev-4", state="deactivation_pending", effective=date(2027, 2, 28))
    fleet.tick("2027-04-10")
    assert [month for key, month in fleet.invoices() if key == "dev-4"] == ["2027-01", "2027-02"]
    fleet.change("dev-4", state="active")
    fleet.tick("2027-07-02")
    months = [month for key, month in fleet.invoices() if key == "dev-4"]
    assert months == ["2027-01", "2027-02", "2027-05", "2027-06", "2027-07"]
