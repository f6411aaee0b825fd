"""What a benchmark is: ours and a reference measured in turn, and the median of their ratios."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; `aim` is what the ratio of ours to the reference should be."""

    name: str
    aim: str
    unit: str
    ours: float
    against: str
    reference: float
    ratio: float


def compare(
    name: str, aim: str, unit: str, ours: Callable[[], float], against: str, reference: Callable[[], float],
    rounds: int = ROUNDS,
) -> Figure:  # fmt: skip
    """Measures both in turn, each first as often as second; what slows the machine for a while slows both."""
    ours(), reference()  # the first of anything is slow
    pairs = []
    for number in range(rounds):
        if number % 2:
            second = reference()
            pairs.append((ours(), second))
        else:
            pairs.append((ours(), reference()))
    ratio = median(first / second for first, second in pairs)
    return Figure(name, aim, unit, median(p[0] for p in pairs), against, median(p[1] for p in pairs), ratio)


def cpu_of(work: Callable[[], object], times: int) -> float:
    """Milliseconds of this process's CPU that one call takes."""
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times * 1000
