"""Many at once, and many tries: one mail stays one message, and no number opens a door."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway import pipe
from gateway.smtp import background
from store import journal
from store.clock import now
from store.config import Config
from store.journal import Incoming
from store.settings import SmtpSection
from tests.doors.client import Peer
from tests.harness import Gateway, mail

TAG = "HO#1001"


def crlf(message: object) -> bytes:
    return bytes(message).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")  # type: ignore[call-overload,no-any-return]


@pytest.mark.req("X-03")
@pytest.mark.threat(35)
def test_fifty_deliveries_of_one_mail_at_once_by_two_doors_are_one_message(gateway: Gateway) -> None:
    raw = crlf(mail("once"))
    free = gateway.config.settings.model_copy(update={"smtp": SmtpSection(listen="127.0.0.1:0")})
    config = Config(free, gateway.config.folder, gateway.config.file)
    with background(config, gateway.store, grace=1) as door, ThreadPoolExecutor(50) as crowd:

        def bring(number: int) -> bool:
            if number % 2:
                return pipe.ingest(gateway.config, gateway.store, raw, ["support@desk.test"], "anna@cust.test") == 0
            with Peer(door.address) as peer:
                return peer.deliver(raw).startswith("250")

        assert all(crowd.map(bring, range(50)))
    gateway.file()
    assert sorted(row["outcome"] for row in gateway.journal()) == ["duplicate"] * 49 + ["new"]
    (ticket,) = gateway.tickets()
    assert len(gateway.ticket(ticket["tag"])["messages"]) == 1
    assert gateway.told().count(("anna@cust.test", "confirmation")) == 1


@pytest.mark.threat(39)
@pytest.mark.parametrize("tries", [200, pytest.param(2000, marks=pytest.mark.long)])
def test_numbers_tried_by_a_stranger_open_nothing(gateway: Gateway, tries: int) -> None:
    gateway.receive(mail("the secret"))
    gateway.support_replies(TAG, close=True)
    for _ in range(5):
        gateway.receive(mail("others"))
    told = len(gateway.told())
    route = (("hosting", ("support@desk.test",)),)
    numbers = range(max(1, 1001 - tries // 2), 1001 + tries // 2)
    mails = [crlf(mail("let me in", sender="m@evil.test", subject=f"Re: [HO#{number}] x")) for number in numbers]
    journal.append(gateway.store, [Incoming("smtp", now(), "m@evil.test", route, raw) for raw in mails])
    gateway.file()
    assert gateway.ticket(TAG)["state"] == "closed"
    for number in range(1001, 1007):
        assert "m@evil.test" not in {message["from"] for message in gateway.ticket(f"HO#{number}")["messages"]}
    others = {row["ticket"] for row in gateway.journal()[6:]}
    assert {gateway.ticket(tag)["requester"] for tag in others} == {"m@evil.test"}
    after = gateway.told()[told:]
    assert {who for who, template in after} <= {"gina@desk.test", "m@evil.test"}
    assert sum(who == "m@evil.test" for who, _ in after) <= 3
