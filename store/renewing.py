"""The clock's part in a subscription: the term that begins, the contract that ends. Each happens once, however often this runs.

What is due is found by the date itself, through an index, and is not due any more once it is done: so an outage is caught up
by the next run, and two clocks at once find half of the work done by the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from store.assets import change, facts
from store.config import Config
from store.database import Store
from store.organizations import day_at
from store.renewal_mails import Line, tell_outcome
from store.requests import end_requests
from store.rules.assets import advance
from store.rules.desk import Desk
from store.rules.terms import RENEWING, Term, next_term
from store.schema import Asset, Organization

_AT_ONCE = 100  # assets of an organisation in one transaction, and in one mail
_FARTHEST = timedelta(hours=14)  # the first place on earth where a day begins is so much before UTC
_JOINED = select(*Asset.c, Organization.c.desk, Organization.c.timezone).join(
    Organization, Organization.c.id == Asset.c.organization_id
)
_RENEWS = _JOINED.where(Asset.c.state == "active", Asset.c.plan.in_(RENEWING))
_ENDS = _JOINED.where(Asset.c.state == "deactivation_pending")


def _until(query: Select[Any], column: Any) -> Select[Any]:
    desks = Organization.c.desk.in_(bindparam("desks", expanding=True))
    return query.where(column <= bindparam("latest"), desks).order_by(Asset.c.organization_id, Asset.c.id)


_RENEWS_BY = _until(_RENEWS, Asset.c.renewal_date)
_ENDS_BY = _until(_ENDS, Asset.c.effective)


def _again(query: Select[Any]) -> Select[Any]:
    some = Asset.c.id.in_(bindparam("ids", expanding=True))
    return query.where(some).order_by(Asset.c.id).with_for_update(of=Asset)


_RENEWS_AGAIN, _ENDS_AGAIN = _again(_RENEWS), _again(_ENDS)


def renew_due(config: Config, store: Store, now: datetime) -> Iterable[None]:
    """Begins the next term of what has come to its renewal date (DV-30, DV-33). Raises Temporary."""
    yield from _each(config, store, now, (_RENEWS_BY, _RENEWS_AGAIN), _over, _renew)


def end_due(config: Config, store: Store, now: datetime) -> Iterable[None]:
    """Deactivates what has had its last day (DV-19, DV-34). Raises Temporary."""
    yield from _each(config, store, now, (_ENDS_BY, _ENDS_AGAIN), _ended, _end)


def _each(
    config: Config, store: Store, now: datetime, queries: tuple[Select[Any], Select[Any]],
    is_due: Callable[[Any, date], bool], act: Callable[[Connection, Config, Desk, Sequence[Any], date, datetime], None],
) -> Iterable[None]:  # fmt: skip
    """Acts on the assets that are due where their organisation is, some of one organisation at a time.

    `queries`: all that may be due by a day, and some of them asked again and locked.
    """
    by_day, again = queries
    with store.read() as connection:
        latest = (now + _FARTHEST).date()
        rows = connection.execute(by_day, {"latest": latest, "desks": list(config.desks)}).all()
    rows = [row for row in rows if is_due(row, day_at(config, row, now))]
    for _organization, of_one in groupby(rows, key=lambda row: row.organization_id):
        ids = [row.id for row in of_one]
        for start in range(0, len(ids), _AT_ONCE):
            with store.write() as connection:
                some = connection.execute(again, {"ids": ids[start : start + _AT_ONCE]}).all()
                some = [row for row in some if is_due(row, day_at(config, row, now))]
                if some:
                    act(connection, config, config.desks[some[0].desk], some, day_at(config, some[0], now), now)
            yield


def _over(row: Any, day: date) -> bool:
    return _is_over(facts(row).term, day)


def _is_over(term: Term, day: date) -> bool:
    """A term somebody has confirmed goes over into the next on its date; else they have that day as well to say no."""
    return term.renewal is not None and (term.renewal <= day if term.confirmed else term.renewal < day)


def _renew(
    connection: Connection, config: Config, desk: Desk, rows: Sequence[Any], day: date, now: datetime
) -> None:  # fmt: skip
    missed = []
    for row in rows:
        term = facts(row).term
        while _is_over(term, day):  # more than once after an outage longer than a term
            assert term.renewal is not None and advance(row.state, "renew")
            following, end = next_term(term)
            kind = "renewed" if term.confirmed else "auto_renewed"
            late = term.missed if term.confirmed else term.renewal
            values = {"renewal_date": following, "contract_end": end, "missed": late}
            change(connection, row.id, kind, None, now, values, old=f"{term.renewal}", new=f"{following}")
            term = replace(term, renewal=following, contract_end=end, missed=late)
        if term.missed != row.missed and term.renewal is not None:
            missed.append(Line(replace(facts(row), term=term), term.renewal, before=term.missed))
    tell_outcome(connection, config, desk, "auto_renewed", missed, now)


def _ended(row: Any, day: date) -> bool:
    return row.effective is not None and row.effective < day


def _end(
    connection: Connection, config: Config, desk: Desk, rows: Sequence[Any], _day: date, now: datetime
) -> None:  # fmt: skip
    for row in rows:
        state = advance(row.state, "end")
        change(connection, row.id, "deactivated", None, now, {"state": state}, old=row.state, new=state)
        end_requests(connection, config, row.id, ("deactivation",), "done", None, now)
    tell_outcome(connection, config, desk, "deactivated", [Line(facts(row), row.effective) for row in rows], now)
