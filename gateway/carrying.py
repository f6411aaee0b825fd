"""From a verdict to the one command that carries it out, with the message as it is kept."""

from __future__ import annotations

from gateway.decide import Facts, Verdict
from gateway.decide.reply import own_words
from gateway.parse import Parsed
from gateway.studying import Studied
from store import people
from store.commands import (
    AddNote,
    Author,
    Command,
    CustomerReply,
    NewFile,
    NewMessage,
    OpenTicket,
    RaisePriority,
    RecordBounce,
    RecordTrace,
    SupportReply,
)  # fmt: skip
from store.config import Config
from store.journal import JournalRow
from store.rules.desk import Priority
from store.rules.tags import base_subject


def command_for(config: Config, row: JournalRow, studied: Studied, facts: Facts, verdict: Verdict) -> Command | None:
    """What is to be done about a mail; None when nothing changes but its outcome."""
    parsed = studied.parsed
    match verdict.outcome:
        case "new" | "held":
            return OpenTicket(
                desk=facts.desk.name,
                subject=base_subject(parsed.subject, facts.desk.key),
                message=_message(row, studied, whole=True),
                department=facts.mailbox.department,
                priority=_priority(parsed, facts),
                origin=f"mail:{facts.mailbox.address}",
                cc=_cc(config, parsed) if verdict.acknowledge else (),
                flags=verdict.flags,
                linked_to=verdict.linked_to,
                acknowledge=verdict.acknowledge,
                already=_addressed(parsed),
            )
        case "reply" if verdict.as_note:
            assert verdict.ticket is not None
            return AddNote(verdict.ticket, _message(row, studied, whole=True), unsent=True, flags=verdict.flags)
        case "reply" if verdict.as_support:
            assert verdict.ticket is not None
            wait = facts.desk.staff_reply_default == "wait"
            return SupportReply(
                verdict.ticket, _message(row, studied, as_support=True), wait=wait, already=_addressed(parsed)
            )
        case "reply":
            assert verdict.ticket is not None
            return CustomerReply(
                verdict.ticket, _message(row, studied), cc=_cc(config, parsed) if verdict.names_people else (),
                cc_left_out=() if verdict.names_people else tuple(a.email for a in _cc(config, parsed)), priority=_priority(parsed, facts),
                already=_addressed(parsed), flags=verdict.flags, proved=verdict.proved,
            )  # fmt: skip
        case "auto" if verdict.ticket is not None:
            return RecordTrace(verdict.ticket, _message(row, studied, auto=parsed.auto or "auto-generated"))
        case "bounce" if facts.reported is not None:
            return _bounce(parsed, facts)
        case "duplicate" if verdict.ticket is not None and verdict.raise_to is not None:
            return RaisePriority(verdict.ticket, verdict.raise_to)
    return None


def _message(
    row: JournalRow, studied: Studied, whole: bool = False, as_support: bool = False, auto: str | None = None
) -> NewMessage:
    """The message as it is kept.

    `whole`: the first of a ticket, where a forwarded history is the matter itself. `as_support`: what is quoted below an
    answer of ours is the notice to staff, which no customer may read.
    """
    parsed = studied.parsed
    text, hidden, html = parsed.text, "", parsed.html
    if as_support:
        text, hidden, html = own_words(parsed), parsed.text, None
    elif not whole and parsed.reply.strip():
        text, hidden = parsed.reply, parsed.hidden
    if parsed.enclosed:
        hidden = f"{hidden}\n\n{parsed.enclosed}".strip("\n")
    return NewMessage(
        author=_author(row, parsed),
        text=text,
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
    )  # fmt: skip


def _author(row: JournalRow, parsed: Parsed) -> Author:
    """The identity of the mail; the envelope sender when From names nobody for certain (threats 45)."""
    if parsed.sender:
        return Author(parsed.sender.address, parsed.sender.name)
    return Author(row.sender if row.sender.count("@") == 1 else people.NOBODY)


def _cc(config: Config, parsed: Parsed) -> tuple[Author, ...]:
    """The people a participant's mail is copied to (MV-15, HO-22); a desk is none of them (X-08).

    To is left out: there stands the alias by which the mail came to us, and copies to it would come back.
    """
    others = [address for address in parsed.cc if not config.addresses.is_own(address.address)]
    return tuple(Author(a.address, a.name) for a in dict.fromkeys(others) if a != parsed.sender)


def _addressed(parsed: Parsed) -> frozenset[str]:
    return frozenset(address.address for address in (*parsed.to, *parsed.cc))


def _priority(parsed: Parsed, facts: Facts) -> Priority:
    """The mailbox's priority, raised or lowered by the sender's mark where the desk lets customers choose (HO-39)."""
    if facts.desk.priority_field and facts.mailbox.priority == "medium" and parsed.importance:
        return "high" if parsed.importance == "high" else "low"
    return facts.mailbox.priority


def _bounce(parsed: Parsed, facts: Facts) -> RecordBounce:
    assert facts.reported is not None
    told = parsed.bounce.recipients[0] if parsed.bounce and parsed.bounce.recipients else None
    permanent = bool(told.permanent) if told else False
    words = " ".join(
        filter(None, [told.status if told else None, "delivery failed" if permanent else "delivery delayed"])
    )
    event, person = (facts.reported.event, facts.reported.person) if facts.reported.proved else (None, None)
    return RecordBounce(facts.reported.ticket, event, person, facts.reported.recipient, permanent, words)
