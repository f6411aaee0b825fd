"""What a mail asks for, as commands of the store: done at once, parked for want of proof, or answered with what can be done."""

from __future__ import annotations

from dataclasses import replace

from gateway.case import Case, Work
from gateway.parse.commands import Asked, Requested, what_can
from store.commands import (
    AddNote,
    AssignTicket,
    Author,
    ChangeCc,
    CloseTicket,
    Command,
    DoParked,
    MergeTicket,
    MoveTicket,
    ParkRequest,
    RefuseRequest,
    SetPriority,
    SupportReply,
)  # fmt: skip
from store.rules.desk import Desk, Priority


def answer(case: Case) -> Work:
    """Of support: commands and answer together or not at all, for who mistyped a name does not want half of it done."""
    requested = _requested(case)
    commands = _care(case)
    close = case.verdict.closes or requested.asks("close")
    if case.verdict.outcome == "reply":
        message = case.message(text=requested.text, as_support=True)
        wait = _waits(requested, case.facts.desk)
        commands.insert(0, SupportReply(case.ticket, message, wait=wait, close=close, already=case.addressed))
    elif close:
        commands.insert(0, CloseTicket(case.ticket, case.author, "support"))
    return Work(tuple(commands), lambda why: _unsent(case, (_sentence(why),)))


def note(case: Case) -> Work:
    """Of support: words that stay among the staff, because they ask for it or because what they ask for cannot be."""
    if case.verdict.problems or "unsent-answer" in case.verdict.flags:
        return Work(_unsent(case, case.verdict.problems))
    requested = _requested(case)
    commands = _care(case)
    if case.verdict.outcome == "reply":
        message = case.message(text=requested.text, as_support=True)
        commands.insert(0, AddNote(case.ticket, message, flags=case.verdict.flags))
    if requested.asks("close"):
        commands.append(CloseTicket(case.ticket, case.author, "support"))
    return Work(tuple(commands), lambda why: _unsent(case, (_sentence(why),)))


def confirmed(case: Case, request: int) -> Work:
    """The word of the person who was asked; a request that can no longer be done is told them."""
    told = refusal(case, (), staff=_of_staff(case))
    return Work((DoParked(request, case.author),), lambda why: (replace(told, problems=(_sentence(why),)),))


def parked(case: Case) -> list[Command]:
    """What waits for the word of the person in whose name it came."""
    if not case.verdict.parks:
        return []
    if not _of_staff(case):
        return [
            ParkRequest(case.ticket, case.author, (CloseTicket(case.ticket, case.author, "customer"),), case.row.id)
        ]
    requested = _requested(case)
    words = bool(requested.text.strip() or case.parsed.files)
    proved = replace(case.verdict, outcome="reply" if words else "command", parks=False)
    asked = (note if requested.asks("note") else answer)(replace(case, verdict=proved))
    return [ParkRequest(case.ticket, case.author, asked.commands, case.row.id)] if asked.commands else []  # type: ignore[arg-type]


def _of_staff(case: Case) -> bool:
    """Whether its sender works where the ticket it names is now, which may be another desk than the one written to."""
    return bool(case.facts.evidence) and case.facts.evidence[0].relation == "staff"


def refusal(case: Case, problems: tuple[str, ...], *, staff: bool) -> RefuseRequest:
    """Why what the mail asks for is not done, and what can be."""
    return RefuseRequest(case.ticket, case.author, problems, staff, what_can(staff))


def _unsent(case: Case, problems: tuple[str, ...]) -> tuple[Command, ...]:
    """The words are kept as a note and their author hears that nothing was sent, and why."""
    flags = tuple(dict.fromkeys([*case.verdict.flags, "unsent-answer"]))
    kept = AddNote(case.ticket, case.message(whole=True), unsent=not problems, flags=flags)
    return (kept, refusal(case, problems, staff=True)) if problems else (kept,)


def _care(case: Case) -> list[Command]:
    """The care asked for, in order, but a merge last: what else is said is of the ticket as it was."""
    asked = _requested(case).commands
    acts = [act for one in asked if (act := _act(case.ticket, one, case.author)) is not None]
    return sorted(acts, key=lambda act: isinstance(act, MergeTicket))


def _act(ticket: int, asked: Asked, by: Author) -> Command | None:
    match asked.name:
        case "assign":
            who = asked.values[0]
            return AssignTicket(ticket, by, None if who == "nobody" else by if who == "me" else Author(who))
        case "priority":
            priority: Priority = asked.values[0]  # type: ignore[assignment]  # its form was checked when it was read
            return SetPriority(ticket, by, priority)
        case "department":
            return MoveTicket(ticket, by, asked.values[0])
        case "merge":
            return MergeTicket(ticket, asked.values[0], by)
        case "cc":
            return ChangeCc(ticket, by, tuple(Author(email) for email in asked.values), asked.removed)
    return None


def _waits(requested: Requested, desk: Desk) -> bool:
    """Whether an answer waits for the customer: as the mail says, else as the desk does (A-30)."""
    if requested.asks("wait") or requested.asks("nowait"):
        return requested.asks("wait")
    return desk.staff_reply_default == "wait"


def _requested(case: Case) -> Requested:
    assert case.verdict.requested is not None
    return case.verdict.requested


def _sentence(why: str) -> str:
    """What the store says of a command that cannot be done, as a mail says it."""
    return f"{why[:1].upper()}{why[1:]}."
