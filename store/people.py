"""People: found by address, made when new, and gathered around a ticket."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, FromClause, Select, bindparam, func, insert, select, update

from store.questions import Question, among
from store.rules.addressing import normalise
from store.rules.desk import Desk
from store.rules.fanout import Concerned
from store.rules.people import PersonFacts, TicketFacts
from store.schema import Cc, Consulted, Membership, Organization, Person, Staff, Ticket, insert_into

# Constant statements, here and in the other rooms a mail passes: building one costs more than running it.
_BY_EMAIL = select(func.coalesce(Person.c.same_as, Person.c.id).label("id"), Person.c.name).where(
    Person.c.email == bindparam("email")
)
_ASKED, _FURTHER = Person.alias("asked"), Person.alias("further")


def _facts_of(people: FromClause) -> Select[Any]:
    """What PersonFacts are made of: a row for each further address, membership and desk of a person."""
    return (
        select(
            Person.c.id, Person.c.email, Person.c.name, Person.c.status, Person.c.confirmed, Person.c.vouched, Person.c.language,
            Person.c.timezone, _FURTHER.c.id.label("further"), Membership.c.organization_id, Membership.c.role,
            Organization.c.language.label("its_language"), Organization.c.timezone.label("its_timezone"), Staff.c.desk,
        )
        .select_from(people)
        .outerjoin(_FURTHER, _FURTHER.c.same_as == Person.c.id)
        .outerjoin(Membership, Membership.c.person_id == Person.c.id)
        .outerjoin(Organization, Organization.c.id == Membership.c.organization_id)
        .outerjoin(Staff, Staff.c.person_id == Person.c.id)
        .order_by(Membership.c.id)
    )  # fmt: skip


_SAME_AS_ASKED = _ASKED.join(Person, Person.c.id == func.coalesce(_ASKED.c.same_as, _ASKED.c.id))
_WITH_EMAIL = Question(_facts_of(_SAME_AS_ASKED).where(_ASKED.c.email == bindparam("email")))
_WITH_IDS = Question(_facts_of(Person).where(among(Person.c.id, "ids")))
_ORGANIZATION = (
    select(Organization.c.id)
    .join(Membership, Membership.c.organization_id == Organization.c.id)
    .where(Membership.c.person_id == bindparam("person"), Organization.c.desk == bindparam("desk"))
    .order_by(Membership.c.id)
    .limit(1)
)
_ADMINS = (
    select(Membership.c.person_id)
    .where(Membership.c.organization_id == bindparam("organization"), Membership.c.role == "admin")
    .order_by(Membership.c.id)
)
_ON_CC = select(Cc.c.person_id).where(Cc.c.ticket_id == bindparam("ticket")).order_by(Cc.c.id)
_STAFF = select(Staff.c.person_id, Staff.c.departments).where(Staff.c.desk == bindparam("desk")).order_by(Staff.c.id)

NOBODY = "unknown@sender.invalid"  # stands for a sender that no part of a mail names; RFC 2606: reaches nobody


def ensure(connection: Connection, email: str, name: str, now: datetime) -> int:
    """The id of the person with this address, be it a further one, made when there is none; an empty name is filled in."""
    email = normalise(email)
    found = connection.execute(_BY_EMAIL, {"email": email}).first()
    if found is None:
        status = "inactive" if email == NOBODY else "active"
        made = insert_into(Person, connection.dialect.name).values(
            email=email, name=name, status=status, confirmed=False, vouched=False, created=now
        )
        connection.execute(made.on_conflict_do_nothing(index_elements=["email"]))
        found = connection.execute(_BY_EMAIL, {"email": email}).one()
    if name and not found.name:
        connection.execute(update(Person).where(Person.c.id == found.id, Person.c.name == "").values(name=name))
    return int(found.id)


def confirm(connection: Connection, person_id: int) -> None:
    """Remembers that the person reads mail sent to this address: they used a signed address only they were given."""
    connection.execute(update(Person).where(Person.c.id == person_id, ~Person.c.confirmed).values(confirmed=True))


def vouch(connection: Connection, person_id: int) -> None:
    """Remembers that staff know the person."""
    connection.execute(update(Person).where(Person.c.id == person_id).values(confirmed=True, vouched=True))


def find(connection: Connection, email: str) -> PersonFacts | None:
    """The person with this address, be it a further one of theirs; None when nobody has it."""
    rows = _WITH_EMAIL.ask(connection, {"email": normalise(email)})
    return _gather(rows) if rows else None


def facts(connection: Connection, ids: Collection[int]) -> list[PersonFacts]:
    """The people with these ids, in the order of ids, with their memberships and desks."""
    if not ids:
        return []
    wanted = list(dict.fromkeys(ids))
    rows: dict[int, list[Any]] = {}
    for row in _WITH_IDS.ask(connection, {"ids": wanted}):
        rows.setdefault(row.id, []).append(row)
    return [_gather(rows[id_]) for id_ in wanted if id_ in rows]


def _gather(rows: Sequence[Any]) -> PersonFacts:
    """One person; where they name no language or time zone, their first organisation's."""
    one = rows[0]
    return PersonFacts(
        one.id, one.email, one.name, one.status, one.confirmed,
        tuple(sorted({row.desk for row in rows if row.desk})),
        tuple({row.organization_id: (row.organization_id, row.role) for row in rows if row.role}.values()),
        one.language or one.its_language or "", one.timezone or one.its_timezone or "",
        tuple(sorted({row.further for row in rows if row.further is not None})), one.vouched,
    )  # fmt: skip


def organization_of(connection: Connection, person_id: int, desk: str) -> int | None:
    """The organisation of this desk the person belongs to; the oldest membership when there are several."""
    return connection.execute(_ORGANIZATION, {"person": person_id, "desk": desk}).scalar()


def join_by_domain(connection: Connection, person_id: int, email: str, desk: str) -> None:
    """Makes somebody of an organisation's domain a member of it, unless they belong to one already (A-25)."""
    if organization_of(connection, person_id, desk) is not None:
        return
    organization = organization_by_domain(connection, email, desk)
    if organization is not None:
        values = {"person_id": person_id, "organization_id": organization, "role": "member"}
        connection.execute(insert(Membership).values(**values))


def organization_by_domain(connection: Connection, email: str, desk: str) -> int | None:
    """The organisation of this desk that has the very domain of an address; the oldest when there are several."""
    domain = normalise(email).rpartition("@")[2]
    of_desk = select(Organization.c.id, Organization.c.domains).where(Organization.c.desk == desk)
    rows = connection.execute(of_desk.order_by(Organization.c.id))
    return next((organization for organization, domains in rows if domain in domains), None)


def concerned(
    connection: Connection, ticket: TicketFacts, department: str, desk: Desk, actor: int | None,
    addressee: int | None = None, alerts: Sequence[int] = (), assignee: int | None = None,
    agents: Sequence[int] = (),
) -> Concerned:  # fmt: skip
    """Everybody around a ticket, for `fan_out`; `addressee`, `alerts` and `agents` are people a change names itself."""
    admins: list[int] = []
    if ticket.organization is not None and desk.notify.organization_admins:
        admins = list(connection.execute(_ADMINS, {"organization": ticket.organization}).scalars())
    cc = list(connection.execute(_ON_CC, {"ticket": ticket.id}).scalars())
    staff = _staff(connection, desk.name, department) if desk.notify.department_staff else []
    wanted = [ticket.requester, *admins, *cc, *staff, *alerts, *agents, *filter(None, (actor, addressee, assignee))]
    by_id = {person.id: person for person in facts(connection, wanted)}

    def pick(ids: Iterable[int]) -> tuple[PersonFacts, ...]:
        return tuple(by_id[id_] for id_ in ids if id_ in by_id)

    return Concerned(
        by_id[ticket.requester], pick(admins), pick(cc), pick(staff), by_id.get(actor) if actor else None,
        by_id.get(addressee) if addressee else None, pick(alerts), by_id.get(assignee) if assignee else None,
        pick(agents),
    )  # fmt: skip


def who_asked(connection: Connection, ticket: Any, outsider: int) -> tuple[int, ...]:
    """Whom the answer of somebody outside concerns: the agent who asked last, and whose the ticket is, if they work there."""
    asked = select(Consulted.c.asked_by).where(Consulted.c.ticket_id == ticket.id, Consulted.c.person_id == outsider)
    wanted = [id_ for id_ in (connection.execute(asked).scalar(), ticket.assignee_id) if id_ is not None]
    return tuple(person.id for person in facts(connection, wanted) if person.works_at(ticket.desk))


def agents(connection: Connection, desk: str) -> list[PersonFacts]:
    """The active staff of a desk, in the order in which they came to it."""
    everybody = [row.person_id for row in connection.execute(_STAFF, {"desk": desk})]
    return [person for person in facts(connection, everybody) if person.active]


def _staff(connection: Connection, desk: str, department: str) -> list[int]:
    """Agents of the department; those with no departments listed look after all of them.

    A department nobody looks after is everybody's: mail that no one is told of is as good as lost.
    """
    everybody = connection.execute(_STAFF, {"desk": desk}).all()
    mine = [person for person, departments in everybody if not departments or department in departments]
    return mine or [person for person, _departments in everybody]


def ticket_facts(connection: Connection, row: Any) -> TicketFacts:
    """The facts of a ticket row (id, desk, number, requester_id, organization_id, state), with its CC people."""
    cc = connection.execute(_ON_CC, {"ticket": row.id}).scalars()
    return TicketFacts(
        row.id, row.desk, row.number, row.requester_id, row.organization_id, frozenset(cc), row.state
    )  # fmt: skip


def add_cc(
    connection: Connection, ticket_id: int, person_id: int, added_by: int | None, via: str, now: datetime
) -> bool:
    """Puts a person on the ticket's CC list; False when already there or the requester (X-08 is the caller's)."""
    requester = connection.execute(select(Ticket.c.requester_id).where(Ticket.c.id == ticket_id)).scalar_one()
    there = select(Cc.c.id).where(Cc.c.ticket_id == ticket_id, Cc.c.person_id == person_id)
    if person_id == requester or connection.execute(there).first():
        return False
    connection.execute(insert(Cc).values(ticket_id=ticket_id, person_id=person_id, added_by=added_by, via=via, at=now))
    return True


def password_hash(connection: Connection, person_id: int) -> str | None:
    """The argon2 hash of a person's password; None for somebody who never set one."""
    found: str | None = connection.execute(select(Person.c.password).where(Person.c.id == person_id)).scalar()
    return found


def replace_password(connection: Connection, person_id: int, old: str | None, new: str) -> bool:
    """Sets the hash of an active person's password; False when it is no longer `old`, so that of two only one sets it."""
    still = (Person.c.id == person_id, Person.c.status == "active", Person.c.password.is_not_distinct_from(old))
    return connection.execute(update(Person).where(*still).values(password=new)).rowcount == 1
