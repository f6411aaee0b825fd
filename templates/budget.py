"""How much one part of a mail may do while it is made: a template of a desk's own could go on for ever.

Counted, not timed: the same mail made twice ends the same way on a busy machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from jinja2 import TemplateRuntimeError

MOST_STEPS = 200_000  # rounds of loops, calls and files; the shipped alert takes 17 for a device
MOST_SIGNS = 50_000_000  # written, or joined on the way; several times the longest mail there can be


class EndlessTemplate(TemplateRuntimeError):
    """A template has done more than any mail could need."""


@dataclass(slots=True)
class _Left:
    steps: int
    signs: int


_LEFT: ContextVar[_Left | None] = ContextVar("left", default=None)


@contextmanager
def budget() -> Iterator[None]:
    """Within it `spend` counts."""
    token = _LEFT.set(_Left(MOST_STEPS, MOST_SIGNS))
    try:
        yield
    finally:
        _LEFT.reset(token)


def spend(steps: int = 0, signs: int = 0) -> None:
    """Counts what a template is about to do, where there is a budget. Raises EndlessTemplate when that was too much."""
    left = _LEFT.get()
    if left is None:
        return
    left.steps -= steps
    left.signs -= signs
    if left.steps < 0:
        raise EndlessTemplate(
            f"it repeats more than any mail needs: {MOST_STEPS:,} rounds, calls and files are the limit"
        )
    if left.signs < 0:
        raise EndlessTemplate(f"it writes more than any mail needs: {MOST_SIGNS:,} signs are the limit")
