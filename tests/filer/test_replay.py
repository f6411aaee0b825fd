"""Past mail is decided anew under other rules: just those are listed that would end differently, and nothing changes."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.replaying import Difference, replay
from store.clock import now
from store.config import Config, load
from store.schema import MAIN
from tests.harness import Gateway, mail

TAG = "HO#1001"


@pytest.fixture
def recorded(gateway: Gateway) -> Gateway:
    """Two dozen mails of every kind."""
    gateway.receive(mail("first"))
    gateway.support_replies(TAG)
    gateway.receive(mail("again", subject=f"Re: [{TAG}]"))
    gateway.receive(mail("let me in", sender="m@evil.test", subject=f"Re: [{TAG}]"))
    gateway.receive(mail("away", subject=f"Automatic reply: [{TAG}]", Auto_Submitted="auto-replied"))
    for number in range(6):
        gateway.receive(mail(f"new {number}", sender=f"new{number}@nowhere.test", subject=f"question {number}"))
        gateway.receive(mail(f"known {number}", subject=f"question {number}"))
    same = mail("twice")
    gateway.receive(same)
    gateway.receive(same)
    gateway.receive(mail("urgent"), "safety@desk.test")
    gateway.receive(mail("signed", subject="x"), gateway.reply_address(TAG, "anna@cust.test"))
    return gateway


def other(gateway: Gateway, folder: Path, unknown: str = "accept", without: str = "") -> Config:
    """A second configuration: the desk's file with another rule for people nobody knows, or without one mailbox."""
    text = (gateway.config.folder / "desks" / "hosting.toml").read_text()
    assert 'unknown_sender = "accept"' in text
    text = text.replace('unknown_sender = "accept"', f'unknown_sender = "{unknown}"')
    blocks = [block for block in text.split("[[mailboxes]]") if not (without and f'"{without}' in block)]
    (folder / "other" / "desks").mkdir(parents=True)
    (folder / "other" / "postern.toml").write_text("")
    (folder / "other" / "desks" / "hosting.toml").write_text("[[mailboxes]]".join(blocks))
    return load(folder / "other" / "postern.toml")


def differences(gateway: Gateway, config: Config) -> list[Difference]:
    return [one for one in replay(gateway.config, config, gateway.store, now() - timedelta(hours=1)) if one is not None]


def everything(gateway: Gateway) -> list[object]:
    with gateway.store.read() as connection:
        return [connection.execute(table.select()).all() for table in MAIN]


def test_the_same_rules_change_nothing(recorded: Gateway, tmp_path: Path) -> None:
    before = everything(recorded)
    assert differences(recorded, other(recorded, tmp_path)) == []
    assert everything(recorded) == before


def test_one_rule_changed_lists_just_the_mails_it_is_about(recorded: Gateway, tmp_path: Path) -> None:
    found = differences(recorded, other(recorded, tmp_path, unknown="hold"))
    assert [one.sender for one in found] == ["envelope@cust.test"] * 6
    rows = {row["id"]: row for row in recorded.journal()}
    assert {recorded.ticket(rows[one.id]["ticket"])["requester"] for one in found} == {
        f"new{n}@nowhere.test" for n in range(6)
    }
    assert {(one.before.outcome, one.after.outcome, one.after.answer) for one in found} == {("new", "held", "held_ack")}


def test_a_mailbox_that_is_gone_refuses_what_it_took(recorded: Gateway, tmp_path: Path) -> None:
    (found,) = differences(recorded, other(recorded, tmp_path, without="safety@"))
    assert (found.before.priority, found.after.outcome) == ("urgent", "refused")


def test_the_command_prints_them_and_how_many_there_were(
    recorded: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = other(recorded, tmp_path, unknown="hold")
    monkeypatch.setenv("POSTERN_CONFIG", str(recorded.config.folder / "postern.toml"))
    since = (now() - timedelta(days=1)).strftime("%Y-%m-%d")
    done = CliRunner().invoke(app, ["replay", "--since", since, "--config", str(rules.file), "--json"])
    assert done.exit_code == 0, done.output
    assert [one["after"]["outcome"] for one in json.loads(done.stdout)] == ["held"] * 6
    told = CliRunner().invoke(app, ["replay", "--since", since, "--config", str(rules.file)])
    assert "6 of 20 mails would end differently." in told.output
    assert not (rules.folder / "var").exists()
