"""Probes of the mailboxes: which are due, which came back, which stay away (threats 96)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from store import alarms
from store.config import Config
from store.database import Store
from store.rules.addressing import Place
from store.rules.tokens import Token, sign
from store.schema import Probe, insert_into


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A probe to be sent: to whom, and the word by which it is known when it comes back."""

    mailbox: str
    token: str
    at: datetime


@dataclass(frozen=True, slots=True)
class State:
    """How the probes of a mailbox do. `late`: one stays away. `seconds`: from arrival to filed, of the last that came back."""

    id: int
    mailbox: str
    late: bool
    waiting: datetime | None
    filed: datetime | None
    seconds: float | None
    told: datetime | None


def mailboxes(config: Config) -> list[str]:
    """The mailboxes that probes are sent to; none where `[canary] every` is unset."""
    if config.settings.canary.every is None:
        return []
    return [box.address for desk in config.desks.values() for box in desk.mailboxes if box.probe]


def take_due(store: Store, config: Config, now: datetime) -> list[Outgoing]:
    """The probes that are to go out now, each given to one caller alone. Raises Temporary."""
    wanted = mailboxes(config)
    if not wanted:
        return []
    before = now - timedelta(minutes=config.settings.canary.every or 0)
    with store.write() as connection:
        rows = [{"mailbox": mailbox, "number": 0} for mailbox in wanted]
        connection.execute(insert_into(Probe, connection.dialect.name).on_conflict_do_nothing(), rows)
        due = (Probe.c.mailbox.in_(wanted), Probe.c.sent.is_(None) | (Probe.c.sent <= before))
        found = connection.execute(select(Probe.c.id, Probe.c.mailbox, Probe.c.number).where(*due)).all()
        for id_, _mailbox, number in found:
            values = {"number": number + 1, "sent": now}
            connection.execute(update(Probe).where(Probe.c.id == id_).values(**values))
            first = (Probe.c.id == id_, Probe.c.waiting.is_(None))
            connection.execute(update(Probe).where(*first).values(waiting=now))
    return [
        Outgoing(mailbox, sign(Token("probe", id_, number + 1), config.secret), now) for id_, mailbox, number in found
    ]  # fmt: skip


def came_back(
    connection: Connection, config: Config, probe: int, number: int, arrived: datetime, now: datetime
) -> None:  # fmt: skip
    """A probe was filed. People wait for the next one from then on; one that was sent before the last that came says nothing."""
    row = connection.execute(select(*Probe.c).where(Probe.c.id == probe)).first()
    if row is None or row.waiting is None:
        return
    after = row.number - number - 1  # probes that were sent since the next one
    waiting = row.sent - timedelta(minutes=after * (config.settings.canary.every or 0)) if after >= 0 else None
    if waiting is None or waiting > row.waiting:
        values = {"filed": now, "seconds": max(0.0, (now - arrived).total_seconds()), "waiting": waiting}
        connection.execute(update(Probe).where(Probe.c.id == probe).values(**values))


def states(connection: Connection, config: Config, now: datetime) -> list[State]:
    """How the probes of each mailbox do, as far as any was sent."""
    wanted = mailboxes(config)
    if not wanted:
        return []
    patience = timedelta(minutes=config.settings.canary.late)
    rows = connection.execute(select(*Probe.c).where(Probe.c.mailbox.in_(wanted)).order_by(Probe.c.mailbox))
    return [
        State(
            row.id, row.mailbox, row.waiting is not None and now - row.waiting > patience, row.waiting, row.filed,
            row.seconds, row.told,
        )
        for row in rows
    ]  # fmt: skip


def tell(connection: Connection, config: Config, state: State, now: datetime) -> bool:
    """One mail to the desk's administrators when a probe stays away, one when it is over; whether there was one."""
    if state.late == (state.told is not None) or (state.told is not None and state.waiting is not None):
        return False
    told = now if state.late else None
    first = Probe.c.told.is_(None) if state.late else Probe.c.told.is_not(None)
    if not connection.execute(update(Probe).where(Probe.c.id == state.id, first).values(told=told)).rowcount:
        return False  # another clock was quicker
    place = config.addresses.locate(state.mailbox)
    assert isinstance(place, Place)
    alarms.tell(connection, config, place.desk, "probe_lost" if state.late else "probe_back", [state.mailbox], now)
    return True
