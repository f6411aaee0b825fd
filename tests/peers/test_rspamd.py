"""A real rspamd is asked while mails are studied; a real GTUBE is spam, a plain mail is not (threats 38, 96)."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from gateway import filters
from gateway.filters import Filters
from gateway.studying import Students
from store import troubles
from store.config import Config
from store.ledgers import explain
from store.settings import FilterSection
from tests.harness import Gateway, mail
from tests.peers.rspamd import Rspamd, needs_rspamd

pytestmark = [pytest.mark.slow, needs_rspamd]
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-" + "TEST-EMAIL*C.34X"  # spamassassin.apache.org/gtube


@pytest.fixture(autouse=True)
def rested() -> Iterator[None]:
    filters._resting.clear()
    yield
    filters._resting.clear()


def plain(text: str) -> EmailMessage:
    return mail(f"My printer does not print any more.\n{text}\nCan you help?", sender="Eve <eve@stranger.test>")


@pytest.mark.threat(38)
def test_a_gtube_is_flagged_and_a_stranger_gets_no_answer_to_it_but_to_a_plain_mail(gateway: Gateway) -> None:
    def said(row: dict[str, Any]) -> str:
        signals = explain(gateway.store, gateway.config, row["id"])["signals"]
        return str(next(one["value"] for one in signals if one["signal"] == "rspamd"))

    with Rspamd() as rspamd:
        section = FilterSection(rspamd=rspamd.url)
        settings = gateway.config.settings.model_copy(update={"filter": section})
        wanted = Filters.of(Config(settings, gateway.config.folder, gateway.config.file))
        gateway.filer._students = Students(gateway.store.blobs, 0, filters=wanted)
        spam = gateway.receive(plain(GTUBE), peer="192.0.2.7", helo="mx.cust.test")
        clean = gateway.receive(plain(""), peer="192.0.2.7", helo="mx.cust.test")
    assert said(spam).startswith("reject (") and said(clean).startswith("no action ("), rspamd.log()
    assert gateway.ticket(spam["ticket"])["flags"] == ["spam-suspected"]
    assert gateway.ticket(clean["ticket"])["flags"] == []
    assert [template for _, template in gateway.told()].count("confirmation") == 1
    with gateway.store.read() as connection:
        assert troubles.states(connection) == {}
