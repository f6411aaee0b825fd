"""What an answer to a renewal alert asks for: lines such as `renew` or `cancel dev-2, dev-3` at its top (requirements S5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from gateway.parse.words import clean_line, drop_invisible

Verb = Literal["renew", "cancel"]
_VERBS: dict[str, Verb] = {"renew": "renew", "cancel": "cancel"}
_FILL = frozenset({"all", "and", "both", "please", "thanks", "them"})  # said around names, and meaning none
_MOST = 100  # lines that are read as wishes
_LONGEST = 2000  # characters of a line
_HEAD = re.compile(r"[#＃]?\s?([A-Za-z]+)\b[.:!,;]*")
_ASIDE = re.compile(r"\([^()]*\)")  # the name beside the key, where somebody copied both
_BREAK = re.compile(r"[\s,;]+")


@dataclass(frozen=True, slots=True)
class Wished:
    """One line: `names` as written, none: of all that the alert is about. `unknown`: those that are nothing it names."""

    verb: Verb
    names: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def read_wishes(reply_text: str, known: frozenset[str]) -> tuple[tuple[Wished, ...], str]:
    """The wishes a reply begins with, and its text without them; `known`: what the alert calls its devices, in lower case.

    A line is one when all behind its verb are names: `cancel my order` is a sentence, and for people to read. A word with a
    digit in it passes for a name, so that a device mistyped is told and not overlooked.
    """
    lines = reply_text.split("\n")
    wished: list[Wished] = []
    at = 0
    while at < len(lines) and len(wished) < _MOST:
        line = clean_line("".join(sign for sign in lines[at] if drop_invisible(sign) or sign.isspace()), _LONGEST)
        if line:
            if (one := _read(line, known)) is None:
                break
            wished.append(one)
        at += 1
    return tuple(wished), "\n".join(lines[at:]).strip("\n")


def _read(line: str, known: frozenset[str]) -> Wished | None:
    match = _HEAD.match(line)
    verb = _VERBS.get(match[1].lower()) if match else None
    if match is None or verb is None:
        return None
    rest = line[match.end() :].strip(" .!:")
    if rest.lower() in known:
        return Wished(verb, (rest,))
    rest = _ASIDE.sub(" ", rest)
    words = [word for word in (part.strip("\"'“”.!()") for part in _BREAK.split(rest)) if word]
    named = [word for word in words if word.lower() in known]
    unknown = [word for word in words if word.lower() not in known and word.lower() not in _FILL]
    if any(not any(map(str.isdigit, word)) for word in unknown):
        return None
    return Wished(verb, tuple(named), tuple(unknown))
