"""Paragraphs of format=flowed text joined again (RFC 3676)."""

from __future__ import annotations

import re

_QUOTES = re.compile(r">*")


def join_flowed(text: str, delete_space: bool) -> str:
    """The text with its soft line ends removed; `delete_space` is the parameter DelSp=yes of section 4.

    A line that ends in a blank goes on in the next one of the same quote depth; "-- " never does (section 4.3).
    """
    lines: list[str] = []
    parts: list[str] = []
    depth = 0

    def end_paragraph() -> None:
        if parts:
            lines.append((">" * depth + " " if depth else "") + "".join(parts))
            parts.clear()

    for line in text.split("\n"):
        quotes = len(_QUOTES.match(line)[0])  # type: ignore[index]
        content = line[quotes:].removeprefix(" ")
        if quotes != depth or content == "-- ":
            end_paragraph()
            depth = quotes
        if content.endswith(" ") and content != "-- ":
            parts.append(content[:-1] if delete_space else content)
            continue
        parts.append(content)
        end_paragraph()
    end_paragraph()
    return "\n".join(lines)
