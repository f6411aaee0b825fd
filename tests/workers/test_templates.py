"""A broken template of a desk's own: the mail goes out all the same, and staff see why it looks as it does (BR-07)."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from store import broken_templates, views
from store.config import load
from tests.fakes import FakeRelay
from tests.workers.bench import Bench
from workers.deliver import Delivery
from workers.relay import open_relay


@pytest.mark.req("BR-07")
def test_a_broken_template_is_told_once_a_ticket_and_keeps_no_mail_back(bench: Bench, fake: FakeRelay) -> None:
    desk = bench.config.folder / "desks" / "hosting.toml"
    own = desk.parent / "own" / "staff_reply"
    own.mkdir(parents=True)
    (own / "body.txt").write_text("{{ mail.nothing }}", encoding="utf-8")
    desk.write_text(f'templates = "own"\n{desk.read_text(encoding="utf-8")}', encoding="utf-8")
    bench.config = load(bench.file)
    (ticket,) = bench.open_tickets()
    for text in ("First answer", "Second answer"):
        bench.answer(ticket, text)
    with capture_logs() as logs:
        delivery = Delivery(bench.config, bench.store, open_relay(bench.config), "test")
        for row in bench.rows():
            delivery.deliver([row.id])
    assert set(bench.states()) == {"accepted"} and len(fake.mails) == 3
    with bench.store.read() as connection:
        row, _desk = views.find_ticket(connection, bench.config, views.tickets(connection, bench.config)[0]["tag"])
        events = views.ticket(connection, bench.config, row)["events"]
    fault = f"{own}/body.txt:1: UndefinedError"
    assert [event["new"] for event in events if event["kind"] == "template_broken"] == [fault]
    assert [line["fault"] for line in logs if line["log_level"] == "error"] == [fault, fault]
    with bench.store.read() as connection:
        (broken,) = broken_templates.states(connection, bench.config)
    assert (broken.desk, broken.fault) == ("hosting", "staff_reply/body.txt:1: UndefinedError")
