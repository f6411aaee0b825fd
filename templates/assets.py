"""What a mail says of one asset each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from templates.figures import day


@dataclass(frozen=True, slots=True)
class AssetLine:
    """One asset: its name, what was asked (`register`, `activate`, `renew`, `deactivate`) or became of it (`activated`).

    `day`: the one it is about, as its reader says it; empty for none. `why` it was not done; empty when it was. `link`
    leads to its page.
    """

    name: str
    what: str
    day: str = ""
    why: str = ""
    link: str = ""


def asset_lines(told: Iterable[Mapping[str, Any]], language: str) -> tuple[AssetLine, ...]:
    """The lines of a letter's facts in a language."""
    return tuple(
        AssetLine(
            str(one["name"]), str(one["what"]), day(one["day"], language) if one.get("day") else "",
            str(one.get("why") or ""), str(one.get("link") or ""),
        )
        for one in told
    )  # fmt: skip
