"""From the clock to a mailbox and back: an alert as it was sent is answered, and the clock goes by the answer."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parseaddr

import pytest

from store import clock, outbox, pending
from store.rules.calendar import today
from tests.assets.house import BOSS, NORA
from tests.harness import mail
from tests.mails.letters import Seen, read
from tests.renewals.house import House
from workers.compose import compose


def sent(fleet: House) -> dict[str, Seen]:
    """The mails that a worker would send now, by recipient."""
    now = clock.now()
    letters = outbox.claim(fleet.store, pending.due(fleet.store, now, 100), "worker", now)
    desk, secret = fleet.config.desks["devices"], fleet.config.secret
    return {one.recipient: read(compose(one, desk, secret=secret, read_blob=fleet.store.blobs.get)) for one in letters}


@pytest.mark.req("DV-04")
@pytest.mark.req("DV-33")
@pytest.mark.req("DV-34")
@pytest.mark.req("DV-19")
def test_an_answer_to_an_alert_decides_what_the_clock_does(any_fleet: House) -> None:
    now = clock.now()
    day = today(now, "Europe/Berlin")
    due = day + timedelta(days=20)
    any_fleet.change("dev-7", state="inactive")
    for key in ("dev-1", "dev-2", "dev-3"):
        any_fleet.change(key, renewal_date=due, anchor_day=due.day, contract_end=None)
    any_fleet.tick(now)
    mails = sent(any_fleet)
    assert "in 20 days" in mails[NORA].text and "LX" not in mails[NORA].text
    to_nora = parseaddr(str(mails[NORA].headers["Reply-To"]))[1]
    any_fleet.gateway.receive(mail("renew dev-1", sender=f"Nora <{NORA}>"), to_nora, sender=NORA)
    cancel = next(line for line in mails[BOSS].text.splitlines() if line.startswith("Cancel all: "))
    any_fleet.change("dev-2", state="inactive")
    any_fleet.gateway.receive(mail("", sender=f"Boss <{BOSS}>"), cancel.removeprefix("Cancel all: "), sender=BOSS)
    assert any_fleet.asset("dev-1").state == "deactivation_pending"  # the company's administrator has the last word
    assert any_fleet.asset("dev-3").effective == due
    sent(any_fleet)
    any_fleet.gateway.receive(mail("renew dev-1", sender=f"Nora <{NORA}>"), to_nora, sender=NORA)
    assert any_fleet.asset("dev-1").confirmed_for == due
    any_fleet.tick(now + timedelta(days=6, hours=1))
    any_fleet.tick(now + timedelta(days=13, hours=1))
    assert [keys for who, _day, keys in any_fleet.mails() if who in (NORA, BOSS)] == [
        ("dev-1", "dev-2", "dev-3"),
        ("dev-1", "dev-2"),
    ]
    any_fleet.tick(now + timedelta(days=22))
    assert any_fleet.asset("dev-1").renewal_date.year == due.year + 1 and any_fleet.asset("dev-1").missed is None
    assert any_fleet.asset("dev-3").state == "deactivated"
    assert [who for who, _day, keys in any_fleet.mails("deactivated") if keys == ("dev-3",)] == [BOSS]
    assert [who for who, _day, _keys in any_fleet.mails("auto_renewed") if who in (NORA, BOSS)] == []
