"""From a change to outbox rows: gathers the people, asks `fan_out`, and freezes what each mail is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from store import crash, outbox, people
from store.commands import NewFile, Redirect
from store.commands.values import LinkKind
from store.config import Config
from store.file_links import UPLOAD, FileLink
from store.gathering import gather
from store.password_links import CODE_PATH, password_code, password_link
from store.rules.addressing import without_extension
from store.rules.desk import Desk
from store.rules.fanout import ANSWERS, Change, Notice, Template, fan_out
from store.rules.files import allowed_text
from store.rules.gist import gist
from store.rules.people import PersonFacts
from store.rules.states import Condition, help_text, label
from store.rules.tokens import Token, sign
from store.schema import Link, Ticket
from store.threads import Threads

_TICKET = select(*Ticket.c).where(Ticket.c.id == bindparam("ticket"))
_LINKED = (
    select(Ticket.c.desk, Ticket.c.number)
    .join(Link, Link.c.other_id == Ticket.c.id)
    .where(Link.c.ticket_id == bindparam("ticket"), Link.c.kind == bindparam("kind"))
    .limit(1)
)
# Somebody outside reads our question and learns nothing else of the ticket, not even its requester's Message-IDs.
_NOT_OUTSIDE: dict[str, Any] = {"subject": "", "label": "", "help": "", "link": "", "refused": [], "former": None}


@dataclass(frozen=True, slots=True)
class Told:
    """What a change is told with: its event, and the message it is about, if any."""

    event_id: int
    change: Change
    message_id: int | None = None
    message_header: str | None = None
    files: Sequence[NewFile] = ()
    label_changed: bool = False
    alerts: Sequence[int] = ()  # people who hear of it at once, whatever their department
    agents: Sequence[int] = ()  # of the staff, who hear of it instead of the department
    about: str = ""  # what the mail names besides: an address, what was asked
    problems: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()  # what can be asked for by mail
    answered: str | None = None  # the words of the mail that is answered, if it is
    assets: tuple[
        dict[str, Any], ...
    ] = ()  # what was asked for each asset and what became of it, see templates/assets.py
    confirms: int | None = (
        None  # the parked request that answering this mail confirms, instead of writing on the ticket
    )


# What every mail has of the one ticket it is about, for those about none.
_NO_TICKET: dict[str, Any] = {
    "tag": "", "subject": "", "label": "", "help": "", "label_changed": False, "author": "", "author_address": "",
    "by_support": False, "refused": [], "allowed": "", "flags": [], "claims": None, "priority": "", "department": "", "origin": "",
    "in_reply_to": None, "references": [],
}  # fmt: skip


def no_ticket(desk: Desk, person: PersonFacts, now: datetime, known: bool = True) -> dict[str, Any]:
    """The facts of a mail about no one ticket, from the desk's main mailbox; a stranger (not `known`) is called by no name."""
    return _NO_TICKET | {
        "desk": desk.name, "from_address": desk.main.address, "at": now.isoformat(), "known": known,
        "recipient_name": person.name if known else "", "language": person.language or desk.language,
        "timezone": person.timezone or desk.timezone,
    }  # fmt: skip


def tell(connection: Connection, config: Config, ticket_id: int, told: Told, now: datetime) -> int:
    """Writes the outbox rows of a change in its transaction, and what waits for a digest; how many mails there are."""
    crash.point("F3")
    ticket = connection.execute(_TICKET, {"ticket": ticket_id}).one()
    desk = config.desks[ticket.desk]
    around = people.concerned(
        connection, people.ticket_facts(connection, ticket), ticket.department, desk, told.change.actor,
        told.change.addressee, told.alerts, ticket.assignee_id, told.agents,
    )  # fmt: skip
    notices: Sequence[Notice] = fan_out(told.change, around, desk)
    if notices:
        shared = _shared(connection, config, desk, ticket, told, around.actor, now)
        notices = gather(
            connection, desk, ticket, told.event_id, told.message_id, told.change.row, notices, shared, now
        )
    if notices:
        threads = Threads(connection, config, ticket)
        rows = [_row(connection, config, desk, ticket, told, notice, shared, threads, now) for notice in notices]
        outbox.put(connection, rows)
    return len(notices)


def _shared(
    connection: Connection, config: Config, desk: Desk, ticket: Any, told: Told, actor: PersonFacts | None, now: datetime
) -> dict[str, Any]:  # fmt: skip
    """What all mails of the change have in common."""
    condition = Condition(ticket.state, ticket.last_reply_by, ticket.taken)
    anchor = f"#m{told.message_id}" if told.message_id else ""
    return {
        "desk": desk.name,
        "tag": f"{desk.key}#{ticket.number}",
        "subject": ticket.subject,
        "label": label(condition, desk),
        "help": help_text(condition, desk),
        "change": told.change.kind,
        "label_changed": told.label_changed,
        "author": _author(actor, told.change.by_support, desk),
        "author_address": actor.email if actor else "",
        "by_support": told.change.by_support,
        "from_address": desk.mailbox_of(ticket.department).address,
        "refused": [{"filename": f.filename, "reason": f.reason} for f in told.files if f.verdict == "refused"],
        "allowed": allowed_text(desk.files),
        "priority": ticket.priority,
        "department": ticket.department,
        "origin": ticket.origin,
        "flags": list(ticket.flags),
        "claims": _linked(connection, config, ticket.id, "claims"),
        "former": _linked(connection, config, ticket.id, "follow_up"),
        "link": f"{config.base_url}/t/{desk.key}-{ticket.number}{anchor}",
        "site": config.base_url,
        "at": now.isoformat(),
        "missing": list(told.change.missing),
        "about": told.about,
        "problems": list(told.problems),
        "commands": list(told.commands),
        "assets": list(told.assets),
        "confirms": told.confirms,
        "closed": ticket.state == "closed",
    }


def _author(actor: PersonFacts | None, by_support: bool, desk: Desk) -> str:
    if actor is None:
        return desk.team
    return actor.name or (desk.team if by_support else "")  # an address is shown to staff alone


def _row(
    connection: Connection, config: Config, desk: Desk, ticket: Any, told: Told, notice: Notice,
    shared: dict[str, Any], threads: Threads, now: datetime,
) -> dict[str, Any]:  # fmt: skip
    person = notice.person
    own_mail = told.message_header if person.id == told.change.actor else None
    outside = notice.role == "outsider"
    facts = {
        **shared,
        **threads.facts(person.id, told.event_id, now, own_mail, outside),
        "role": notice.role,
        "known": notice.known,
        "recipient_name": person.name if notice.known else "",
        "language": person.language or desk.language,
        "timezone": person.timezone or desk.timezone,
        "may_close": notice.role in ("requester", "admin") and desk.customer_close,
    }
    if notice.role != "staff":
        facts |= {"flags": [], "claims": None}
    if not notice.known:
        facts |= {"subject": "", "author": "", "refused": [], "problems": [], "assets": [], "former": None}
        if told.change.kind != "parked":  # what is asked for is said in words of ours
            facts["about"] = ""
    if outside:
        facts |= _NOT_OUTSIDE
    if facts["refused"] and person.id == told.change.actor and notice.role != "staff":
        link = FileLink(UPLOAD, person.id, told.event_id, ticket.id, now)
        facts["upload_link"] = link.address(config.base_url, config.secret)
    if notice.template == "login_help" and person.confirmed and person.active:
        facts |= {
            "password_link": password_link(connection, config, person, now, f"/t/{desk.key}-{ticket.number}"),
            "password_code": password_code(connection, config, person, now),
            "code_page": f"{config.base_url}{CODE_PATH}",
        }
    row = addressed(config, told.event_id, person, notice.template, facts, told.answered, now)
    return {**row, "ticket_id": ticket.id, "message_id": told.message_id if notice.known else None}


def addressed(
    config: Config, event_id: int, person: PersonFacts, template: Template, facts: dict[str, Any], answered: str | None,
    now: datetime,
) -> dict[str, Any]:  # fmt: skip
    """The outbox row of a mail with these facts about an event, but for its ticket and message; `answered`: as in Told."""
    answer = template in ANSWERS
    domain = facts["from_address"].rpartition("@")[2]
    token = sign(Token("copy", event_id, person.id), config.secret)
    return {
        "event_id": event_id,
        "person_id": person.id,
        "recipient": person.email,
        "template": template,
        "next_at": now,
        "header_id": f"{token}@{domain}",
        "facts": facts,
        "correspondent": without_extension(person.email) if answer else None,
        "gist": gist(answered) if answer and answered is not None else None,
        "stranger_of": facts["desk"] if answer and not person.confirmed else None,
        "created": now,
    }


def tell_without_ticket(
    connection: Connection, config: Config, event_id: int, person: PersonFacts, command: Redirect, now: datetime
) -> None:
    """A mail about no ticket: that a desk takes what was written on its portal alone (EQ-66)."""
    desk = config.desks[command.desk]
    known = person.confirmed
    facts = no_ticket(desk, person, now, known) | {
        "role": "requester", "subject": command.subject if known else "", "change": "redirected", "author": desk.team,
        "from_address": command.mailbox, "allowed": allowed_text(desk.files), "link": f"{config.base_url}/",
        "in_reply_to": command.message_id, "references": [command.message_id] if command.message_id else [],
    }  # fmt: skip
    outbox.put(connection, [addressed(config, event_id, person, "portal_redirect", facts, command.answered, now)])


def _linked(connection: Connection, config: Config, ticket_id: int, kind: LinkKind) -> str | None:
    """The ticket this one points at: what a flagged mail claims, for staff only (threats 39), or what it follows up."""
    row = connection.execute(_LINKED, {"ticket": ticket_id, "kind": kind}).first()
    return f"{config.desks[row.desk].key}#{row.number}" if row else None
