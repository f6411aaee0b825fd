"""Why somebody gets a mail, as its last line says: true of every reader, whatever their place on the ticket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest

from store.rules.desk import Notify
from store.rules.fanout import TABLE, Change, ChangeKind, Concerned, Notice, fan_out
from store.rules.people import PersonFacts
from tests.mails.letters import DESK, letter, read, send

ANNA = PersonFacts(1, "anna@weber.test", "Anna Weber", confirmed=True, organizations=((1, "member"),))
NEW = replace(ANNA, confirmed=False)
BOSS = PersonFacts(2, "boss@weber.test", "Boss", confirmed=True, organizations=((1, "admin"),))
BEN = PersonFacts(3, "ben@weber.test", "Ben", confirmed=True, organizations=((1, "member"),))
CARL = PersonFacts(4, "carl@third.test", "Carl", confirmed=True)
LAB = PersonFacts(5, "lab@third.test", "Lab", confirmed=True)  # somebody outside, who was asked
GINA = PersonFacts(6, "gina@desk.test", "Gina", confirmed=True, staff_of=("hosting",))
TOM = PersonFacts(7, "tom@desk.test", "Tom", confirmed=True, staff_of=("hosting",))
ALARM = PersonFacts(8, "alarm@third.test", "", confirmed=False)
EVERYBODY = (ANNA, BOSS, BEN, CARL, LAB, GINA, TOM)
ELSEWHERE = {"redirected", "mailbox_silent", "mailbox_back", "mail_left", "access_ends", "probe_lost", "probe_back"}
# Of whom each reason is true; the change says what was done, and by whom.
TRUE: dict[str, Callable[[PersonFacts, Change], bool]] = {
    "because it is about your ticket": lambda who, change: who.id == ANNA.id,
    "because you look after every ticket of your organization": lambda who, change: who is BOSS,
    "because you are copied on this ticket": lambda who, change: who is CARL,
    "because this ticket is assigned to you": lambda who, change: who is TOM,
    "because you work at this desk": lambda who, change: who in (GINA, TOM),
    "because you are on call": lambda who, change: who is ALARM,
    "asks for your help": lambda who, change: change.kind == "asking",
    "because we wrote to you about this ticket": lambda who, change: change.kind == "address_used",
    "tells of what you wrote or did": lambda who, change: change.kind == "undelivered",
    # A stranger's ticket came from their address: for whom staff opens one is known by that.
    "because we received a message from this address": lambda who, change: (
        who is NEW or who.id == change.actor or change.kind in ("parked", "unable")
    ),
}  # fmt: skip


def changes(kind: ChangeKind) -> list[Change]:
    """Each way in which it happens: by whom, or to whom."""
    if TABLE[kind].named:
        of_staff = kind in ("assigned", "unassigned", "unsent", "undelivered")
        named = (GINA, TOM) if of_staff else (LAB,) if kind == "asking" else EVERYBODY
        return [Change(kind, None, addressee=one.id) for one in named]
    if kind == "opened":
        return [Change(kind, ANNA.id), Change(kind, GINA.id, by_support=True)]
    by_customer = [Change(kind, one.id, refused_files=True) for one in (ANNA, BOSS, BEN, CARL)]
    return [*by_customer, *(Change(kind, one.id, by_support=True) for one in (GINA, TOM))]


def told(change: Change, requester: PersonFacts) -> tuple[Notice, ...]:
    by_id = {one.id: one for one in (*EVERYBODY, requester)}
    concerned = Concerned(
        requester,
        (BOSS,),
        (CARL,),
        (GINA,),
        by_id.get(change.actor or 0),
        by_id.get(change.addressee or 0),
        (ALARM,),
        TOM,
    )
    desk = DESK.model_copy(update={"notify": Notify(organization_admins=True)})
    return fan_out(change, concerned, desk)


def reason(notice: Notice, change: Change) -> str:
    facts = {"role": notice.role, "known": notice.known, "change": change.kind, "by_support": change.by_support}
    said = read(send(letter(notice.template, **facts, text=""))).text.rpartition("-- \n")[2]
    return " ".join(said.split())


@pytest.mark.parametrize("requester", [ANNA, NEW], ids=["known", "stranger"])
@pytest.mark.parametrize("kind", sorted({*get_args(ChangeKind)} - ELSEWHERE))
def test_the_reason_is_true_of_its_reader(kind: ChangeKind, requester: PersonFacts) -> None:
    for change in changes(kind):
        for notice in told(change, requester):
            said = reason(notice, change)
            held = [holds for words, holds in TRUE.items() if words in said]
            assert held and all(holds(notice.person, change) for holds in held), (notice, said)


def test_every_reason_is_somebodys() -> None:
    seen = {
        reason(notice, change)
        for kind in {*get_args(ChangeKind)} - ELSEWHERE
        for change in changes(kind)
        for requester in (ANNA, NEW)
        for notice in told(change, requester)
    }
    assert all(any(words in said for said in seen) for words in TRUE)
