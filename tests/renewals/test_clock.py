"""`postern tick`, reminders, and a clock that nothing surprises."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert, select
from typer.testing import CliRunner

from gateway.cli import app
from store import clock
from store.commands import AssignTicket, Author
from store.renewal_checks import TEMPLATES as RENEWING
from store.schema import Asset, Outbox
from tests.assets.house import BOSS
from tests.harness import Gateway, mail
from tests.renewals.house import House
from workers.clock import tick


@pytest.mark.req("X-10")
def test_the_command_does_what_is_due_then_and_its_mails_are_due_at_once(fleet: House) -> None:
    file = str(fleet.config.file)
    for _twice in range(2):
        done = CliRunner().invoke(app, ["tick", "--at", "2030-03-02", "--config", file])
        assert done.exit_code == 0, done.output
    fleet.change("dev-7", renewal_date=date(2030, 3, 30))
    assert CliRunner().invoke(app, ["tick", "--at", "2030-03-03T08:00:00+01:00", "--config", file]).exit_code == 0
    with fleet.store.read() as connection:
        rows = connection.execute(select(Outbox.c.created, Outbox.c.next_at, Outbox.c.template)).all()
    assert {row.template for row in rows} >= {"renewal_alert", "auto_renewed"}
    assert all(row.created.year == 2030 and row.next_at <= clock.now() for row in rows)
    assert fleet.told(BOSS)[-1] == "2030-03-03"
    wrong = CliRunner().invoke(app, ["tick", "--at", "tomorrow", "--config", file])
    assert wrong.exit_code == 2 and "is no moment" in wrong.output


def test_files_are_as_old_as_the_disk_says_whatever_time_a_tick_names(gateway: Gateway) -> None:
    """What a door is about to refer to must not go because somebody looks ten years ahead."""
    digest = gateway.store.blobs.put(b"about to be filed")
    gateway.receive(mail(to="support@desk.test"))
    tick(gateway.config, gateway.store, clock.now() + timedelta(days=3650))
    assert gateway.store.blobs.get(digest if isinstance(digest, str) else digest[0]) == b"about to be filed"


def waiting(gateway: Gateway, **settings: int) -> str:
    """A ticket that support waits for the customer on."""
    file = gateway.config.folder / "desks" / "hosting.toml"
    lines = "".join(f"{name} = {days}\n" for name, days in settings.items())
    file.write_text(file.read_text().replace("[labels]", f"{lines}[labels]", 1))
    gateway.config.__dict__.pop("desks", None)
    gateway.receive(mail(), gateway.config.desks["hosting"].main.address)
    gateway.support_replies("HO#1001", "Which model is it?")
    return "HO#1001"


def reminded(gateway: Gateway, template: str = "reminder_awaiting") -> list[str]:
    return [who for who, name in gateway.told() if name == template]


@pytest.mark.req("EQ-69")
def test_a_customer_who_is_waited_for_is_reminded_once_in_an_interval_until_they_write(any_gateway: Gateway) -> None:
    tag, now = waiting(any_gateway, remind_after=3), clock.now()
    box = any_gateway.config.desks["hosting"].main.address

    def look(days: float) -> int:
        tick(any_gateway.config, any_gateway.store, now + timedelta(days=days))
        return len(reminded(any_gateway))

    assert [look(days) for days in (1, 2.9, 3.01, 3.5, 5.9, 6.1, 6.2)] == [0, 0, 1, 1, 1, 2, 2]
    assert reminded(any_gateway) == ["anna@cust.test"] * 2
    assert any_gateway.ticket(tag)["state"] == "waiting_customer"
    reply = mail("An X200.", subject=f"Re: [{tag}] Printer broken")
    any_gateway.receive(reply, any_gateway.reply_address(tag, "anna@cust.test", box))
    assert any_gateway.ticket(tag)["state"] == "waiting_support"
    assert look(9.3) == 2


def test_a_desk_without_the_setting_reminds_nobody(gateway: Gateway) -> None:
    waiting(gateway)
    tick(gateway.config, gateway.store, clock.now() + timedelta(days=400))
    assert reminded(gateway) == []


def test_a_desk_may_close_what_nobody_answers(any_gateway: Gateway) -> None:
    tag, now = waiting(any_gateway, remind_after=3, close_after=14), clock.now()
    gina, billy = Author("gina@desk.test"), Author("billy@desk.test")
    any_gateway.apply(AssignTicket(any_gateway.id_of(tag), gina, billy))
    tick(any_gateway.config, any_gateway.store, now + timedelta(days=13.9))
    assert any_gateway.ticket(tag)["state"] == "waiting_customer"
    for _twice in range(2):
        tick(any_gateway.config, any_gateway.store, now + timedelta(days=14.1))
    ticket = any_gateway.ticket(tag)
    assert ticket["state"] == "closed" and ticket["events"][-1]["actor"] is None
    assert reminded(any_gateway, "ticket_closed") == ["anna@cust.test"]
    # That it is theirs, and not what the clock does.
    assert reminded(any_gateway, "staff_notice").count("billy@desk.test") == 1


def test_a_desk_may_close_held_mail_without_a_word(any_fleet: House) -> None:
    gateway = any_fleet.gateway
    file = gateway.config.folder / "desks" / "devices.toml"
    file.write_text(file.read_text().replace("[labels]", "held_expires = 30\n[labels]", 1))
    gateway.config.__dict__.pop("desks", None)
    gateway.receive(mail(sender="who@knows.test"), gateway.config.desks["devices"].main.address)
    (held,) = gateway.tickets()
    before, now = gateway.told(), clock.now()
    tick(gateway.config, gateway.store, now + timedelta(days=29))
    assert "held" in held["flags"] and gateway.ticket(held["tag"])["state"] == "new"
    tick(gateway.config, gateway.store, now + timedelta(days=31))
    assert gateway.ticket(held["tag"])["state"] == "closed"
    assert [told for told in gateway.told() if told[1] not in RENEWING] == before


def test_each_look_at_many_devices_is_quick(fleet: House) -> None:
    """Between the rounds nothing but what is due is read: five thousand devices that are not cost nothing."""
    same = fleet.asset("dev-7")._mapping
    dates = [date(2026, month, 15) for month in range(4, 13)]
    rows = [{**same, "id": None, "key": f"m{n}", "renewal_date": dates[n % 9]} for n in range(5000)]
    with fleet.store.write() as connection:
        connection.execute(insert(Asset), rows)
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    fleet.tick(now)
    began = time.process_time()
    for minute in range(1, 21):
        fleet.tick(now + timedelta(minutes=minute))
    assert (time.process_time() - began) / 20 < 0.1
