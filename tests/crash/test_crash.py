"""No kill at any moment loses, doubles, halves or misdirects a mail (threats, fault injection plan)."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from store.crash import POINTS
from tests.crash import checker, records
from tests.crash.client import Nursery
from tests.crash.driver import Result, first_failure, play_all
from tests.crash.plans import NAMED, named, plan
from tests.crash.regressions import REGRESSIONS

SEED = 7
CHUNK = 19  # with the round for each named point a hundred


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with Nursery() as opened:
        yield opened


def told(results: list[Result]) -> str:
    return "\n".join(result.told for result in results if result.violations)


@pytest.mark.threat(7)
def test_every_named_point_is_passed_and_kills(nursery: Nursery) -> None:
    """A refactoring that loses a point would silently test nothing there."""
    rounds = [
        replace(named(part, point, 1, Random(f"{part} {point}")), seed=SEED, number=100_000 + place)
        for place, (part, point) in enumerate(NAMED)
    ]
    results = play_all(rounds, nursery, jobs=2)
    assert not told(results)
    assert {kill for result in results for kill in result.kills} == POINTS.keys()


@pytest.mark.threat(6)
@pytest.mark.threat(7)
@pytest.mark.threat(79)
@pytest.mark.threat(80)
@pytest.mark.parametrize("chunk", range(4))
def test_rounds_with_kills_leave_nothing_lost_doubled_or_halved(nursery: Nursery, chunk: int) -> None:
    rounds = [plan(SEED, number) for number in range(chunk * CHUNK, (chunk + 1) * CHUNK)]
    assert not told(play_all([*(REGRESSIONS if chunk == 0 else ()), *rounds], nursery, jobs=2))


@pytest.mark.parametrize(
    "chunk", [pytest.param(n, marks=pytest.mark.slow if n < 2 else pytest.mark.long) for n in range(20)]
)
def test_hundreds_of_rounds(nursery: Nursery, chunk: int) -> None:
    rounds = (plan(SEED, 1000 + number) for number in range(chunk * 100, (chunk + 1) * 100))
    assert not told(play_all(rounds, nursery, jobs=2))


@pytest.mark.parametrize(
    ("bug", "seen_as"),
    [
        pytest.param("yes_before_commit", "accepted and lost", marks=pytest.mark.slow),
        pytest.param("no_duplicate_check", "outcomes beside duplicates", marks=pytest.mark.slow),
        pytest.param("tell_after_commit", "promises []", marks=pytest.mark.slow),
        pytest.param("new_message_id", "which no outbox row tells of", marks=pytest.mark.slow),
        pytest.param("long_mourning", "INV-7", marks=pytest.mark.long),  # it waits for what does not come
    ],
)
def test_a_bug_planted_on_purpose_is_found_within_400_rounds(bug: str, seen_as: str) -> None:
    with Nursery(bug) as nursery:
        failed = first_failure(SEED, 400, nursery, seen_as)
    assert failed is not None


def test_a_plan_follows_from_its_seed_alone() -> None:
    assert [plan(3, number) for number in range(50)] == [plan(3, number) for number in range(50)]
    assert plan(3, 0) != plan(4, 0)


def test_the_checker_knows_nothing_of_the_product() -> None:
    """Else a mistake of the product could hide in what judges it."""
    modules = {checker, records}
    names = {module.__name__ for module in modules}
    for module in modules:
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))):
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in imported:
                assert name in names or name.partition(".")[0] in sys.stdlib_module_names, f"{module.__name__}: {name}"
