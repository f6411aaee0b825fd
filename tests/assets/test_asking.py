"""What is asked for devices: who may, what becomes of each, on which ticket, and who is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Event
from time import sleep
from typing import Any

import pytest
from sqlalchemy import select

from store.apply import Applied, apply
from store.commands import (
    AcknowledgeMissed,
    AskForAssets,
    Author,
    Command,
    CompleteActivation,
    MoveAsset,
    NewMessage,
    OpenTicket,
    RefuseActivation,
    Wish,
    WithdrawDeactivation,
)
from store.errors import BadInput
from store.schema import Asset, AssetEvent, AssetRequest, Outbox
from tests.assets.house import BOSS, DORA, EVE, FLEET, GINA, GONE, MIA, NORA, SUE
from tests.harness import Gateway

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


def run(gateway: Gateway, command: Command, at: datetime = AT) -> Applied:
    with gateway.store.write() as connection:
        return apply(connection, gateway.config, command, at)


def asset(gateway: Gateway, key: str) -> Any:
    with gateway.store.read() as connection:
        return connection.execute(select(*Asset.c).where(Asset.c.key == key)).one()


def ask(gateway: Gateway, who: str, action: str, *keys: str, at: datetime = AT, **more: Any) -> Applied:
    """Somebody asks for something for each of these devices."""
    wishes = tuple(Wish(action, asset(gateway, key).id) for key in keys)  # type: ignore[arg-type]
    return run(gateway, AskForAssets(opening(who), wishes, settles=True, **more), at)


def register(gateway: Gateway, who: str, key: str, **more: Any) -> Applied:
    return run(gateway, AskForAssets(opening(who), (Wish("register", key=key, **more),)))


def opening(who: str) -> OpenTicket:
    message = NewMessage(Author(who), "Please.", channel="cli")
    return OpenTicket("devices", "Devices", message, "Activations", "medium", "cli")


def mails(gateway: Gateway) -> list[tuple[str, str]]:
    return [told for told in gateway.told() if told[1] != "staff_notice"]


def lines(gateway: Gateway) -> list[tuple[str, str]]:
    """What the last mail to a customer says of each device: (name, day it was done for or why not)."""
    with gateway.store.read() as connection:
        query = select(Outbox.c.facts).where(Outbox.c.template != "staff_notice").order_by(Outbox.c.id.desc())
        facts = connection.execute(query.limit(1)).scalar_one()
    return [(one["name"], one.get("why") or one.get("day", "")) for one in facts["assets"]]


def requests(gateway: Gateway, key: str) -> list[tuple[str, str]]:
    with gateway.store.read() as connection:
        query = select(AssetRequest.c.kind, AssetRequest.c.state).where(
            AssetRequest.c.asset_id == asset(gateway, key).id
        )
        return [tuple(row) for row in connection.execute(query.order_by(AssetRequest.c.id))]  # type: ignore[misc]


def history(gateway: Gateway, key: str) -> list[str]:
    with gateway.store.read() as connection:
        query = select(AssetEvent.c.kind).where(AssetEvent.c.asset_id == asset(gateway, key).id)
        return [row.kind for row in connection.execute(query.order_by(AssetEvent.c.id))][1:]


@pytest.mark.req("DV-33")
@pytest.mark.req("DV-04")
def test_a_renewal_is_confirmed_by_an_admin_inside_the_window_on_a_ticket_that_is_done(any_fleet: Gateway) -> None:
    ticket = ask(any_fleet, BOSS, "renew", "dev-1", "dev-7", "dev-4")
    one = asset(any_fleet, "dev-1")
    assert (one.confirmed_for, one.confirmed_by, one.confirmed_at) == (date(2026, 3, 30), any_fleet.person(BOSS), AT)
    assert one.renewal_date == date(2026, 3, 30)  # the clock moves it when the day has come
    assert mails(any_fleet) == [(BOSS, "renewal_confirmed")] == any_fleet.told()  # the staff has nothing to do
    assert lines(any_fleet) == [
        ("dev-1 (Tracker 1)", "2026-03-30"), ("dev-7", "Its renewal can be confirmed from 2026-11-03 on."),
        ("dev-4", "It has no renewal date; there is nothing to confirm."),
    ]  # fmt: skip
    assert requests(any_fleet, "dev-1") == [("renewal", "done")] and history(any_fleet, "dev-1") == [
        "renewal_confirmed"
    ]
    told = any_fleet.tickets()[0]
    assert (told["state"], told["assets"]) == ("closed", ["dev-1", "dev-4", "dev-7"]) and ticket.ticket
    ask(any_fleet, NORA, "renew", "dev-1")
    assert lines(any_fleet) == [("dev-1 (Tracker 1)", "Its renewal on 2026-03-30 is confirmed already.")]


@pytest.mark.req("DV-78")
@pytest.mark.req("DV-79")
@pytest.mark.req("DV-80")
@pytest.mark.parametrize(
    ("who", "done"),
    [(BOSS, "dev-1 dev-2 dev-3"), (NORA, "dev-1 dev-2"), (DORA, "dev-2"), (SUE, ""), (MIA, ""), (GONE, ""), (EVE, "")],
)
def test_everybody_acts_on_what_is_theirs_and_on_nothing_else(fleet: Gateway, who: str, done: str) -> None:
    for action in ("renew", "deactivate"):
        ask(fleet, who, action, "dev-1", "dev-2", "dev-3", "alien")
        changed = [key for key in ("dev-1", "dev-2", "dev-3") if asset(fleet, key).confirmed_for]
        ended = [key for key in ("dev-1", "dev-2", "dev-3") if asset(fleet, key).effective]
        assert (changed if action == "renew" else ended) == done.split()
    assert (asset(fleet, "alien").state == "deactivation_pending") is (who == EVE)


def test_who_may_not_see_a_device_does_not_learn_that_it_is_there(fleet: Gateway) -> None:
    ask(fleet, SUE, "renew", "dev-1", "dev-3", "alien")
    assert lines(fleet) == [
        ("dev-1 (Tracker 1)", "Only an administrator of the organization or of its group may do this."),
        ("?", "There is no device of this name among yours."),
    ]  # fmt: skip
    assert mails(fleet) == [(SUE, "command_refused")]
    assert fleet.tickets()[0]["asset"] == "dev-1"


@pytest.mark.req("DV-75")
@pytest.mark.req("DV-76")
def test_an_inactive_admin_is_told_nothing(fleet: Gateway) -> None:
    ask(fleet, GONE, "renew", "dev-1")
    assert mails(fleet) == []


@pytest.mark.req("DV-19")
@pytest.mark.req("DV-34")
@pytest.mark.req("A-34")
def test_a_deactivation_ends_with_the_contract_or_the_month_where_the_organization_is(fleet: Gateway) -> None:
    late = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)  # in Berlin it is April
    ask(fleet, BOSS, "deactivate", "dev-4", "dev-7", at=late)
    assert (asset(fleet, "dev-4").effective, asset(fleet, "dev-7").effective) == (date(2026, 4, 30), date(2026, 12, 1))
    assert asset(fleet, "dev-4").state == "deactivation_pending"
    assert mails(fleet) == [(BOSS, "deactivation_ack")] and (GINA, "staff_notice") in fleet.told()
    assert fleet.tickets()[0]["state"] == "new" and requests(fleet, "dev-4") == [("deactivation", "open")]


@pytest.mark.req("DV-34")
def test_a_deactivation_is_withdrawn_before_its_day_and_its_ticket_ends(fleet: Gateway) -> None:
    ask(fleet, BOSS, "deactivate", "dev-4")
    id_ = asset(fleet, "dev-4").id
    for who in (SUE, MIA, EVE, GONE):
        with pytest.raises(BadInput):
            run(fleet, WithdrawDeactivation(id_, Author(who)))
    run(fleet, WithdrawDeactivation(id_, Author(BOSS)))
    assert (asset(fleet, "dev-4").state, asset(fleet, "dev-4").effective) == ("active", None)
    assert requests(fleet, "dev-4") == [("deactivation", "withdrawn")] and fleet.tickets()[0]["state"] == "closed"
    with pytest.raises(BadInput, match="dev-4 is active"):
        run(fleet, WithdrawDeactivation(id_, Author(BOSS)))


def test_to_renew_what_was_about_to_end_is_to_take_that_back(any_fleet: Gateway) -> None:
    ask(any_fleet, BOSS, "deactivate", "dev-1")
    ask(any_fleet, NORA, "renew", "dev-1")
    assert (asset(any_fleet, "dev-1").state, asset(any_fleet, "dev-1").confirmed_for) == ("active", date(2026, 3, 30))
    assert requests(any_fleet, "dev-1") == [("deactivation", "withdrawn"), ("renewal", "done")]
    ask(any_fleet, BOSS, "deactivate", "dev-1")
    assert (asset(any_fleet, "dev-1").state, asset(any_fleet, "dev-1").confirmed_for) == ("deactivation_pending", None)


def test_who_asks_for_two_things_at_once_gets_neither(fleet: Gateway) -> None:
    id_ = asset(fleet, "dev-1").id
    run(fleet, AskForAssets(opening(BOSS), (Wish("renew", id_), Wish("deactivate", id_)), settles=True))
    assert lines(fleet) == [("dev-1 (Tracker 1)", "You asked for two things at once; neither was done.")]
    assert (asset(fleet, "dev-1").confirmed_for, asset(fleet, "dev-1").state) == (None, "active")


@pytest.mark.req("DV-14")
@pytest.mark.req("DV-18")
def test_a_new_device_waits_until_staff_has_set_it_up(any_fleet: Gateway) -> None:
    register(any_fleet, NORA, "LX-200", name="North gate", plan="yearly")
    one = asset(any_fleet, "LX-200")
    assert (one.state, one.group_id, one.plan) == ("activation_pending", asset(any_fleet, "dev-1").group_id, "yearly")
    assert mails(any_fleet) == [(NORA, "activation_ack")] and (GINA, "staff_notice") in any_fleet.told()
    assert any_fleet.tickets()[0]["asset"] == "LX-200"
    with pytest.raises(BadInput, match="not on the staff"):
        run(any_fleet, CompleteActivation(one.id, Author(NORA), "yearly"))
    run(any_fleet, CompleteActivation(one.id, Author(GINA), "yearly"))
    one = asset(any_fleet, "LX-200")
    assert (one.state, one.renewal_date, one.anchor_day) == ("active", date(2027, 3, 10), 10)
    assert mails(any_fleet)[-1] == (NORA, "activated") and lines(any_fleet) == [("LX-200 (North gate)", "2027-03-10")]
    assert any_fleet.tickets()[0]["state"] == "closed" and requests(any_fleet, "LX-200") == [("activation", "done")]
    with pytest.raises(BadInput, match="LX-200 is active"):
        run(any_fleet, CompleteActivation(one.id, Author(GINA), "yearly"))


@pytest.mark.req("DV-18")
def test_a_refused_activation_is_told_with_its_reason(fleet: Gateway) -> None:
    register(fleet, BOSS, "LX-200")
    run(fleet, RefuseActivation(asset(fleet, "LX-200").id, Author(GINA), "We do not sell it any more."))
    assert asset(fleet, "LX-200").state == "inactive" and requests(fleet, "LX-200") == [("activation", "refused")]
    assert mails(fleet)[-1] == (BOSS, "command_refused")
    assert lines(fleet) == [("LX-200", "We do not sell it any more.")]


@pytest.mark.req("DV-15")
@pytest.mark.parametrize(
    ("who", "key", "why"),
    [
        (BOSS, "DEV-1", "It is registered already."),
        (BOSS, "ext-1", "It is registered already."),
        (BOSS, "dev-5", "It is registered already, and can be activated again."),
        (BOSS, "alien", "It cannot be registered under this name; the device support team looks into it."),
        (NORA, "dev-3", "It cannot be registered under this name; the device support team looks into it."),
        (SUE, "LX-200", "Only an administrator of the organization or of its group may do this."),
        (MIA, "LX-200", "Only an administrator of the organization or of its group may do this."),
    ],
)
def test_a_device_is_registered_once_and_by_an_admin(fleet: Gateway, who: str, key: str, why: str) -> None:
    register(fleet, who, key)
    with fleet.store.read() as connection:
        assert len(connection.execute(select(Asset.c.id)).all()) == len(FLEET["assets"])
    assert mails(fleet) == [(who, "command_refused")] and [told for _name, told in lines(fleet)] == [why]


def test_a_new_device_goes_to_a_group_one_may_act_on(fleet: Gateway) -> None:
    for who, group in ((DORA, "north"), (BOSS, "foreign"), (BOSS, "nowhere")):
        register(fleet, who, "LX-200", group=group)
        assert [why for _name, why in lines(fleet)] == ["There is no such group among yours."]
    register(fleet, DORA, "LX-200", group="dock")
    assert asset(fleet, "LX-200").group_id == asset(fleet, "dev-2").group_id


@pytest.mark.req("DV-16")
@pytest.mark.req("DV-32")
def test_what_is_inactive_or_deactivated_can_be_activated_again(any_fleet: Gateway) -> None:
    ask(any_fleet, BOSS, "activate", "dev-5", "dev-6", "dev-1")
    assert [asset(any_fleet, key).state for key in ("dev-5", "dev-6", "dev-1")] == ["activation_pending"] * 2 + [
        "active"
    ]
    assert lines(any_fleet)[-1] == ("dev-1 (Tracker 1)", "It is active already.")
    for key in ("dev-5", "dev-6"):
        assert any_fleet.tickets()[0]["state"] == "new"
        run(any_fleet, CompleteActivation(asset(any_fleet, key).id, Author(GINA), "monthly"))
    assert any_fleet.tickets()[0]["state"] == "closed" and asset(any_fleet, "dev-6").renewal_date is None


@pytest.mark.req("A-31")
def test_a_missed_renewal_is_acknowledged_by_an_admin(fleet: Gateway) -> None:
    id_ = asset(fleet, "dev-1").id
    with fleet.store.write() as connection:
        connection.execute(Asset.update().where(Asset.c.id == id_).values(missed=date(2025, 3, 30)))
    with pytest.raises(BadInput):
        run(fleet, AcknowledgeMissed(id_, Author(SUE)))
    run(fleet, AcknowledgeMissed(id_, Author(NORA)))
    assert asset(fleet, "dev-1").missed is None
    with pytest.raises(BadInput, match="missed no renewal"):
        run(fleet, AcknowledgeMissed(id_, Author(NORA)))


@pytest.mark.parametrize(
    ("who", "to", "works"),
    [(BOSS, "south", True), (BOSS, None, True), (NORA, "dock", True), (NORA, "south", False), (NORA, None, False),
     (SUE, "dock", False), (GINA, "south", True), (BOSS, "foreign", False)],
)  # fmt: skip
def test_a_device_moves_between_groups_one_may_act_on(fleet: Gateway, who: str, to: str | None, works: bool) -> None:
    before = asset(fleet, "dev-1").group_id
    command = MoveAsset(asset(fleet, "dev-1").id, Author(who), to)
    if works:
        run(fleet, command)
        assert asset(fleet, "dev-1").group_id != before and history(fleet, "dev-1") == ["moved"]
        return
    with pytest.raises(BadInput):
        run(fleet, command)
    assert asset(fleet, "dev-1").group_id == before


@pytest.mark.req("A-17")
def test_a_supervisor_opens_tickets_all_the_same(fleet: Gateway) -> None:
    run(fleet, opening(SUE))
    assert fleet.tickets()[0]["requester"] == SUE


@pytest.mark.req("DV-15")
@pytest.mark.parametrize(
    ("second", "why"), [(BOSS, "registered already"), (EVE, "cannot be registered under this name")]
)
def test_of_two_who_register_a_device_at_once_the_second_is_told_why_not(
    any_fleet: Gateway, second: str, why: str
) -> None:
    registered, began = Event(), Event()

    def follow() -> Applied:
        registered.wait(30)
        began.set()
        return register(any_fleet, second, "new-1")

    with ThreadPoolExecutor(1) as other, any_fleet.store.write() as connection:
        waiting = other.submit(follow)
        apply(connection, any_fleet.config, AskForAssets(opening(NORA), (Wish("register", key="new-1"),)), AT)
        registered.set()
        began.wait(30)
        sleep(0.5)  # so that it has come to wait for this transaction
    assert any(why in words for words in waiting.result(30).undone)
    assert history(any_fleet, "new-1") == []  # but for the first line, that it was asked for
