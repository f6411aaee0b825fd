"""`python -m tests.crash --rounds N --seed S`: plays rounds and tells what was violated; exits 1 when anything was."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter

from tests.crash.client import Nursery
from tests.crash.driver import Result, play
from tests.crash.plans import Plan, plan
from tests.crash.regressions import REGRESSIONS

_EVERY = 10.0  # seconds between lines of progress


class Tally:
    """Counts, prints progress, and what is violated at once."""

    def __init__(self, most: int) -> None:
        self._kills: Counter[str] = Counter()
        self._begun = self._spoken = time.monotonic()
        self._rounds, self._idle = 0, 0
        self._most = most
        self.failed: list[Result] = []

    def hear(self, result: Result) -> bool:
        self._rounds += 1
        self._kills.update(result.kills)
        self._idle += not result.kills
        if result.violations:
            self.failed.append(result)
            print(result.told, flush=True)
        if time.monotonic() - self._spoken > _EVERY:
            self._spoken = time.monotonic()
            print(self._line(), flush=True)
        return len(self.failed) >= self._most

    def tell(self) -> None:
        print(self._line())
        ordered = sorted(self._kills.items(), key=lambda kill: (kill[0][0], len(kill[0]), kill[0]))
        print("kills per point: " + ", ".join(f"{point} {times}" for point, times in ordered))
        print(f"{len(self.failed)} rounds violated an invariant")

    def _line(self) -> str:
        pace = self._rounds / (time.monotonic() - self._begun)
        return (
            f"{self._rounds} rounds, {self._kills.total()} kills, {self._idle} rounds without one, "
            f"{len(self.failed)} violations, {pace:.1f} rounds/s"
        )


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    options.add_argument("--rounds", type=int, default=500)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--round", type=int, help="this round alone")
    options.add_argument("--point", help="as a failure prints it; the round says it already")
    options.add_argument("--jobs", type=int, default=2, help="rounds played at a time")
    options.add_argument("--most", type=int, default=20, help="violations after which to end")
    options.add_argument("--bug", default="", help="one of those planted on purpose")
    options.add_argument("--disk", action="store_true", help="in the folder for temporary files, not in memory")
    given = options.parse_args()
    if given.round is not None:
        plans: list[Plan] = [plan(given.seed, given.round)]
    else:
        plans = [*REGRESSIONS, *(plan(given.seed, n) for n in range(given.rounds))]
    tally = Tally(given.most)
    with Nursery(given.bug, given.disk) as nursery:
        asyncio.run(play(plans, nursery, given.jobs, tally.hear))
    tally.tell()
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
