"""How far the folders are read that mail is fetched from, and what was left in them.

Progress is kept by (account, folder, UIDVALIDITY, UID): what others mark as read says nothing, and after a change of
UIDVALIDITY every mail is looked at again (threats 20, 25). Mail that is journalled twice then is one ticket message.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from store.config import Config
from store.database import Store
from store.schema import Folder, LeftMail, insert_into
from store.settings import ImapSection

MOST_TRIES = 10  # times a mail that cannot be fetched is asked for before it waits for a person
TOO_LARGE = "too large"


@dataclass(frozen=True, slots=True)
class Place:
    """How far a folder is read. `since`: when it was first known here."""

    id: int
    uidvalidity: int
    uid: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Left:
    """A mail that lies in its folder and is not in the journal; `sender` as its header says, unproved; tried last `at`."""

    uid: int
    size: int
    sender: str
    why: str
    tries: int
    at: datetime


def find(store: Store, section: ImapSection, now: datetime) -> Place:
    """How far a folder is read, from now on known when it was not. Raises Temporary."""
    key = {"account": section.account, "folder": section.folder}
    row = {"uidvalidity": 0, "uid": 0, "since": now, "trouble": ""}
    query = select(Folder.c.id, Folder.c.uidvalidity, Folder.c.uid, Folder.c.since).filter_by(**key)
    with store.write() as connection:
        connection.execute(insert_into(Folder, connection.dialect.name).values(**key, **row).on_conflict_do_nothing())
        return Place(*connection.execute(query).one())


def begin_anew(store: Store, place: Place, uidvalidity: int) -> Place:
    """The place of a folder whose UIDs were given anew: at its beginning. Raises Temporary."""
    with store.write() as connection:
        connection.execute(delete(LeftMail).where(LeftMail.c.folder_id == place.id))
        connection.execute(update(Folder).where(Folder.c.id == place.id).values(uidvalidity=uidvalidity, uid=0))
    return Place(place.id, uidvalidity, 0, place.since)


def advance(store: Store, place: Place, uid: int, now: datetime) -> Place:
    """Every mail up to `uid` is settled by now; never goes back. Raises Temporary."""
    further = (Folder.c.id == place.id, Folder.c.uidvalidity == place.uidvalidity, Folder.c.uid < uid)
    with store.write() as connection:
        connection.execute(update(Folder).where(*further).values(uid=uid, checked=now, trouble=""))
    return Place(place.id, place.uidvalidity, max(uid, place.uid), place.since)


def leave(store: Store, place: Place, uid: int, size: int, sender: str, why: str, now: datetime) -> None:
    """A mail was not taken: written down, for a later try or for a person. Raises Temporary."""
    with store.write() as connection:
        row = {"folder_id": place.id, "uid": uid, "size": size, "sender": sender, "why": why, "tries": 1, "at": now}
        made = insert_into(LeftMail, connection.dialect.name).values(**row)
        again = {"tries": LeftMail.c.tries + 1, "why": why, "at": now}
        connection.execute(made.on_conflict_do_update(index_elements=["folder_id", "uid"], set_=again))


def take(store: Store, place: Place, uids: Collection[int]) -> None:
    """These mails are no longer left: they are journalled, or gone from their folder. Raises Temporary."""
    if uids:
        with store.write() as connection:
            connection.execute(delete(LeftMail).where(LeftMail.c.folder_id == place.id, LeftMail.c.uid.in_(uids)))


def left(store: Store, folder: int) -> list[Left]:
    """The mails left in a folder, by its id, oldest first. Raises Temporary."""
    query = select(*_LEFT).where(LeftMail.c.folder_id == folder).order_by(LeftMail.c.uid)
    with store.read() as connection:
        return [Left(*row) for row in connection.execute(query)]


_LEFT = (LeftMail.c.uid, LeftMail.c.size, LeftMail.c.sender, LeftMail.c.why, LeftMail.c.tries, LeftMail.c.at)


def succeeded(store: Store, place: Place, now: datetime) -> None:
    """The folder was read to its end. Raises Temporary."""
    with store.write() as connection:
        connection.execute(update(Folder).where(Folder.c.id == place.id).values(checked=now, trouble=""))


def failed(store: Store, place: Place, trouble: str) -> None:
    """The folder cannot be read, for a reason that people are shown. Raises Temporary."""
    with store.write() as connection:
        connection.execute(update(Folder).where(Folder.c.id == place.id).values(trouble=trouble))


@dataclass(frozen=True, slots=True)
class State:
    """How a folder does. `checked`: when mail of it was last settled or it was read to its end; `since`, when it never was."""

    id: int | None
    name: str
    to: str
    poll: float
    since: datetime | None
    checked: datetime | None
    trouble: str
    told: datetime | None
    left: int

    def silent(self, now: datetime) -> float | None:
        """Seconds since the folder was read; None when it is not known here yet."""
        last = self.checked or self.since
        return None if last is None else max(0.0, (now - last).total_seconds())

    def up(self, now: datetime) -> bool:
        """Whether it was read within two looks (threats 22)."""
        silent = self.silent(now)
        return self.checked is not None and silent is not None and silent <= 2 * self.poll + _SLACK


_SLACK = 2.0  # seconds for the look itself


def states(connection: Connection, config: Config) -> list[State]:
    """How each folder of the configuration does. Raises Temporary."""
    counted = select(func.count()).where(LeftMail.c.folder_id == Folder.c.id).scalar_subquery()
    rows = {
        (row.account, row.folder): row for row in connection.execute(select(*Folder.c, counted.label("remaining")))
    }  # fmt: skip
    found = []
    for section in config.imap:
        row = rows.get((section.account, section.folder))
        known = (row.since, row.checked, row.trouble, row.told, row.remaining) if row else (None, None, "", None, 0)
        found.append(State(row.id if row else None, section.name, section.to or "", section.poll, *known))
    return found
