"""`postern load`: people, organisations, agents, groups, assets and tickets from JSON, all or nothing, repeatable by key."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import Connection, Table, insert, select, update

from store import further, people, preferences
from store.config import Config
from store.database import Store
from store.errors import BadInput
from store.load_form import AgentRow, AssetRow, GroupRow, Loaded, MessageRow, OrganizationRow, PersonRow, TicketRow
from store.loading_assets import put_asset
from store.passwords import hash_password, matches
from store.rows import FIRST_NUMBER, insert_row, take_number
from store.rules.addressing import check_address
from store.rules.desk import PRIORITIES
from store.schema import Grant, Group, Membership, Message, Organization, Person, Staff, Ticket, TicketNumber


def load(store: Store, config: Config, loaded: Loaded, file: Path, now: datetime) -> dict[str, int]:
    """Writes everything in one transaction and mails nobody; how many of each kind. Raises BadInput, nothing written."""
    hashes = _hash_passwords(store, loaded)
    with store.write() as connection:
        loader = _Loader(connection, config, file, now, hashes)
        for place, organization in enumerate(loaded.organizations):
            loader.organization(organization, f"organizations[{place}]")
        for place, person in enumerate(loaded.people):
            loader.person(person, f"people[{place}]")
        for place, agent in enumerate(loaded.agents):
            loader.agent(agent, f"agents[{place}]")
        for place, group in enumerate(loaded.groups):
            loader.group(group, f"groups[{place}]")
        for place, asset in enumerate(loaded.assets):
            loader.asset(asset, f"assets[{place}]")
        for place, ticket in enumerate(loaded.tickets):
            loader.ticket(ticket, f"tickets[{place}]")
    return {name: len(getattr(loaded, name)) for name in Loaded.model_fields if getattr(loaded, name)}


def _hash_passwords(store: Store, loaded: Loaded) -> dict[str, str]:
    """The new hash of each person whose password changes. Hashing is slow on purpose, so no transaction waits for it."""
    given = {row.email: row.password for row in loaded.people if row.password}
    given |= {row.email: row.password for row in loaded.agents if row.password}
    with store.read() as connection:
        known = {email: people.find(connection, email) for email in given}
        stored = {email: people.password_hash(connection, who.id) if who else None for email, who in known.items()}
    hashed: dict[str, str] = {}
    changed: dict[str, str] = {}
    for email, password in given.items():
        if stored[email] is None or not matches(password, stored[email]):
            changed[email] = hashed.setdefault(password, "") or hash_password(password)
            hashed[password] = changed[email]
    return changed


class _Loader:
    """One transaction's work; `place` names the row in errors."""

    def __init__(
        self, connection: Connection, config: Config, file: Path, now: datetime, hashes: dict[str, str]
    ) -> None:
        self._connection = connection
        self._config = config
        self._file = file
        self._now = now
        self._hashes = hashes

    def organization(self, row: OrganizationRow, place: str) -> None:
        self._desk(row.desk, place)
        self._put(Organization, {"key": row.key}, row.model_dump(exclude={"key"}))

    def person(self, row: PersonRow, place: str) -> None:
        if main := further.main_address(self._connection, row.email):
            self._refuse(f"{place}.email", f"{row.email} is a further address of {main}")
        person = self._person(row.email, row.name, row.model_dump(include={"status", "language", "timezone"}))
        if row.organization is not None:
            organization = self._by_key(Organization, row.organization, f"{place}.organization")
            self._put(Membership, {"person_id": person, "organization_id": organization}, {"role": row.role})
        preferences.choose(self._connection, person, row.tell)
        for number, address in enumerate(row.also):
            self._further(person, address, f"{place}.also[{number}]")

    def _further(self, person: int, address: str, place: str) -> None:
        email = self._checked(address, place)
        if self._config.addresses.is_own(email):
            self._refuse(place, f"{email} is a mailbox of a desk")
        try:
            further.add_address(self._connection, person, email, self._now)
        except BadInput as error:
            self._refuse(place, str(error))

    def agent(self, row: AgentRow, place: str) -> None:
        desk = self._desk(row.desk, place)
        known = {mailbox.department for mailbox in self._config.desks[desk].mailboxes}
        for department in row.departments:
            if department not in known:
                self._refuse(
                    f"{place}.departments", f"no department {department!r} at {desk}; there are {_list(known)}"
                )
        person = self._person(row.email, row.name, {"status": "active"})
        self._put(Staff, {"person_id": person, "desk": desk}, {"role": row.role, "departments": row.departments})
        preferences.choose(self._connection, person, row.tell)

    def group(self, row: GroupRow, place: str) -> None:
        organization = self._by_key(Organization, row.organization, f"{place}.organization")
        parent = self._by_key(Group, row.parent, f"{place}.parent") if row.parent else None
        values = {
            "organization_id": organization, "parent_id": parent, "name": row.name, "reference": row.reference,
            "enabled": row.enabled,
        }  # fmt: skip
        group = self._put(Group, {"key": row.key}, values)
        for number, grant in enumerate(row.grants):
            person = people.find(self._connection, grant.email)
            if person is None:
                self._refuse(f"{place}.grants[{number}].email", f"nobody has the address {grant.email}")
            self._put(Grant, {"person_id": person.id, "group_id": group}, {"right": grant.right})

    def asset(self, row: AssetRow, place: str) -> None:
        organization = self._by_key(Organization, row.organization, f"{place}.organization")
        group = self._by_key(Group, row.group, f"{place}.group") if row.group else None
        if group is not None:
            owner = select(Group.c.organization_id).where(Group.c.id == group)
            if self._connection.execute(owner).scalar_one() != organization:
                self._refuse(f"{place}.group", f"the group {row.group!r} is of another organization")
        put_asset(self._connection, self._config, row, organization, group, self._now)

    def ticket(self, row: TicketRow, place: str) -> None:
        """Tickets with a number that exists stay as they are, with their messages: they may have lived on."""
        desk = self._config.desks[self._desk(row.desk, place)]
        if row.number is not None and self._numbered(desk.name, row.number):
            return
        number = row.number or take_number(self._connection, desk.name)
        if row.number is not None:
            self._skip_numbers(desk.name, row.number)
        requester = self._person(row.requester, "", {})
        created = row.created or self._now
        newest = max([created, *(message.at for message in row.messages if message.at)])
        public = [message for message in row.messages[1:] if not message.note and message.side != "system"]
        department = row.department or desk.main.department
        values = {
            "desk": desk.name, "number": number, "subject": row.subject, "requester_id": requester,
            "organization_id": people.organization_of(self._connection, requester, desk.name),
            "department": department, "priority": row.priority or PRIORITIES[1], "origin": "load",
            "state": row.state, "last_reply_by": public[-1].side if public else "none",
            "taken": row.state == "in_progress" or any(message.side == "support" for message in row.messages),
            "flags": [], "created": created, "updated": newest,
            "waiting_since": newest if row.state == "waiting_customer" else None,
        }  # fmt: skip
        ticket = self._insert(Ticket, values)
        for address in row.cc:
            someone = self._person(self._checked(address, f"{place}.cc"), "", {})
            people.add_cc(self._connection, ticket, someone, None, "load", self._now)
        for message in row.messages:
            self._message(ticket, message, created)

    def _message(self, ticket: int, row: MessageRow, created: datetime) -> None:
        author = self._person(row.from_, "", {})
        self._insert(Message, {
            "ticket_id": ticket, "side": row.side, "note": row.note, "author_id": author, "from_address": row.from_,
            "from_name": "", "text": row.text, "hidden": "", "html": None, "channel": "load",
            "message_id": row.message_id.strip("<> ") if row.message_id else None, "at": row.at or created,
        })  # fmt: skip

    def _person(self, email: str, name: str, values: dict[str, Any]) -> int:
        """The person, vouched for by whoever loads the file."""
        person = people.ensure(self._connection, email, name, self._now)
        values = {**values, "confirmed": True, "vouched": True} | ({"name": name} if name else {})
        if email in self._hashes:
            values["password"] = self._hashes[email]
        self._connection.execute(update(Person).where(Person.c.id == person).values(**values))
        return person

    def _put(self, table: Table, identity: dict[str, Any], values: dict[str, Any]) -> int:
        """Inserts or updates by identity; the id."""
        which = [table.c[name] == value for name, value in identity.items()]
        found = self._connection.execute(select(table.c.id).where(*which)).scalar()
        if found is None:
            return self._insert(table, {**identity, **values})
        self._connection.execute(update(table).where(table.c.id == found).values(**values))
        return int(found)

    def _insert(self, table: Table, values: dict[str, Any]) -> int:
        return insert_row(self._connection, table, values)

    def _numbered(self, desk: str, number: int) -> bool:
        query = select(Ticket.c.id).where(Ticket.c.desk == desk, Ticket.c.number == number)
        return self._connection.execute(query).first() is not None

    def _skip_numbers(self, desk: str, number: int) -> None:
        """Numbers given by hand are never given again."""
        following = self._connection.execute(select(TicketNumber.c.next).where(TicketNumber.c.desk == desk)).scalar()
        if following is None:
            self._connection.execute(insert(TicketNumber).values(desk=desk, next=max(FIRST_NUMBER, number + 1)))
        elif following <= number:
            self._connection.execute(update(TicketNumber).where(TicketNumber.c.desk == desk).values(next=number + 1))

    def _by_key(self, table: Table, key: str, place: str) -> int:
        found = self._connection.execute(select(table.c.id).where(table.c.key == key)).scalar()
        if found is None:
            self._refuse(place, f"there is no {table.name} {key!r}")
        return int(found)

    def _desk(self, name: str, place: str) -> str:
        if name not in self._config.desks:
            self._refuse(f"{place}.desk", f"there is no desk {name!r}; there are {_list(self._config.desks)}")
        return name

    def _checked(self, address: str, place: str) -> str:
        try:
            return check_address(address)
        except ValueError as error:
            self._refuse(place, str(error))

    def _refuse(self, place: str, message: str) -> NoReturn:
        raise BadInput(f"{self._file}: {place}: {message}")


def _list(words: Any) -> str:
    return ", ".join(sorted(words))
