"""Compares what became of a step with what the story says must become of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from gateway.cli.demo.sample import End, Step

Row = Mapping[str, Any]
SETTLED = ("accepted", "bounced", "suppressed")


@dataclass(frozen=True, slots=True)
class Books:
    """What the gateway's commands say at one moment. `fresh` are the outbox rows since the act before."""

    journal: Sequence[Row]
    tickets: Mapping[str, Row]
    outbox: Sequence[Row]
    fresh: Sequence[Row]
    sent: Mapping[str, EmailMessage]


@dataclass(slots=True)
class Became:
    """What became of a step at one desk, for the table and for the exit code."""

    step: Step
    end: End | None
    door: str
    outcome: str = ""
    rule: str = ""
    ticket: str = ""
    label: str = ""
    wrong: list[str] = field(default_factory=list)


def check_door(became: Became, expected: str) -> None:
    """`expected` is a code, with or without an enhanced status."""
    if not became.door.startswith(expected):
        became.wrong.append(f"the door says {became.door!r}, expected {expected}")


def check_end(became: Became, named: Mapping[str, str], books: Books, sender: str, answered_id: str | None) -> None:
    """Notes every field of the expected end that is otherwise; `named` are the tickets by the names of the story."""
    end = became.end
    assert end is not None
    wrong = became.wrong
    _same(wrong, "outcome", became.outcome, end.outcome)
    if end.ticket:
        _same(wrong, "ticket", became.ticket, named.get(end.ticket, f"that of {end.ticket}"))
    ticket = books.tickets.get(became.ticket)
    if ticket is None:
        if end.label or end.flag or end.told or end.outcome in ("new", "reply"):
            wrong.append("there is no ticket")
    else:
        _check_ticket(wrong, end, ticket, named)
    _check_mails(wrong, end, became.ticket, books, sender)
    if end.outcome == "bounce":
        state = next((row["state"] for row in books.outbox if row["message_id"].strip("<>") == answered_id), None)
        _same(wrong, "state of the mail it is about", state, "bounced")


def _check_ticket(wrong: list[str], end: End, ticket: Row, named: Mapping[str, str]) -> None:
    _same(wrong, "desk", ticket["desk"], end.desk)
    for name in ("label", "priority", "department"):
        if getattr(end, name):
            _same(wrong, name, ticket[name], getattr(end, name))
    wrong += [f"{address} is not in Cc" for address in end.cc if address not in ticket["cc"]]
    if end.flag and end.flag not in ticket["flags"]:
        wrong.append(f"flags are {ticket['flags']}, expected {end.flag}")


def check_inside(became: Became, details: Row, named: Mapping[str, str]) -> None:
    """Files, links and messages of the ticket, as they are at the end of the story."""
    end, wrong = became.end, became.wrong
    assert end is not None
    files = {(a["filename"], a["verdict"]) for message in details["messages"] for a in message["attachments"]}
    for verdict, names in (("accepted", end.accepted), ("refused", end.refused)):
        wrong += [f"{name} is not {verdict}; files: {sorted(files)}" for name in names if (name, verdict) not in files]
    if end.linked and named.get(end.linked, "?") not in str(details["links"]):
        wrong.append(f"links are {details['links']}, expected {named.get(end.linked)}")
    if end.side and not any(m["side"] == end.side and end.says in m["text"] for m in details["messages"]):
        wrong.append(f"no message of {end.side} says {end.says!r}")


def _check_mails(wrong: list[str], end: End, tag: str, books: Books, sender: str) -> None:
    fresh = [(row["recipient"], row["template"], row["ticket"]) for row in books.fresh]
    for address, template in end.told:
        ids = [
            row["message_id"].strip("<>")
            for row in books.fresh
            if (row["recipient"], row["template"], row["ticket"]) == (address, template, tag)
        ]
        if not ids:
            got = sorted({t for a, t, ticket in fresh if a == address and ticket == tag})
            wrong.append(f"{address} has no {template}" + (f", but {', '.join(got)}" if got else ""))
        elif not any(end.says in text_of(books.sent[id_]) for id_ in ids if id_ in books.sent):
            wrong.append(f"the {template} to {address} does not say {end.says!r}")
    for address in end.untold:
        # Whoever must not be answered must not be mailed about any other ticket either.
        got = sorted({t for a, t, ticket in fresh if a == address and (ticket == tag or address == sender)})
        if got:
            wrong.append(f"{address} was mailed {', '.join(got)}")
    if end.outcome == "note" and any(ticket == tag for _, _, ticket in fresh):
        wrong.append("a note was mailed")


def text_of(mail: EmailMessage) -> str:
    """What a person reads in it, on one line."""
    part = mail.get_body(("plain",))
    return " ".join(part.get_content().split()) if part else ""


def check_whole(books: Books, rows_expected: int, secrets: Sequence[str]) -> list[str]:
    """What must hold of the ledgers as a whole at rest; `secrets` are words that must stand in no mail."""
    sent = books.sent
    wrong = [f"journal row {row['id']} has no outcome" for row in books.journal if not row["outcome"]]
    wrong += [f"journal row {row['id']} is dead: {row['reason']}" for row in books.journal if row["outcome"] == "dead"]
    if len(books.journal) != rows_expected:
        wrong.append(f"the journal has {len(books.journal)} rows, expected {rows_expected}")
    wrong += [f"mail {row['id']} is {row['state']}" for row in books.outbox if row["state"] not in SETTLED]
    out = {row["message_id"].strip("<>"): row for row in books.outbox if row["state"] in ("accepted", "bounced")}
    wrong += [f"mail {out[id_]['id']} is not in the maildir" for id_ in out.keys() - sent.keys()]
    wrong += [f"a mail in the maildir has no row: {id_}" for id_ in sent.keys() - out.keys()]
    wrong += [
        f"mail {row['id']} went to {sent[id_]['X-Envelope-To']}"
        for id_, row in out.items()
        if id_ in sent and row["recipient"] not in str(sent[id_]["X-Envelope-To"])
    ]
    wrong += [
        f"an internal note went out to {mail['X-Envelope-To']}"
        for mail in sent.values()
        if any(secret in text_of(mail) for secret in secrets)
    ]
    return wrong


def _same(wrong: list[str], what: str, got: object, expected: object) -> None:
    if got != expected:
        wrong.append(f"{what} is {got!r}, expected {expected!r}")
