"""Header lines at the top of a text, `Model: LX-200`: what a form on a web page would have asked (requirements S5)."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from gateway.parse.words import clean_line

_MOST_LINES = 20  # with words, from the top
_LONGEST = 200  # characters of a value, more is prose
_LABELS = {
    "model": r"model(?: (?:no\.?|number))?",
    "serial": r"serial(?: (?:no\.?|number))?|s/n",
    "error_code": r"error code|error",
    "ref": r"ref\.?|reference",
    "area": "area",
    "device": "device",
    "service": "service",
    "priority": "priority",
}
_LABEL = "|".join(f"(?P<{name}>{words})" for name, words in _LABELS.items())
_BULLET = r"\s*(?:[-*•·–+]\s+|[0-9]{1,2}[.)]\s+)?"
_LINE = re.compile(
    rf"{_BULLET}(?P<bold>[*_]{{0,2}})(?:{_LABEL})[*_]{{0,2}}\s*[:：][*_]{{0,2}}(?P<value>.*)", re.IGNORECASE
)
_NEXT = re.compile(rf"[,;|]\s+(?=(?:{'|'.join(_LABELS.values())})\s*[:：])", re.IGNORECASE)
_CODE = re.compile(r"(?=\S*[0-9])\S+")
_PRIORITIES = ("low", "medium", "high")  # urgent is for mailboxes and staff (requirements A-14)


@dataclass(frozen=True, slots=True)
class Fields:
    """What a text says of itself, None where it says nothing; values are one clean line of at most 200 characters."""

    model: str | None = None
    serial: str | None = None
    error_code: str | None = None
    ref: str | None = None
    area: str | None = None
    device: str | None = None
    service: str | None = None
    priority: str | None = None  # low, medium or high

    @property
    def told(self) -> dict[str, str]:
        """Those it names, in a fixed order."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def read_fields(reply_text: str) -> Fields:
    """The fields at the top of what somebody wrote; the first of a name wins. Quoted lines say nothing."""
    found: dict[str, str] = {}
    lines = (line for line in reply_text.split("\n") if line.strip())
    for line, _ in zip(lines, range(_MOST_LINES), strict=False):
        if len(line) > _LONGEST * len(_LABELS):
            continue
        for part in _NEXT.split(line.replace("\xa0", " ")):
            match = _LINE.fullmatch(part)
            if match and (value := _read_value(match)):
                found.setdefault(_name(match), value)
    return Fields(**found)


def _name(match: re.Match[str]) -> str:
    return next(name for name in _LABELS if match[name])


def _read_value(match: re.Match[str]) -> str | None:
    name, value = _name(match), clean_line(match["value"], _LONGEST + 1)
    if match["bold"]:
        value = value.rstrip("*_ ")
    if len(value) > _LONGEST or not any(map(str.isalnum, value)):
        return None
    if name == "priority":
        value = value.lower().rstrip(".!")
        return value if value in _PRIORITIES else None
    if match[name].lower() == "error" and not _CODE.fullmatch(value):
        return None  # "Error: it does not start" tells what happened and is no code
    return value
