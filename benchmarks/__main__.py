"""Runs the benchmarks named on the command line, or all, and prints one table of ratios."""

from __future__ import annotations

import logging
import sys
import time

from benchmarks import acceptance, composing, deciding, filing, large_mail, large_parsing, parsing, sending
from benchmarks.measure import Figure
from gateway.cli.logs import set_up

BENCHMARKS = {
    "acceptance": acceptance.measure,
    "large": large_mail.measure,
    "filing": filing.measure,
    "deciding": deciding.measure,
    "deciding-store": deciding.measure_store,
    "deciding-rules": deciding.measure_rules,
    "parsing": parsing.measure,
    "parsing-large": large_parsing.measure,
    "parsing-memory": large_parsing.measure_memory,
    "sending": sending.measure,
    "sending-killed": sending.measure_killed,
    "composing": composing.measure,
}


def run(names: list[str]) -> list[Figure]:
    """Measures one after the other; says on stderr what it is at."""
    figures = []
    for name in names:
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        start = time.monotonic()
        figures.append(BENCHMARKS[name]())
        print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
    return figures


def show(figures: list[Figure]) -> None:
    """Prints the table. Only the ratio means something on another machine."""
    form = "{:<34} {:>7} {:>8}   {:>8} {:<10} {:<44} {:>9}"
    print(form.format("", "ratio", "aim", "ours", "", "reference, in the same run", "").rstrip())
    for each in figures:
        told = (each.name, f"{each.ratio:.2f}", each.aim, _number(each.ours), each.unit)
        print(form.format(*told, each.against, _number(each.reference)))


def _number(value: float) -> str:
    return f"{value:,.1f}" if value >= 10 else f"{value:.3f}"


def main() -> None:
    names = sys.argv[1:] or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        sys.exit(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    set_up()  # the log of a worker would else be printed
    logging.disable(logging.CRITICAL)
    show(run(names))


if __name__ == "__main__":
    main()
