"""How somebody wants to be told."""

from __future__ import annotations

from dataclasses import dataclass

from store.rules.pacing import Category, Choice


@dataclass(frozen=True, slots=True)
class Prefer:
    """The person with this id wants to hear of these categories so from now on; of others as before."""

    person: int
    choices: tuple[tuple[Category, Choice], ...]
