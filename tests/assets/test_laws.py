"""The laws of an asset's state, over every pair there is, and the days of its terms."""

from __future__ import annotations

from datetime import date

import pytest

from store.rules import assets
from store.rules.assets import ACTIVE, STATES, TRIGGERS, advance
from store.rules.terms import STEPS, Term, due, last_day, later, mark, next_invoice, next_term

D = date.fromisoformat


def table() -> dict[tuple[str, str], str | None]:
    """The table at the top of the file."""
    lines = [line.split() for line in (assets.__doc__ or "").splitlines()]
    start = next(place for place, words in enumerate(lines) if words[:1] == ["trigger"])
    end = lines.index([], start)
    states = lines[start][1:]
    return {
        (state, words[0]): None if became == "-" else became
        for words in lines[start + 1 : end]
        for state, became in zip(states, words[1:], strict=True)
    }


@pytest.mark.req("DV-16")
@pytest.mark.req("DV-32")
def test_every_pair_is_as_the_table_says() -> None:
    said = table()
    assert set(said) == {(state, trigger) for state in STATES for trigger in TRIGGERS}
    assert {(state, trigger): advance(state, trigger) for state in STATES for trigger in TRIGGERS} == said


@pytest.mark.req("A-20")
def test_what_is_about_to_be_deactivated_is_active_and_what_is_about_to_be_activated_is_not() -> None:
    assert frozenset({"active", "deactivation_pending"}) == ACTIVE


def test_only_the_clock_ends_an_active_one_and_only_staff_begin_one() -> None:
    """Nothing that a customer may do leads to a state that costs or ends anything at once."""
    asked = ("request_activation", "request_deactivation", "withdraw", "confirm", "acknowledge", "move")
    reached = {advance(state, trigger) for state in STATES for trigger in asked if advance(state, trigger) != state}
    assert reached == {"activation_pending", "deactivation_pending", "active", None}
    assert [s for s in STATES for t in asked if advance(s, t) == "active" != s] == ["deactivation_pending"]


@pytest.mark.req("A-21")
@pytest.mark.parametrize(
    ("plan", "days"),
    [
        ("monthly", "2026-01-31 2026-02-28 2026-03-31 2026-04-30 2026-05-31"),
        ("quarterly", "2026-11-30 2027-02-28 2027-05-30 2027-08-30"),
        ("yearly", "2024-02-29 2025-02-28 2026-02-28 2027-02-28 2028-02-29"),
    ],
)
def test_terms_keep_their_day_across_short_months_and_leap_years(plan: assets.Plan, days: str) -> None:
    first, *following = map(D, days.split())
    day = first
    for expected in following:
        day, _ = next_term(Term(plan, day, anchor=first.day))
        assert day == expected


def test_the_end_of_the_contract_moves_along_when_it_was_this_terms() -> None:
    assert next_term(Term("yearly", D("2026-06-01"), D("2026-05-31"))) == (D("2027-06-01"), D("2027-05-31"))
    assert next_term(Term("yearly", D("2026-06-01"), D("2028-05-31"))) == (D("2027-06-01"), D("2028-05-31"))
    assert later(D("2026-12-15"), 1, 15) == D("2027-01-15")


@pytest.mark.req("DV-26")
@pytest.mark.req("DV-28")
@pytest.mark.req("A-21")
@pytest.mark.parametrize(
    ("today", "is_due"),
    [("2026-03-01", False), ("2026-03-02", True), ("2026-03-29", True), ("2026-03-30", True), ("2026-03-31", False)],
)
def test_a_renewal_is_due_from_28_days_before_until_the_day_itself(today: str, is_due: bool) -> None:
    term = Term("yearly", D("2026-03-30"))
    assert due(term, D(today)) is is_due
    assert mark(term, D(today)) == ("due" if is_due else "")
    confirmed = Term("yearly", D("2026-03-30"), confirmed_for=D("2026-03-30"))
    assert mark(confirmed, D(today)) == ""
    assert not due(Term("monthly", D("2026-03-30")), D(today))
    assert STEPS[0] == 28


@pytest.mark.req("DV-29")
@pytest.mark.req("A-31")
def test_a_missed_renewal_is_red_until_it_is_acknowledged_and_the_next_one_is_orange_first() -> None:
    missed = Term("yearly", D("2027-03-30"), missed=D("2026-03-30"))
    assert mark(missed, D("2026-03-31")) == "missed"
    assert mark(missed, D("2027-03-10")) == "due"


@pytest.mark.req("DV-19")
@pytest.mark.parametrize(
    ("term", "today", "last"),
    [
        (Term("monthly", None), "2024-02-10", "2024-02-29"),
        (Term("monthly", None, D("2024-12-31")), "2024-02-29", "2024-02-29"),
        (Term("", None), "2026-12-31", "2026-12-31"),
        (Term("yearly", D("2026-06-01"), D("2026-05-31")), "2026-02-10", "2026-05-31"),
        (Term("quarterly", D("2026-06-01")), "2026-02-10", "2026-06-01"),
        (Term("yearly", D("2026-06-01"), D("2025-05-31")), "2026-02-10", "2026-06-01"),
        (Term("yearly", D("2026-02-01")), "2026-02-10", "2026-02-10"),
    ],
)
def test_the_last_day_is_the_contracts_or_the_months(term: Term, today: str, last: str) -> None:
    assert last_day(term, D(today)) == D(last)


@pytest.mark.req("DV-25")
def test_a_monthly_one_is_invoiced_on_the_first() -> None:
    assert next_invoice(Term("monthly", None), D("2026-12-01")) == D("2027-01-01")
    assert next_invoice(Term("yearly", D("2026-12-01")), D("2026-12-01")) is None
