"""A year of a desk through the clock, against a model that knows nothing of it: no mail is missing and none is extra."""

from __future__ import annotations

import ast
import sys
import threading
from collections import Counter
from copy import deepcopy
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from store.apply import apply
from store.commands import Author, NewMessage, OpenTicket, Prefer
from store.commands.assets import AskForAssets, Wish
from store.config import Config
from store.database import Store
from store.load_form import Loaded
from store.loading import load
from store.schema import Alert, AlertLine, Asset, AssetEvent, Group, InvoiceEntry, Outbox, Person
from tests.conftest import installation
from tests.renewals.year.model import Model, Outcome
from tests.renewals.year.world import BEGIN, Happening, Look, World, make_world
from tests.stores import opened
from workers.clock import JOBS, tick

_JOBS = [job for job in JOBS if "blob" not in job.name]


def test_the_model_imports_nothing_of_what_it_judges() -> None:
    for name in ("model", "world"):
        tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text())
        used = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        used |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert all(m.partition(".")[0] in sys.stdlib_module_names or m == "tests.renewals.year.world" for m in used)


@pytest.mark.req("DV-27")
@pytest.mark.req("DV-30")
@pytest.mark.req("DV-25")
@pytest.mark.req("X-10")
@pytest.mark.threat(91)
@pytest.mark.parametrize(
    ("assets", "groups", "organizations", "days"),
    [
        pytest.param(80, 20, 12, (180, 225), marks=pytest.mark.slow),
        pytest.param(2000, 300, 24, (0, 366), marks=pytest.mark.slow),
    ],
)
def test_a_year_brings_exactly_what_it_should(
    tmp_path: Path, assets: int, groups: int, organizations: int, days: tuple[int, int]
) -> None:
    """Outages of ten, three and nine days, two clocks at once now and then, people who come and go and answer at random."""
    world = make_world(7, assets, groups, organizations, days)
    config = installation(tmp_path, ("devices",))
    with opened(config) as store:
        _load(store, config, world)
        for step in world.steps:
            _live(store, config, step)
        found = _outcome(store)
        expected = Model(lived := deepcopy(world)).live()
        _agree("alerts", found.alerts, expected.alerts)
        assert Counter(found.renewed) == Counter(expected.renewed)
        assert Counter(found.ended) == Counter(expected.ended)
        assert Counter(found.history) == Counter(expected.history)
        assert found.invoices == expected.invoices
        assert _assets(store) == {
            one.number: (one.state, one.renewal, one.missed, one.effective) for one in lived.assets
        }
        assert len(expected.alerts) > assets / 2 and expected.renewed and expected.invoices
        assert expected.ended or days != (0, 366)


def _agree(what: str, found: dict[Any, Any], expected: dict[Any, Any]) -> None:
    assert found.keys() == expected.keys(), (what, sorted(found.keys() ^ expected.keys())[:5])
    wrong = [(key, found[key], expected[key]) for key in expected if found[key] != expected[key]]
    assert not wrong, (what, wrong[:3])


def _load(store: Store, config: Config, world: World) -> None:
    people = []
    for one in world.people:
        home = min(one.admin_of) if one.admin_of else world.groups[next(iter(one.grants))].organization
        role = "admin" if one.admin_of else "member"
        people.append({"email": _mail(one.number), "organization": f"o{home}", "role": role})
        people += [
            {"email": _mail(one.number), "organization": f"o{number}", "role": "admin"}
            for number in one.admin_of - {home}
        ]
    rows = Loaded(
        organizations=[  # type: ignore[arg-type]
            {"key": f"o{n}", "desk": "devices", "name": f"O{n}", "timezone": zone} for n, zone in enumerate(world.zones)
        ],
        people=people,  # type: ignore[arg-type]
        groups=[  # type: ignore[arg-type]
            {"key": f"g{one.number}", "organization": f"o{one.organization}", "name": f"G{one.number}",
             "parent": None if one.parent is None else f"g{one.parent}",
             "grants": [{"email": _mail(person.number), "right": "admin" if person.grants[one.number] else "supervisor"}
                        for person in world.people if one.number in person.grants]}
            for one in world.groups
        ],
        assets=[  # type: ignore[arg-type]
            {"key": f"{one.number}", "organization": f"o{one.organization}", "plan": one.plan, "renewal_date": one.renewal,
             "group": None if one.group is None else f"g{one.group}"}
            for one in world.assets
        ],
    )  # fmt: skip
    load(store, config, rows, config.folder / "people.json", BEGIN.replace(year=BEGIN.year - 1))


def _mail(person: int) -> str:
    return f"p{person}@fleet.test"


def _live(store: Store, config: Config, step: Happening | Look) -> None:
    if isinstance(step, Happening):
        with store.write() as connection:
            _happen(connection, config, step)
    elif step.twice:
        both = [threading.Thread(target=tick, args=(config, store, step.at, _JOBS)) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
    else:
        tick(config, store, step.at, _JOBS)


def _happen(connection: Any, config: Config, it: Happening) -> None:
    person = connection.execute(select(Person.c.id).where(Person.c.email == _mail(it.person))).scalar()
    asset = connection.execute(select(Asset.c.id).where(Asset.c.key == f"{it.asset}")).scalar()
    match it.kind:
        case "leave" | "come":
            status = "active" if it.kind == "come" else "inactive"
            connection.execute(update(Person).where(Person.c.id == person).values(status=status))
        case "end" | "resume":
            apply(connection, config, Prefer(person, (("renewals", "none" if it.kind == "end" else "each"),)), it.at)
        case "plan":
            values = {"plan": it.plan, "renewal_date": it.renewal, "confirmed_for": None, "missed": None}
            values |= {"anchor_day": it.renewal.day} if it.renewal else {}
            connection.execute(update(Asset).where(Asset.c.id == asset).values(**values))
        case "move":
            group = connection.execute(select(Group.c.id).where(Group.c.key == f"g{it.group}")).scalar()
            connection.execute(update(Asset).where(Asset.c.id == asset).values(group_id=group))
        case _:
            message = NewMessage(Author(_mail(it.person)), it.kind)
            opening = OpenTicket("devices", it.kind, message, "Support", "medium", "mail:support@desk.test")
            wish = Wish("renew" if it.kind == "renew" else "deactivate", asset)
            apply(connection, config, AskForAssets(opening, (wish,), settles=True), it.at)


def _outcome(store: Store) -> Outcome:
    found = Outcome()
    with store.read() as connection:
        number = {id_: int(key) for id_, key in connection.execute(select(Asset.c.id, Asset.c.key))}
        who = {id_: int(mail.partition("@")[0][1:]) for id_, mail in connection.execute(
            select(Person.c.id, Person.c.email).where(Person.c.email.like("%@fleet.test")))}  # fmt: skip
        lines: dict[int, set[tuple[int, date, int]]] = {}
        for row in connection.execute(select(*AlertLine.c)):
            lines.setdefault(row.alert_id, set()).add((number[row.asset_id], row.due, row.step))
        told = {}
        for row in connection.execute(select(*Alert.c)):
            found.alerts[who[row.person_id], row.day] = frozenset(lines[row.id])
            told[row.id] = (who[row.person_id], row.day)
        mails: dict[str, list[tuple[int, int, datetime]]] = {"auto_renewed": found.renewed, "deactivated": found.ended}
        for row in connection.execute(select(Outbox.c.person_id, Outbox.c.template, Outbox.c.facts, Outbox.c.created)):
            if row.template in mails:
                mails[row.template] += [
                    (who[row.person_id], int(one["key"]), row.created) for one in row.facts["devices"]
                ]
            elif row.template == "renewal_alert":
                devices = {
                    (int(one["key"]), date.fromisoformat(one["day"]), one["step"]) for one in row.facts["devices"]
                }
                assert found.alerts[told.pop(row.facts["alert"])] == devices  # each alert is one mail of the same lines
        assert not told
        kinds = ("renewed", "auto_renewed", "deactivated")
        events = select(AssetEvent.c.asset_id, AssetEvent.c.kind, AssetEvent.c.old, AssetEvent.c.new)
        for asset, *rest in connection.execute(events.where(AssetEvent.c.kind.in_(kinds))):
            found.history.append((number[asset], *rest))
        rows = connection.execute(select(InvoiceEntry.c.asset_id, InvoiceEntry.c.month)).all()
        assert len(set(rows)) == len(rows)
        found.invoices = {(number[asset], month) for asset, month in rows}
    return found


def _assets(store: Store) -> dict[int, tuple[str, date | None, date | None, date | None]]:
    with store.read() as connection:
        return {
            int(row.key): (row.state, row.renewal_date, row.missed, row.effective)
            for row in connection.execute(select(*Asset.c))
        }
