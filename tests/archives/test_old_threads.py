"""Talks that began in another system: its numbers, the answers of its staff, and what is written since."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.config import Config
from tests.archives.helpers import NUMBERS, answer_to, mbox, old_mail, take
from tests.harness import PEOPLE, Gateway, mail


@pytest.fixture
def patient(any_gateway: Gateway) -> Gateway:
    """A desk that knows the numbers of the system it had before."""
    config = any_gateway.config
    file = config.folder / "desks" / "hosting.toml"
    file.write_text(f"old_numbers = ['{NUMBERS}']\n" + file.read_text())
    made = Gateway(Config(config.settings, config.folder, config.file), any_gateway.store)
    made.load(**PEOPLE)
    return made


TO = {"address": "support@hosting.desk.test", "numbers": (NUMBERS,)}
NUMBER = "[Ticket#2024030110000017] Printer broken"


def test_mails_with_one_number_are_one_ticket(patient: Gateway, tmp_path: Path) -> None:
    mails = [
        old_mail("One", 1, NUMBER),
        old_mail("Two", 2, f"AW: {NUMBER}"),
        old_mail("Three", 3, NUMBER.replace("17]", "18]")),
    ]
    take(patient, mbox(tmp_path / "old", mails), **TO)
    assert sorted(len(patient.ticket(one["tag"])["messages"]) for one in patient.tickets()) == [1, 2]


def test_a_number_that_came_late_leads_to_the_ticket_too(patient: Gateway, tmp_path: Path) -> None:
    """The first mail of a talk has none: the other system gave it when it answered."""
    first = old_mail("It smokes.", 1)
    mails = [first, answer_to(first, "Still.", 2), old_mail("And now?", 3, NUMBER)]
    mails[1].replace_header("Subject", f"Re: {NUMBER}")
    take(patient, mbox(tmp_path / "old", mails), **TO)
    assert [len(patient.ticket(one["tag"])["messages"]) for one in patient.tickets()] == [3]


def test_a_later_answer_finds_the_ticket_by_its_old_number(patient: Gateway, tmp_path: Path) -> None:
    take(patient, mbox(tmp_path / "old", [old_mail("It smokes.", 1, NUMBER)]), **TO)
    tag = patient.tickets()[0]["tag"]
    row = patient.receive(mail("It smokes again", subject=f"Re: {NUMBER}"), "support@hosting.desk.test")
    assert (row["outcome"], row["ticket"]) == ("reply", tag)
    assert "old_number" in row["reason"]
    assert patient.ticket(tag)["state"] == "waiting_support"
    assert patient.told() != []  # it is mail of today


@pytest.mark.threat(39)
def test_a_stranger_who_knows_an_old_number_gets_a_ticket_of_their_own(patient: Gateway, tmp_path: Path) -> None:
    take(patient, mbox(tmp_path / "old", [old_mail("It smokes.", 1, NUMBER)]), **TO)
    tag = patient.tickets()[0]["tag"]
    row = patient.receive(mail("Me too", sender="eve@evil.test", subject=NUMBER), "support@hosting.desk.test")
    assert row["outcome"] == "new" and row["ticket"] != tag
    assert len(patient.ticket(tag)["messages"]) == 1


@pytest.mark.threat(42)
def test_an_old_number_puts_nobody_on_the_ticket(patient: Gateway, tmp_path: Path) -> None:
    take(patient, mbox(tmp_path / "old", [old_mail("It smokes.", 1, NUMBER)]), **TO)
    forged = mail("Copy me", subject=NUMBER, Cc="eve@evil.test")
    patient.receive(forged, "support@hosting.desk.test")
    assert patient.tickets()[0]["cc"] == []


def test_our_own_tag_goes_before_an_old_number(patient: Gateway, tmp_path: Path) -> None:
    take(patient, mbox(tmp_path / "old", [old_mail("It smokes.", 1, NUMBER)]), **TO)
    patient.receive(mail("Something else", subject="Else"), "support@hosting.desk.test")
    tag = next(one["tag"] for one in patient.tickets() if one["subject"] == "Else")
    row = patient.receive(mail("Mixed", subject=f"Re: [{tag}] {NUMBER}"), "support@hosting.desk.test")
    assert row["ticket"] == tag
    assert "evidence-disagrees" in patient.ticket(tag)["flags"]


def talk(*, answer_from: str) -> list[object]:
    first = old_mail("It smokes.", 1)
    return [first, answer_to(first, "Open a window.", 2, sender=answer_from, to="anna@cust.test")]


@pytest.mark.parametrize("sender", ["Gina <gina@desk.test>", "Support <support@desk.test>"])
def test_with_trust_old_answers_are_said_by_support(gateway: Gateway, tmp_path: Path, sender: str) -> None:
    take(gateway, mbox(tmp_path / "old", talk(answer_from=sender)), trust_from=True)  # type: ignore[arg-type]
    (ticket,) = gateway.tickets()
    messages = gateway.ticket(ticket["tag"])["messages"]
    assert [(one["side"], one["note"]) for one in messages] == [("customer", False), ("support", False)]
    assert ticket["last_reply_by"] == "support"
    assert gateway.told() == []


@pytest.mark.threat(40)
def test_without_trust_nobody_speaks_for_support(gateway: Gateway, tmp_path: Path) -> None:
    """What is under an agent's name is a note; what is under the desk's own is recorded and no more."""
    take(gateway, mbox(tmp_path / "old", talk(answer_from="gina@desk.test")))  # type: ignore[arg-type]
    (ticket,) = gateway.tickets()
    told = gateway.ticket(ticket["tag"])
    assert [(one["side"], one["note"]) for one in told["messages"]] == [("customer", False), ("support", True)]
    assert "unproved-staff" in told["flags"]
    take(gateway, mbox(tmp_path / "sent", talk(answer_from="support@desk.test")[1:]))  # type: ignore[arg-type]
    assert gateway.journal()[-1]["outcome"] == "auto"
    assert len(gateway.ticket(ticket["tag"])["messages"]) == 2
    assert gateway.told() == []


@pytest.mark.threat(41)
def test_trust_ends_where_the_domain_disowns_the_mail(gateway: Gateway, tmp_path: Path) -> None:
    auth = gateway.config.settings.auth.model_copy(update={"trusted_host": "mx.desk.test"})
    settings = gateway.config.settings.model_copy(update={"auth": auth})
    strict = Gateway(Config(settings, gateway.config.folder, gateway.config.file), gateway.store)
    mails = talk(answer_from="gina@desk.test")
    mails[1]["Authentication-Results"] = "mx.desk.test; dmarc=fail header.from=desk.test"  # type: ignore[index]
    take(strict, mbox(tmp_path / "old", mails), trust_from=True)  # type: ignore[arg-type]
    (ticket,) = strict.tickets()
    assert [one["note"] for one in strict.ticket(ticket["tag"])["messages"]] == [False, True]


def test_a_talk_the_desk_began_is_of_whom_it_wrote_to(gateway: Gateway, tmp_path: Path) -> None:
    first = old_mail(
        "Your contract ends.", 1, "Contract", sender="Support <support@desk.test>", to="Bob <bob@else.test>"
    )
    again = answer_to(first, "Then renew it.", 2, sender="bob@else.test")
    take(gateway, mbox(tmp_path / "old", [first, again]), trust_from=True)
    (ticket,) = gateway.tickets()
    assert ticket["requester"] == "bob@else.test"
    messages = gateway.ticket(ticket["tag"])["messages"]
    assert [(one["side"], one["from"]) for one in messages] == [
        ("support", "support@desk.test"),
        ("customer", "bob@else.test"),
    ]
    assert gateway.told() == []


@pytest.mark.threat(37)
def test_automatic_mail_of_the_desk_itself_is_only_recorded(gateway: Gateway, tmp_path: Path) -> None:
    first = old_mail("It smokes.", 1)
    receipt = answer_to(
        first, "We got it.", 2, sender="support@desk.test", to="anna@cust.test", Auto_Submitted="auto-replied"
    )
    take(gateway, mbox(tmp_path / "old", [first, receipt]), trust_from=True)
    assert [row["outcome"] for row in gateway.journal()] == ["new", "auto"]
