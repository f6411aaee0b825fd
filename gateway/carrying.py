"""From a verdict to the commands that carry it out."""

from __future__ import annotations

from typing import Literal

from gateway import asking, wishing
from gateway.case import Case, Work
from gateway.decide.support import own_words
from store.commands import (
    AddNote,
    CloseTicket,
    Command,
    CustomerReply,
    NewLink,
    OpenTicket,
    RaisePriority,
    RecordBounce,
    RecordProbe,
    RecordTrace,
    Redirect,
    RefuseRequest,
    SupportReply,
)  # fmt: skip
from store.rules.delivery import is_hard
from store.rules.tags import base_subject


def work_for(case: Case) -> Work:
    """What is to be done about a mail; nothing when only its outcome is written."""
    verdict = case.verdict
    match verdict.outcome:
        case "new" | "held" | "command" if verdict.wishes or verdict.unknown_names or verdict.registers:
            return Work((wishing.asked(case, _opening(case)),))
        case "new" | "held":
            return Work((_opening(case), *asking.parked(case)))
        case "refused" if verdict.answer is not None:
            return Work((_redirect(case),))
        case "reply" | "command":
            return _reply(case)
        case "auto" if case.facts.probe is not None:
            return Work((RecordProbe(case.facts.probe.id, case.facts.probe.person, case.row.at),))
        case "auto" if verdict.ticket is not None:
            return Work((RecordTrace(verdict.ticket, case.message(auto=case.parsed.auto or "auto-generated")),))
        case "bounce" if case.facts.reported is not None and not case.facts.old:
            return Work((_bounce(case),))
        case "duplicate" if verdict.ticket is not None and verdict.raise_to is not None:
            box = case.facts.mailbox
            return Work((RaisePriority(verdict.ticket, verdict.raise_to, box.address, box.alerts),))
    return Work()


def _opening(case: Case) -> OpenTicket:
    facts, verdict = case.facts, case.verdict
    links = [NewLink("same_mail", ticket) for ticket in facts.elsewhere]
    if verdict.linked_to is not None:
        links.insert(0, NewLink("follow_up" if verdict.follows_up else "claims", verdict.linked_to))
    ours = verdict.speaker == "support"  # a desk's own first words, of an archive: its ticket is of whom they went to
    people = case.written_to[1:] if ours else case.others
    return OpenTicket(
        desk=facts.desk.name,
        subject=base_subject(case.parsed.subject, facts.desk.key),
        message=case.message(whole=True),
        department=facts.mailbox.department,
        priority=case.priority,
        origin=f"mail:{facts.mailbox.address}",
        cc=people if (verdict.answer or facts.old) and verdict.names_people else (),
        flags=verdict.flags,
        links=tuple(links),
        answer=verdict.answer,
        already=case.addressed,
        fields=case.fields,
        missing=verdict.missing,
        alerts=() if verdict.spam else case.alerts,
        cited=facts.cited,
        misused_by=verdict.misused_by,
        alert=facts.alert.id if facts.alert else None,
        also_to=tuple(box.address for box in facts.mailboxes if box != facts.mailbox),
        join_organization=facts.desk.domain_join and facts.dmarc == "pass",
        spam=verdict.spam,
        written_to=case.written_to[0] if ours else None,
        assets=verdict.assets or facts.assets,
    )


def _redirect(case: Case) -> Redirect:
    facts, parsed = case.facts, case.parsed
    return Redirect(
        facts.desk.name, case.author, facts.mailbox.address, base_subject(parsed.subject, facts.desk.key),
        parsed.message_id, parsed.text,
    )  # fmt: skip


def _reply(case: Case) -> Work:
    verdict = case.verdict
    if verdict.confirms is not None:
        return asking.confirmed(case, verdict.confirms)
    match verdict.speaker:
        case "support" if case.facts.old:
            return Work((SupportReply(case.ticket, case.message(text=own_words(case.parsed), as_support=True)),))
        case "staff_note" if case.facts.old:
            return Work((AddNote(case.ticket, case.message(whole=True), flags=verdict.flags),))
        case "support":
            return asking.answer(case)
        case "staff_note":
            return asking.note(case)
        case "outsider":
            return Work((AddNote(case.ticket, case.message(), outsider=True, flags=verdict.flags),))
    commands: list[Command] = []
    if verdict.outcome == "reply":
        commands.append(_customer(case))
    elif verdict.closes:
        commands.append(CloseTicket(case.ticket, case.author, "customer"))
    commands += asking.parked(case)
    if verdict.problems and case.facts.known:
        commands.append(RefuseRequest(case.ticket, case.author, verdict.problems, by_staff=False))
    return Work(tuple(commands))


def _customer(case: Case) -> CustomerReply:
    verdict = case.verdict
    return CustomerReply(
        case.ticket,
        case.message(text=verdict.requested.text if verdict.requested else None),
        cc=case.others if verdict.names_people else (),
        cc_left_out=() if verdict.names_people else tuple(other.email for other in case.others),
        priority="low" if case.facts.old else case.priority,
        already=case.addressed,
        flags=verdict.flags,
        proved=verdict.proved,
        fields=() if case.facts.old else case.fields,
        cited=case.facts.cited,
        acknowledge=verdict.acknowledge,
        quiet=verdict.quiet,
        joins=verdict.joins,
        close=verdict.closes,
        alerts=case.alerts,
        assets=case.facts.assets,
    )


def _bounce(case: Case) -> RecordBounce:
    reported, bounce = case.facts.reported, case.parsed.bounce
    assert reported is not None
    told = bounce.recipients[0] if bounce and bounce.recipients else None
    event, person, recipient = reported.event, reported.person, reported.recipient
    if bounce and bounce.complaint:
        return RecordBounce(reported.ticket, event, person, recipient, "complained", "its reader called it unwanted")
    fate: Literal["bounced", "delayed"] = "bounced" if told and told.permanent else "delayed"
    status = told.status if told else None
    words = " ".join(filter(None, [status, "delivery failed" if fate == "bounced" else "delivery delayed"]))
    # A Message-ID is known to everybody who was ever answered with it in References, an envelope address to few.
    hard = fate == "bounced" and reported.proved and is_hard(status or "")
    return RecordBounce(reported.ticket, event, person, recipient, fate, words, hard)
