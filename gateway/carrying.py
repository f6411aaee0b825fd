"""From a verdict to the commands that carry it out, with the message as it is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.asking import acts_for, wants_wait
from gateway.decide import Facts, Verdict
from gateway.decide.support import own_words
from gateway.parse import Parsed
from gateway.parse.commands import what_can
from gateway.parse.fields import read_fields
from gateway.studying import Studied
from store import people
from store.commands import (
    AddNote,
    Author,
    CloseTicket,
    Command,
    CustomerReply,
    DoParked,
    NewFile,
    NewLink,
    NewMessage,
    OpenTicket,
    ParkRequest,
    RaisePriority,
    RecordBounce,
    RecordTrace,
    RefuseRequest,
    SupportReply,
)  # fmt: skip
from store.config import Config
from store.journal import JournalRow
from store.rules.desk import PRIORITIES, Priority
from store.rules.tags import base_subject


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done about a mail, in order. `otherwise`: instead of all of it, when the store says why it cannot be."""

    commands: tuple[Command, ...] = ()
    otherwise: Callable[[str], tuple[Command, ...]] | None = None


def work_for(config: Config, row: JournalRow, studied: Studied, facts: Facts, verdict: Verdict) -> Work:
    """What is to be done about a mail; nothing when only its outcome is written."""
    parsed = studied.parsed
    match verdict.outcome:
        case "new" | "held":
            return Work((_opening(config, row, studied, facts, verdict), *_parked(row, studied, facts, verdict)))
        case "reply" | "command":
            return _reply(config, row, studied, facts, verdict)
        case "auto" if verdict.ticket is not None:
            return Work(
                (RecordTrace(verdict.ticket, _message(row, studied, facts, auto=parsed.auto or "auto-generated")),)
            )
        case "bounce" if facts.reported is not None:
            return Work((_bounce(parsed, facts),))
        case "duplicate" if verdict.ticket is not None and verdict.raise_to is not None:
            box = facts.mailbox
            return Work((RaisePriority(verdict.ticket, verdict.raise_to, box.address, box.alerts),))
    return Work()


def _opening(config: Config, row: JournalRow, studied: Studied, facts: Facts, verdict: Verdict) -> OpenTicket:
    parsed = studied.parsed
    links = [NewLink("same_mail", ticket) for ticket in facts.elsewhere]
    if verdict.linked_to is not None:
        links.insert(0, NewLink("follow_up" if verdict.follows_up else "claims", verdict.linked_to))
    return OpenTicket(
        desk=facts.desk.name,
        subject=base_subject(parsed.subject, facts.desk.key),
        message=_message(row, studied, facts, whole=True),
        department=facts.mailbox.department,
        priority=_priority(parsed, facts),
        origin=f"mail:{facts.mailbox.address}",
        cc=_cc(config, parsed) if verdict.answer and verdict.names_people else (),
        flags=verdict.flags,
        links=tuple(links),
        answer=verdict.answer,
        already=_addressed(parsed),
        fields=_fields(parsed),
        missing=verdict.missing,
        alerts=() if verdict.spam else _alerts(facts),
        cited=facts.cited,
        misused_by=verdict.misused_by,
        also_to=tuple(box.address for box in facts.mailboxes if box != facts.mailbox),
        join_organization=facts.desk.domain_join and facts.dmarc == "pass",
        spam=verdict.spam,
    )


def _reply(config: Config, row: JournalRow, studied: Studied, facts: Facts, verdict: Verdict) -> Work:
    assert verdict.ticket is not None
    author = _author(row, studied.parsed)
    if verdict.confirms is not None:
        told = _refusal(verdict.ticket, author, (), staff=facts.staff)
        return Work((DoParked(verdict.confirms, author),), lambda why: (replace(told, problems=(why,)),))
    match verdict.speaker:
        case "support":
            return _support(row, studied, facts, verdict, author)
        case "staff_note":
            return _staff_note(row, studied, facts, verdict, author)
        case "outsider":
            return Work((AddNote(verdict.ticket, _message(row, studied, facts), outsider=True, flags=verdict.flags),))
    commands: list[Command] = []
    if verdict.outcome == "reply":
        commands.append(_customer(config, row, studied, facts, verdict))
    elif verdict.closes:
        commands.append(CloseTicket(verdict.ticket, author, "customer"))
    commands += _parked(row, studied, facts, verdict)
    if verdict.problems and facts.known:
        commands.append(RefuseRequest(verdict.ticket, author, verdict.problems, by_staff=False))
    return Work(tuple(commands))


def _customer(config: Config, row: JournalRow, studied: Studied, facts: Facts, verdict: Verdict) -> CustomerReply:
    parsed = studied.parsed
    assert verdict.ticket is not None
    return CustomerReply(
        verdict.ticket,
        _message(row, studied, facts, text=verdict.requested.text if verdict.requested else None),
        cc=_cc(config, parsed) if verdict.names_people else (),
        cc_left_out=() if verdict.names_people else tuple(a.email for a in _cc(config, parsed)),
        priority=_priority(parsed, facts),
        already=_addressed(parsed),
        flags=verdict.flags,
        proved=verdict.proved,
        fields=_fields(parsed),
        cited=facts.cited,
        acknowledge=verdict.acknowledge,
        quiet=verdict.quiet,
        joins=verdict.joins,
        close=verdict.closes,
        alerts=_alerts(facts),
    )


def _support(row: JournalRow, studied: Studied, facts: Facts, verdict: Verdict, author: Author) -> Work:
    """Commands and answer together or not at all: who mistyped a name does not want half of it done."""
    assert verdict.ticket is not None and verdict.requested is not None
    commands = acts_for(verdict.ticket, verdict.requested, author)
    close = verdict.closes or any(one.name == "close" for one in verdict.requested.commands)
    if verdict.outcome == "reply":
        message = _message(row, studied, facts, text=verdict.requested.text, as_support=True)
        wait = wants_wait(verdict.requested, facts.desk)
        commands.insert(
            0, SupportReply(verdict.ticket, message, wait=wait, close=close, already=_addressed(studied.parsed))
        )
    elif close:
        commands.insert(0, CloseTicket(verdict.ticket, author, "support"))
    return Work(tuple(commands), lambda why: _unsent(row, studied, facts, verdict, author, (why,)))


def _staff_note(row: JournalRow, studied: Studied, facts: Facts, verdict: Verdict, author: Author) -> Work:
    assert verdict.ticket is not None and verdict.requested is not None
    if verdict.problems or "unsent-answer" in verdict.flags:
        return Work(_unsent(row, studied, facts, verdict, author, verdict.problems))
    commands = acts_for(verdict.ticket, verdict.requested, author)
    if verdict.outcome == "reply":
        message = _message(row, studied, facts, text=verdict.requested.text, as_support=True)
        commands.insert(0, AddNote(verdict.ticket, message, flags=verdict.flags))
    if any(one.name == "close" for one in verdict.requested.commands):
        commands.append(CloseTicket(verdict.ticket, author, "support"))
    return Work(tuple(commands), lambda why: _unsent(row, studied, facts, verdict, author, (why,)))


def _unsent(
    row: JournalRow, studied: Studied, facts: Facts, verdict: Verdict, author: Author, problems: tuple[str, ...]
) -> tuple[Command, ...]:
    """The words are kept as a note and their author hears that nothing was sent, and why."""
    assert verdict.ticket is not None
    message = _message(row, studied, facts, whole=True)
    flags = tuple(dict.fromkeys([*verdict.flags, "unsent-answer"]))
    note = AddNote(verdict.ticket, message, unsent=not problems, flags=flags)
    return (note, _refusal(verdict.ticket, author, problems, staff=True)) if problems else (note,)


def _refusal(ticket: int, to: Author, problems: tuple[str, ...], *, staff: bool) -> RefuseRequest:
    return RefuseRequest(ticket, to, problems, staff, what_can(staff))


def _parked(row: JournalRow, studied: Studied, facts: Facts, verdict: Verdict) -> list[Command]:
    """What waits for the word of the person in whose name it came."""
    if not verdict.parks:
        return []
    assert verdict.ticket is not None and verdict.requested is not None
    author = _author(row, studied.parsed)
    if not facts.staff:
        return [ParkRequest(verdict.ticket, author, (CloseTicket(verdict.ticket, author, "customer"),), row.id)]
    proved = replace(verdict, outcome="reply", parks=False, speaker="support")
    if any(one.name == "note" for one in verdict.requested.commands):
        asked = _staff_note(row, studied, facts, proved, author)
    elif verdict.requested.text.strip() or studied.parsed.files:
        asked = _support(row, studied, facts, proved, author)
    else:
        asked = _support(row, studied, facts, replace(proved, outcome="command"), author)
    return [ParkRequest(verdict.ticket, author, asked.commands, row.id)] if asked.commands else []  # type: ignore[arg-type]


def _message(
    row: JournalRow, studied: Studied, facts: Facts, *, whole: bool = False, text: str | None = None,
    as_support: bool = False, auto: str | None = None,
) -> NewMessage:  # fmt: skip
    """The message as it is kept.

    `whole`: the first of a ticket, where a forwarded history is the matter itself. `text`: its words without commands.
    `as_support`: what is quoted below an answer of ours is the notice to staff, which no customer may read.
    """
    parsed = studied.parsed
    shown, hidden, html = parsed.text, "", parsed.html
    if as_support:
        shown, hidden, html = own_words(parsed), parsed.text, None
    elif not whole and parsed.reply.strip():
        shown, hidden = parsed.reply, parsed.hidden
    if text is not None:
        shown = text
    if parsed.enclosed:
        hidden = f"{hidden}\n\n{parsed.enclosed}".strip("\n")
    return NewMessage(
        author=_author(row, parsed),
        text=shown,
        hidden=hidden,
        html=html,
        files=tuple(
            NewFile(
                file.filename, file.content_type, file.size, file.sha256, file.inline, file.content_id,
                judgement.verdict, judgement.reason,
            )
            for file, judgement in zip(parsed.files, studied.judgements, strict=False)
        ),
        message_id=parsed.message_id,
        journal_id=row.id,
        auto=auto,
        dmarc=facts.dmarc,
    )  # fmt: skip


def _author(row: JournalRow, parsed: Parsed) -> Author:
    """The identity of the mail; the envelope sender when From names nobody for certain (threats 45)."""
    if parsed.sender:
        return Author(parsed.sender.address, parsed.sender.name)
    return Author(row.sender if row.sender.count("@") == 1 else people.NOBODY)


def _cc(config: Config, parsed: Parsed) -> tuple[Author, ...]:
    """The people a participant's mail was also sent to (MV-15, HO-22); a desk is none of them (X-08).

    To counts only where an address of ours is in sight: else one of those in To is the alias by which the mail came to us,
    and copies to it would come back.
    """
    own = config.addresses.is_own
    visible = any(own(address.address) for address in (*parsed.to, *parsed.cc))
    others = [a for a in (*(parsed.to if visible else ()), *parsed.cc) if not own(a.address) and a != parsed.sender]
    named = dict[str, Author]()
    for address in others:
        named.setdefault(address.address, Author(address.address, address.name))
    if parsed.sender:
        named.pop(parsed.sender.address, None)
    return tuple(named.values())


def _addressed(parsed: Parsed) -> frozenset[str]:
    return frozenset(address.address for address in (*parsed.to, *parsed.cc))


def _fields(parsed: Parsed) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in read_fields(parsed.reply).told.items() if name != "priority")


def _alerts(facts: Facts) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address for box in facts.mailboxes for address in box.alerts))


def _priority(parsed: Parsed, facts: Facts) -> Priority:
    """The mailbox's priority; where the desk lets customers choose (HO-39), theirs: by a line of the text, else by a mark."""
    own = facts.mailbox.priority
    if not facts.desk.priority_field or own != "medium":
        return own
    said = next((p for p in PRIORITIES if p == read_fields(parsed.reply).priority), None)
    if said:
        return said
    if parsed.importance:
        return "high" if parsed.importance == "high" else "low"
    return own


def _bounce(parsed: Parsed, facts: Facts) -> RecordBounce:
    assert facts.reported is not None
    told = parsed.bounce.recipients[0] if parsed.bounce and parsed.bounce.recipients else None
    permanent = bool(told.permanent) if told else False
    words = " ".join(
        filter(None, [told.status if told else None, "delivery failed" if permanent else "delivery delayed"])
    )
    event, person = (facts.reported.event, facts.reported.person) if facts.reported.proved else (None, None)
    return RecordBounce(facts.reported.ticket, event, person, facts.reported.recipient, permanent, words)
