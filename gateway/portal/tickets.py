"""The two pages about tickets: all that a person may see, and one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from gateway.portal.context import Portal, portal_of
from gateway.portal.history import PEOPLE, tie
from gateway.portal.rendering import page
from gateway.portal.thread import Reader, entries
from gateway.portal.visitors import Visitor
from gateway.portal.words import FLAGS, MAIL_STATES, MAILS, short_moment, shown_name
from store import ledgers, people, views
from store.errors import NotFound
from store.rules.desk import Desk
from store.rules.people import PersonFacts, relation
from templates.contexts import one_line
from templates.figures import moment

MOST = 200  # tickets in the list
IMAGES = "images"  # the purpose of the button that loads them
_TROUBLE = ("deferred", "delayed", "failed", "bounced", "complained")


@dataclass(frozen=True, slots=True)
class Line:
    """A ticket in the list. What is for staff only is empty for customers."""

    address: str
    tag: str
    subject: str
    label: str
    tone: str
    priority: str
    department: str
    requester: str
    flagged: bool
    updated: str
    iso: str
    full: str


def ticket_list(request: Request, visitor: Visitor) -> Response:
    """GET /, for people of several desks also /?desk=NAME. Staff see a queue (EQ-27), customers what changed last."""
    portal, person = portal_of(request), visitor.person
    desks = [portal.config.desks[name] for name in person.staff_of if name in portal.config.desks]
    wanted = request.query_params.get("desk")
    chosen = next((desk for desk in desks if len(desks) > 1 and desk.name == wanted), None)
    with portal.store.read() as connection:
        found = views.tickets(
            connection, portal.config, chosen.name if chosen else None, person, limit=MOST + 1, queue=bool(desks)
        )
    lines = [line_of(portal, person, ticket) for ticket in found[:MOST]]
    return page(
        request, "tickets.html", visitor=visitor, lines=lines, more=len(found) > MOST, most=MOST,
        desks=desks if len(desks) > 1 else [], chosen=chosen, mailbox=_only_mailbox(portal), staff=bool(desks),
    )  # fmt: skip


def line_of(portal: Portal, person: PersonFacts, ticket: dict[str, Any]) -> Line:
    """A ticket as a person sees it in a list."""
    desk = portal.config.desks[ticket["desk"]]
    staff = desk.name in person.staff_of
    zones = (person.timezone, desk.timezone)
    return Line(
        address=address_of(ticket["tag"]),
        tag=ticket["tag"],
        subject=one_line(ticket["subject"]) or "(no subject)",
        label=ticket["label"],
        tone=tone(ticket["state"]),
        priority=ticket["priority"] if staff or desk.priority_field else "",
        department=ticket["department"] if staff else "",
        requester=_requester(ticket, staff),
        flagged=staff and bool(ticket["flags"]),
        updated=short_moment(ticket["updated"], portal.clock(), *zones),
        iso=ticket["updated"],
        full=moment(ticket["updated"], *zones),
    )


def _requester(ticket: dict[str, Any], staff: bool) -> str:
    """The name; for staff with the address where the name could be taken for one (threats 44)."""
    name, address = shown_name(ticket["requester_name"]), ticket["requester"]
    return f"{name} {address}" if staff and "@" in name else name or address


def ticket_page(request: Request, visitor: Visitor) -> Response:
    """GET /t/KEY-NUMBER. Raises NotFound, the same for a ticket that does not exist and one that may not be seen."""
    portal = portal_of(request)
    with portal.store.read() as connection:
        ticket, reader, number = read_ticket(connection, portal, visitor, request.path_params["tag"])
        mails = ledgers.deliveries(connection, number) if reader.staff else []
    staff, desk = reader.staff, reader.desk
    return page(
        request, "ticket.html", visitor=visitor, staff=staff, desk=desk, tag=ticket["tag"],
        subject=one_line(ticket["subject"]) or "(no subject)", label=ticket["label"], tone=tone(ticket["state"]),
        help="" if staff else ticket["help"], thread=list(entries(ticket, reader)),
        facts=_facts(ticket, reader), flags=[FLAGS.get(flag, flag) for flag in ticket["flags"]],
        links=[tie(link["kind"], link["ticket"], address_of(link["ticket"]), desk.noun) for link in ticket["links"]],
        mails=[_mail(mail, reader) for mail in mails], trouble=any(mail["state"] in _TROUBLE for mail in mails),
        address=address_of(ticket["tag"]), images_token=portal.forms.token(IMAGES, visitor.session.id),
    )  # fmt: skip


def read_ticket(
    connection: Connection, portal: Portal, visitor: Visitor, tag: str
) -> tuple[dict[str, Any], Reader, int]:
    """A ticket as its visitor may see it, who reads, and its id. Raises NotFound, whether it is missing or not theirs."""
    row, desk = views.follow_merge(connection, portal.config, views.find_ticket(connection, portal.config, tag)[0])
    role = relation(visitor.person, views.facts(connection, row), desk)
    if role == "none":
        raise NotFound("there is no such ticket")
    ticket = views.ticket(connection, portal.config, row, public_only=role != "staff")
    return ticket, Reader(visitor.person, role == "staff", desk, _known(connection, ticket)), int(row.id)


def _known(connection: Connection, ticket: dict[str, Any]) -> dict[str, PersonFacts]:
    """The people named on a ticket, by address."""
    addresses = {
        ticket["requester"],
        ticket.get("assignee"),
        *ticket["cc"],
        *(message["from"] for message in ticket["messages"]),
    }
    addresses |= {event["actor"] for event in ticket["events"]}
    addresses |= {event["new"] for event in ticket["events"] if event["kind"] in PEOPLE}
    found = ((address, people.find(connection, address)) for address in addresses if address)
    return {address: person for address, person in found if person is not None}


def _facts(ticket: dict[str, Any], reader: Reader) -> list[tuple[str, list[tuple[str, str]]]]:
    """The column beside the conversation: a word and its values, each with an address for staff."""
    shown = [("From", [person_fact(ticket["requester"], ticket["requester_name"], reader)])]
    if ticket["cc"]:
        shown.append(("Copied", [person_fact(address, "", reader) for address in ticket["cc"]]))
    if reader.staff and ticket["organization"]:
        shown.append(("Organization", [(ticket["organization"], "")]))
    if reader.staff:
        shown.append(("Department", [(ticket["department"], "")]))
        if ticket["assignee"]:
            shown.append(("Assigned to", [person_fact(ticket["assignee"], "", reader)]))
        shown.append(("Arrived by", [(one_line(ticket["origin"]), "")]))
    if reader.staff or reader.desk.priority_field:
        shown.append(("Priority", [(ticket["priority"].capitalize(), "")]))
    shown.append(("Opened", [(reader.time(ticket["created"]), "")]))
    shown.append(("Last change", [(reader.time(ticket["updated"]), "")]))
    return shown


def person_fact(address: str, name: str, reader: Reader) -> tuple[str, str]:
    """How somebody is called here, and for staff the address where that is something else."""
    shown = reader.name(address, name)
    return shown, address if reader.staff and shown != address else ""


def _mail(mail: dict[str, Any], reader: Reader) -> dict[str, str]:
    word, colour = MAIL_STATES.get(mail["state"], (mail["state"], "open"))
    later = mail["state"] == "deferred"
    return {
        "what": MAILS.get(mail["template"], mail["template"]), "to": mail["recipient"], "word": word, "tone": colour,
        "again": reader.time(mail["next_at"]) if later else "", "reply": one_line(mail["reply"] or ""),
    }  # fmt: skip


def address_of(tag: str) -> str:
    """The path of a ticket; `#` would end it."""
    return f"/t/{tag.replace('#', '-')}"


def tone(state: str) -> str:
    """How a label is coloured: by whose turn it is."""
    return {"waiting_customer": "waiting", "closed": "closed"}.get(state, "open")


def _only_mailbox(portal: Portal) -> str:
    desks: list[Desk] = list(portal.config.desks.values())
    return desks[0].main.address if len(desks) == 1 else ""
