"""From what a mail of the staff asks for to the commands of the store."""

from __future__ import annotations

from gateway.parse.commands import Asked, Requested
from store.commands import AssignTicket, Author, ChangeCc, Command, MergeTicket, MoveTicket, SetPriority
from store.rules.desk import Desk, Priority


def acts_for(ticket: int, requested: Requested, by: Author) -> list[Command]:
    """The care asked for, in order, but a merge last: what else is said is of the ticket as it was."""
    acts = [act for one in requested.commands if (act := _act(ticket, one, by)) is not None]
    return sorted(acts, key=lambda act: isinstance(act, MergeTicket))


def wants_wait(requested: Requested, desk: Desk) -> bool:
    """Whether an answer waits for the customer: as the mail says, else as the desk does (A-30)."""
    names = {one.name for one in requested.commands}
    if names & {"wait", "nowait"}:
        return "wait" in names
    return desk.staff_reply_default == "wait"


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
