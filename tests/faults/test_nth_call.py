"""Every call that can fail does: the n-th of its kind, once or for a while, then all is as if nothing had been (threats 4, 79 to 88).

One mail with a large file and one with a small, through the real door, filer, worker and relay, which run on without
a new start; only a disk that does not keep what it is given ends the part that meets it.
"""

from __future__ import annotations

import re
from itertools import count
from typing import Any

import pytest

from tests.fakes import until
from tests.faults.house import LARGE, SMALL, House, letter
from tests.faults.wires import Fault, Wires

KINDS = {  # each with the numbers that the everyday tests try
    "fsync": (2, 5),
    "write": (3,),
    "hint": (1,),
    "execute locked": (60,),
    "execute full": (110,),
    "execute away": (45,),
    "commit full": (20,),
    "commit unsynced": (18,),
    "commit unknown": (6, 14, 21),
    "send nothing": (3,),
    "send all": (11,),
}
_numbers = count(1)


@pytest.fixture
def wires(house: House, monkeypatch: pytest.MonkeyPatch) -> Wires:
    return Wires(monkeypatch, house.store.main, str(house.store.blobs.folder))


pytestmark = [pytest.mark.threat(number) for number in (4, 79, 87, 88)]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
def test_some_calls_fail_and_nothing_is_lost_or_doubled(lasting: bool, house: House, wires: Wires) -> None:
    for kind, numbers in KINDS.items():
        for number in numbers[-1:] if lasting else numbers:
            with wires.failing(kind, number, lasting) as fault:
                one_round(house, fault)
            assert fault.met, fault


@pytest.mark.threat(93)
@pytest.mark.parametrize(
    ("database", "lasting"),
    [
        pytest.param("sqlite", False, marks=pytest.mark.slow, id="sqlite-once"),
        pytest.param("sqlite", True, marks=pytest.mark.long, id="sqlite-lasting"),
        pytest.param("postgresql", False, marks=pytest.mark.long, id="postgresql-once"),
        pytest.param("postgresql", True, marks=pytest.mark.long, id="postgresql-lasting"),
    ],
    indirect=["database"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_each_call_fails_and_nothing_is_lost_or_doubled(kind: str, lasting: bool, house: House, wires: Wires) -> None:
    # Between them the three ways in which a statement fails meet each of the hundreds of statements once.
    ways = [each for each in KINDS if each.startswith("execute")]
    first, step = (ways.index(kind) + 1, len(ways)) if kind in ways else (1, 1)
    for number in count(first, step):
        with wires.failing(kind, number, lasting) as fault:
            one_round(house, fault)
        if not fault.met:
            assert number > first, f"no call of the kind {kind!r} was met at all"
            return


def one_round(house: House, fault: Fault) -> None:
    first, second = next(_numbers), next(_numbers)
    house.refusals.clear()
    house.relay.heard.clear()
    restarts = house.restarts
    mails = {number: letter(number, content) for number, content in ((first, LARGE), (second, SMALL))}
    for raw in mails.values():
        house.send(raw)
    until(lambda: settled(house, mails, fault), 20, lambda: f"{fault}: {state(house, mails)}")
    for number, raw in mails.items():
        (message,) = house.messages(f"m{number}@customer.test")
        assert message["raw"] == raw
        assert message["files"] == [True], fault
        check_mails(house, message["ticket"], number, fault)
    for reply in house.refusals:
        assert re.fullmatch(r"4\d\d \d\.\d\.\d [^()\\/]*", reply) and "canary" not in reply, (fault, reply)
    assert house.restarts == restarts or fault.kind in ("fsync", "commit unsynced"), fault


def settled(house: House, mails: dict[int, bytes], fault: Fault) -> bool:
    """True when the desk has both mails and everybody was told; sees to it that nobody has to wait for a pause."""
    if house.ended:
        house.restart()
    if fault.met and not fault.lifted:
        return False
    house.hurry()
    states = state(house, mails)
    return all(rows is not None and rows == ["accepted", "accepted"] for rows in states.values())


def state(house: House, mails: dict[int, bytes]) -> dict[int, list[str] | None]:
    """The states of the outbox rows about each mail; None while there is no ticket."""
    found = {number: house.tickets(f"m{number}@customer.test") for number in mails}
    return {n: [row.state for row in house.rows(tickets[0])] if tickets else None for n, tickets in found.items()}


def check_mails(house: House, ticket: int, number: int, fault: Fault) -> None:
    """The sender and the staff were told, once each; twice only where nobody could know, and then in equal words."""
    rows: list[Any] = house.rows(ticket)
    assert {row.recipient for row in rows} == {f"p{number}@customer.test", "gina@desk.test"}
    for row in rows:
        copies = [mail for mail in house.relay.mails if mail.message_id == f"<{row.header_id}>"]
        assert {mail.recipients for mail in copies} == {(row.recipient,)}, fault
        assert len({mail.content for mail in copies}) == 1, fault
        assert len(copies) == 1 or (unknowable(fault) and len(copies) == 2), (fault, len(copies))


def unknowable(fault: Fault) -> bool:
    """True when it struck between the relay's yes and the moment it was written down."""
    return (fault.kind == "commit unsynced" and "_insist" in fault.hit) or (
        fault.kind == "send all" and "finish" in fault.hit
    )
