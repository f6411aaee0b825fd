"""resend, suppress, unsuppress and suppressed as an agent uses them; nobody else may."""

from __future__ import annotations

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from gateway.cli import app
from store.schema import Outbox
from tests.harness import Gateway, mail

GINA, BILLY, ANNA = "gina@desk.test", "billy@desk.test", "anna@cust.test"


def postern(gateway: Gateway, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*words, "--config", str(gateway.config.file)])
    return done.exit_code, (done.output + str(done.exception or "")).strip()


def failed_mail(gateway: Gateway) -> int:
    gateway.receive(mail())
    gateway.support_replies("HO#1001")
    sent = next(row for row in gateway.outbox() if row["template"] == "staff_reply")
    with gateway.store.write() as connection:
        connection.execute(update(Outbox).where(Outbox.c.id == sent["id"]).values(state="failed", reply="550 no"))
    return int(sent["id"])


def state(gateway: Gateway, id_: int) -> str:
    return next(row["state"] for row in gateway.outbox() if row["id"] == id_)


def test_an_agent_sends_a_mail_again(gateway: Gateway) -> None:
    id_ = failed_mail(gateway)
    code, said = postern(gateway, "resend", str(id_), "--agent", GINA)
    assert (code, said) == (0, f"mail {id_} to {ANNA} is sent again")
    assert state(gateway, id_) == "due"


def test_a_suppressed_address_needs_a_word_more(gateway: Gateway) -> None:
    id_ = failed_mail(gateway)
    assert postern(gateway, "suppress", ANNA, "--agent", GINA) == (0, f"{ANNA} gets no mail")
    assert postern(gateway, "resend", str(id_), "--agent", GINA)[0] == 1
    assert state(gateway, id_) == "failed"
    assert ANNA in postern(gateway, "suppressed", "--json")[1]
    assert postern(gateway, "resend", str(id_), "--agent", GINA, "--unsuppress")[0] == 0
    assert postern(gateway, "suppressed")[1] == "Every address gets its mail."


def test_a_slip_is_taken_back(gateway: Gateway) -> None:
    gateway.load(agents=[])
    assert postern(gateway, "suppress", ANNA, "--agent", GINA)[0] == 0
    assert postern(gateway, "unsuppress", ANNA, "--agent", GINA) == (0, f"{ANNA} gets mail again")
    assert postern(gateway, "unsuppress", ANNA, "--agent", GINA)[0] == 1


@pytest.mark.parametrize("command", ["resend", "suppress", "unsuppress"])
def test_customers_and_strangers_may_not(gateway: Gateway, command: str) -> None:
    id_ = failed_mail(gateway)
    for who in (ANNA, "nobody@else.test"):
        code, said = postern(gateway, command, str(id_) if command == "resend" else ANNA, "--agent", who)
        assert code == 1 and "not on the staff" in said
    assert state(gateway, id_) == "failed"


def test_what_is_not_there_or_did_arrive_is_not_sent_again(gateway: Gateway) -> None:
    id_ = failed_mail(gateway)
    assert "the outbox has no mail 99" in postern(gateway, "resend", "99", "--agent", GINA)[1]
    with gateway.store.write() as connection:
        connection.execute(update(Outbox).where(Outbox.c.id == id_).values(state="accepted"))
    assert "nothing to send again" in postern(gateway, "resend", str(id_), "--agent", GINA)[1]
