"""Tells people by mail that a mailbox is no longer read, that it is again, and what was left in it (threats 96).

Run by the clock, from what the store says: whoever fetches may be dead. One mail to each person for one trouble.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Literal

from sqlalchemy import Connection, select, update

from store import folders, outbox, people
from store.config import Config
from store.database import Store
from store.folders import State
from store.oauth.access import ends
from store.rows import write_event
from store.rules.addressing import Place
from store.schema import Event, Folder, LeftMail, Staff
from store.telling import addressed, no_ticket

PATIENCE = timedelta(minutes=5)  # of silence before anybody is told
_SECRET_ENDS, _LOGIN_ENDS = timedelta(days=14), timedelta(days=2)  # before which people are told
_MOST = 20  # mails named in one mail
Kind = Literal["mailbox_silent", "mailbox_back", "mail_left", "access_ends", "probe_lost", "probe_back"]


def watch(config: Config, store: Store, now: datetime) -> Iterator[None]:
    """Looks at each folder that mail is fetched from, and tells what is new. Raises Temporary."""
    yield from _watch_access(config, store, now)
    if not config.imap:
        return
    with store.read() as connection:
        states = folders.states(connection, config)
    for state, section in zip(states, config.imap, strict=True):
        if state.id is None:
            folders.find(store, section, now)  # counted from now, should nobody ever read it
        elif state.told is None and _is_silent(state, now):
            with store.write() as connection:
                _tell_silent(connection, config, state, now)
        elif state.told is not None and state.up(now):
            with store.write() as connection:
                _tell_back(connection, config, state, now)
        if state.left:
            with store.write() as connection:
                _tell_left(connection, config, state, now)
        yield


def _is_silent(state: State, now: datetime) -> bool:
    return (state.silent(now) or 0.0) > max(PATIENCE.total_seconds(), 2 * state.poll)


def _tell_silent(connection: Connection, config: Config, state: State, now: datetime) -> None:
    first = update(Folder).where(Folder.c.id == state.id, Folder.c.told.is_(None)).values(told=now)
    if connection.execute(first).rowcount:  # else another clock was quicker
        why = state.trouble or "nothing is heard of it"
        tell(connection, config, _desk(config, state), "mailbox_silent", [f"{state.name}: {why}"], now)


def _tell_back(connection: Connection, config: Config, state: State, now: datetime) -> None:
    first = update(Folder).where(Folder.c.id == state.id, Folder.c.told.is_not(None)).values(told=None)
    if connection.execute(first).rowcount:
        tell(connection, config, _desk(config, state), "mailbox_back", [state.name], now)


def _tell_left(connection: Connection, config: Config, state: State, now: datetime) -> None:
    """Of mails that were tried more than once, or need no second try to be known as lost to us."""
    untold = (LeftMail.c.folder_id == state.id, LeftMail.c.told.is_(None))
    sure = (LeftMail.c.why == folders.TOO_LARGE) | (LeftMail.c.tries > 1)
    query = update(LeftMail).where(*untold, sure).values(told=now).returning(*LeftMail.c)
    rows = sorted(connection.execute(query).all(), key=lambda row: row.uid)
    if not rows:
        return
    lines = [
        f"{state.name}: {row.size / (1 << 20):.1f} MB from {row.sender or 'somebody'}: {row.why}"
        for row in rows[:_MOST]
    ]
    more = [f"and {len(rows) - _MOST} more"] if len(rows) > _MOST else []
    tell(connection, config, _desk(config, state), "mail_left", [*lines, *more], now)


def _watch_access(config: Config, store: Store, now: datetime) -> Iterator[None]:
    """Tells of secrets and logins that end soon, once for each end."""
    for section in config.settings.oauth:
        secret = datetime.combine(section.expires, time(), UTC) if section.expires else None
        soon = [
            end
            for end, before in ((secret, _SECRET_ENDS), (ends(config, section), _LOGIN_ENDS))
            if end is not None and end - now < before
        ]
        if not soon:
            continue
        words = f"{section.name}: ends on {min(soon):%Y-%m-%d}"
        with store.write() as connection:
            if not told_before(connection, "access_ends", words):
                users = [config.addresses.locate(one.to or "") for one in config.imap if one.oauth == section.name]
                desks = {place.desk for place in users if isinstance(place, Place)} or {next(iter(config.desks))}
                for desk in sorted(desks):
                    tell(connection, config, desk, "access_ends", [words], now)
        yield


def _desk(config: Config, state: State) -> str:
    place = config.addresses.locate(state.to)
    assert isinstance(place, Place)
    return place.desk


def told_before(connection: Connection, kind: Kind, words: str) -> bool:
    """Whether people were told of exactly this."""
    same = select(Event.c.id).where(Event.c.ticket_id.is_(None), Event.c.kind == kind, Event.c.new == words)
    return connection.execute(same.limit(1)).first() is not None


def tell(
    connection: Connection, config: Config, desk_name: str, kind: Kind, problems: Sequence[str], now: datetime
) -> None:  # fmt: skip
    """A mail about a mailbox to each administrator of a desk, to all its staff where there are none."""
    desk = config.desks[desk_name]
    event = write_event(connection, None, kind, None, now, new="; ".join(problems))
    rows = connection.execute(select(Staff.c.person_id, Staff.c.role).where(Staff.c.desk == desk_name)).all()
    ids = [row.person_id for row in rows if row.role == "admin"] or [row.person_id for row in rows]
    own = {"role": "staff", "change": kind, "link": "", "problems": list(problems)}
    mails = [
        addressed(config, event, person, "mailbox_notice", no_ticket(desk, person, now) | own, None, now)
        for person in people.facts(connection, sorted(ids))
        if person.active
    ]
    outbox.put(connection, mails)
