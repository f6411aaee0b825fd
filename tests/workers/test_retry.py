"""How long mails wait."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from store.errors import Temporary
from workers.retry import Defect, Unreachable, pause


class Even(random.Random):
    """Always the middle of the range."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def schedule(error: Temporary) -> list[float]:
    """The pauses in minutes until the mail is given up."""
    found = []
    while (wait := pause(error, len(found) + 1, Even())) is not None:
        found.append(wait / timedelta(minutes=1))
    return found


def test_a_refusal_waits_1_5_15_60_minutes_then_every_four_hours_for_five_days() -> None:
    found = schedule(Temporary("451"))
    assert found[:6] == [1, 5, 15, 60, 240, 240]
    assert 4.8 * 24 * 60 < sum(found) <= 5 * 24 * 60


def test_a_relay_that_cannot_be_reached_is_tried_again_within_seconds() -> None:
    found = schedule(Unreachable("refused"))
    assert [round(minutes * 60) for minutes in found[:3]] == [10, 30, 60]
    assert 4.8 * 24 * 60 < sum(found) <= 5 * 24 * 60


def test_our_own_mistake_is_given_up_after_five_attempts() -> None:
    assert schedule(Defect("template")) == [1, 5, 15, 60]


@pytest.mark.parametrize("attempts", [1, 4, 20])
def test_pauses_are_spread_by_a_tenth_and_repeatable(attempts: int) -> None:
    error = Temporary("451")
    middle = pause(error, attempts, Even())
    assert middle is not None
    waits = [pause(error, attempts, random.Random(seed)) for seed in range(200)]
    assert waits == [pause(error, attempts, random.Random(seed)) for seed in range(200)]
    assert len(set(waits)) > 100
    assert all(wait is not None and 0.9 * middle <= wait <= 1.1 * middle for wait in waits)
