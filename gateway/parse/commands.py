"""Commands by mail: the lines a reply begins with that ask for something to be done (requirements S5).

Only what is asked and whether it has the right form is told here; who may ask it is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gateway.parse.addresses import read_mailbox, split_items
from gateway.parse.words import clean_line, drop_invisible

Name = Literal["close", "note", "assign", "priority", "department", "merge", "cc", "wait", "nowait"]


@dataclass(frozen=True, slots=True)
class Known:
    """A word that may follow `#`: what it asks for, how it is written, what it does; `staff`: support alone may use it."""

    name: Name
    usage: str
    help: str
    staff: bool = True


COMMANDS: dict[str, Known] = {
    "close": Known("close", "#close", "closes the ticket", staff=False),
    "solved": Known("close", "#solved", "closes the ticket as well", staff=False),
    "note": Known("note", "#note", "keeps what you write below it among the staff"),
    "assign": Known("assign", "#assign ADDRESS, #assign me, #assign nobody", "says who works on the ticket"),
    "priority": Known("priority", "#priority low, medium, high, urgent", "says how urgent the ticket is"),
    "department": Known("department", "#department NAME", "moves the ticket to another department"),
    "merge": Known("merge", "#merge HO#12", "joins the ticket with another one"),
    "cc": Known("cc", "#cc ADDRESS, ADDRESS, -ADDRESS", "adds people to the ticket; a minus takes one off"),
    "wait": Known("wait", "#wait", "waits for the customer after your answer"),
    "nowait": Known("nowait", "#nowait", "answers without waiting for the customer"),
}  # fmt: skip
_PRIORITIES = ("low", "medium", "high", "urgent")
_EXCLUSIVE: dict[Name, Name] = {"wait": "nowait", "nowait": "wait"}
_MOST = 100  # lines that are read as commands
_LONGEST = 10_000  # characters of an argument
_LONGEST_NAME = 100
_HEAD = 100  # characters among which the word stands
_LINE = re.compile(r"([#＃]+ ?)([^\W\d_][\w-]{0,40})[.:!,;=：]*")
_TAG_FORM = re.compile(r"[\[［【]? ?[A-Za-z][A-Za-z0-9]* ?[#＃-] ?[0-9]+ ?[\]］】]?", re.ASCII)
_MINUS = re.compile(r"[-−–—]\s*")  # programs make dashes of it


@dataclass(frozen=True, slots=True)
class Asked:
    """One command. `values`: its argument read, addresses in lower case, `me`, `nobody`, a priority in lower
    case; a department and a tag as written (`store.rules.tags.read_tag` reads it).

    `removed`: whom `#cc` takes off. `problem`: what is wrong with its form, a sentence for its writer, with no word of theirs.
    """

    name: Name
    values: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    problem: str = ""

    @property
    def staff(self) -> bool:
        """Whether support alone may ask this."""
        return COMMANDS[self.name].staff


@dataclass(frozen=True, slots=True)
class Requested:
    """What a reply asks for, in order, and its text without these lines. With `problems` nothing should be done.

    `unknown`: words after a `#` that are no command, without it. Their lines stay in `text`, those with a problem as well.
    """

    commands: tuple[Asked, ...] = ()
    text: str = ""
    unknown: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def asks(self, name: Name) -> bool:
        """Whether a command of this name is among them."""
        return any(one.name == name for one in self.commands)


def read_commands(reply_text: str) -> Requested:
    """The commands a reply begins with; the first ordinary line ends them. Give it the reply alone, never the quotation.

    Of somebody who may not use the commands of support, keep the words as they came: `#note` says nothing then.
    """
    lines = reply_text.split("\n")
    asked: list[Asked] = []
    kept: list[str] = []
    unknown: list[str] = []
    at = count = 0
    while at < len(lines) and count <= _MOST:
        line = lines[at]
        if not line or not _plain(line):
            at += 1
            continue
        if (found := _split(line)) is None:
            break
        word, argument = found
        at, count = at + 1, count + 1
        if word not in COMMANDS:
            unknown.append(word)
            kept.append(line)
            continue
        while word == "cc" and argument.endswith((",", ";")) and at < len(lines) and _is_more(lines[at]):
            argument, at = f"{argument} {_plain(lines[at])}", at + 1
        if word == "note" and argument:
            kept.append(argument)
            argument = ""
        asked.append(_read(word, clean_line(argument, _LONGEST)))
        if asked[-1].problem:
            kept.append(line)
    asked = list(dict.fromkeys(asked))
    problems = [*(one.problem for one in asked if one.problem), *_contradictions(asked)]
    if count > _MOST:
        problems.append(f"A mail may begin with {_MOST} commands at most.")
    text = "\n".join([*kept, *lines[at:]]).strip("\n")
    return Requested(tuple(asked), text, tuple(dict.fromkeys(unknown)), tuple(dict.fromkeys(problems)))


def what_can(staff: bool) -> tuple[str, ...]:
    """A line for each command the reader may use, for the mail that answers one which cannot be done."""
    return tuple(f"{known.usage}: {known.help}" for known in COMMANDS.values() if staff or not known.staff)


def _split(line: str) -> tuple[str, str] | None:
    """(word in lower case, argument) of a line that begins with `#` and a word, else None.

    `# note` and `##note` are headings to some and commands to others: the word comes back with its sign, known to nobody,
    so that support is asked and what was meant for the staff does not go out.
    """
    line = _plain(line)
    # A sign nobody sees is left out of the word alone: within a tag or an address it changes what is meant.
    places = [at for at, sign in enumerate(line[:_HEAD]) if drop_invisible(sign)]
    match = _LINE.match("".join(line[at] for at in places))
    if match is None:
        return None
    sign, word = match[1], match[2].lower()
    if len(sign) > 1:
        return (sign + word, "") if word in COMMANDS else None
    return word, line[places[match.end()] :].strip() if match.end() < len(places) else line[_HEAD:].strip()


def _is_more(line: str) -> bool:
    """Whether a line goes on with the addresses of the one above: programs wrap long lines."""
    return "@" in line and _split(line) is None


def _plain(line: str) -> str:
    """The line with single blanks, whatever blanks and invisible signs a program put before and between its words."""
    words = line.split()
    first = next((at for at, word in enumerate(words) if drop_invisible(word)), len(words))
    return " ".join(words[first:])


def _read(word: str, argument: str) -> Asked:
    known = COMMANDS[word]
    reader = _READERS.get(known.name)
    if reader is not None:
        return reader(argument)
    return Asked(known.name, problem=f"#{word} stands alone on its line; words go below it." if argument else "")


def _read_person(argument: str) -> Asked:
    if argument.lower() in ("me", "nobody"):
        return Asked("assign", (argument.lower(),))
    mailbox = read_mailbox(argument)
    if mailbox is None:
        return Asked("assign", problem="#assign needs one mail address, or me, or nobody.")
    return Asked("assign", (mailbox.address,))


def _read_priority(argument: str) -> Asked:
    if argument.lower() in _PRIORITIES:
        return Asked("priority", (argument.lower(),))
    return Asked("priority", problem="#priority needs one of low, medium, high, urgent.")


def _read_department(argument: str) -> Asked:
    name = argument.strip("\"'“”„« »")
    if 0 < len(name) <= _LONGEST_NAME:
        return Asked("department", (name,))
    return Asked("department", problem="#department needs the name of a department.")


def _read_merge(argument: str) -> Asked:
    if _TAG_FORM.fullmatch(argument):
        return Asked("merge", (argument,))
    return Asked("merge", problem="#merge needs the number of one other ticket, such as HO#12.")


def _read_people(argument: str) -> Asked:
    added: list[str] = []
    removed: list[str] = []
    items = split_items(argument)[0]
    for name, address in items:
        text = f"{name} <{address}>" if name else address
        minus = _MINUS.match(text)
        mailbox = read_mailbox(text[minus.end() :] if minus else text)
        if mailbox is None:
            added = removed = []
            break
        (removed if minus else added).append(mailbox.address)
    if not added and not removed:
        return Asked(
            "cc", problem="#cc needs mail addresses with commas between them; a minus before one takes it off."
        )
    return Asked("cc", tuple(dict.fromkeys(added)), tuple(dict.fromkeys(removed)))


_READERS: dict[Name, Callable[[str], Asked]] = {
    "assign": _read_person,
    "priority": _read_priority,
    "department": _read_department,
    "merge": _read_merge,
    "cc": _read_people,
}


def _contradictions(asked: list[Asked]) -> list[str]:
    """One sentence for each command that stands there twice with different words; only `#cc` may."""
    names = [one.name for one in asked]
    twice = [f"#{name} may be said once." for name in names if names.count(name) > 1 and name != "cc"]
    if any(other in names for name, other in _EXCLUSIVE.items() if name in names):
        twice.append("#wait and #nowait exclude each other.")
    return twice
