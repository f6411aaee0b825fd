"""Probes go out by the relay and come back in by a door; one that stays away is an alarm, told once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from store import probes
from store.config import Config, load
from store.errors import ConfigError, Permanent, Temporary
from store.rules.tokens import Kind, Token, sign
from store.settings import CanarySection
from tests.harness import Gateway, mail
from tests.running import Running
from workers import canary
from workers.compose import Mail

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@dataclass
class Relay:
    """Remembers every mail; refuses when told."""

    sent: list[Mail] = field(default_factory=list)
    trouble: Exception | None = None

    def send(self, mail: Mail) -> str:
        if self.trouble:
            raise self.trouble
        self.sent.append(mail)
        return "250 taken"

    def close(self) -> None:
        pass


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Relay:
    made = Relay()
    monkeypatch.setattr(canary, "open_relay", lambda _config: made)
    return made


@pytest.fixture
def watched(any_gateway: Gateway) -> Gateway:
    """A gateway that sends probes every ten minutes, to one mailbox of one desk, whose administrator is Gina."""
    config = any_gateway.config
    for desk in (config.folder / "desks").glob("*.toml"):
        if desk.stem != "hosting":
            desk.unlink()
    file = config.folder / "desks" / "hosting.toml"
    head, *boxes = file.read_text().split("[[mailboxes]]\n")
    file.write_text("[[mailboxes]]\n".join([head, boxes[0], *(f"probe = false\n{box}" for box in boxes[1:])]))
    settings = config.settings.model_copy(update={"canary": CanarySection(every=10, late=15)})
    made = Gateway(Config(settings, config.folder, config.file), any_gateway.store)
    made.load(agents=[{"email": "lisa@desk.test", "name": "Lisa", "desk": "hosting", "role": "admin"}])
    return made


BOX = "support@hosting.desk.test"


def tick(gateway: Gateway, now: datetime) -> None:
    for _ in canary.probe(gateway.config, gateway.store, now):
        pass


def state(gateway: Gateway, now: datetime) -> probes.State:
    with gateway.store.read() as connection:
        (found,) = probes.states(connection, gateway.config, now)
    return found


def come_back(gateway: Gateway, sent: Mail, **options: Any) -> dict[str, Any]:
    return gateway.receive(sent.content, sent.recipient, sender="", **options)


@pytest.mark.threat(96)
def test_a_probe_comes_back_as_no_ticket_and_nobody_answers_it(watched: Gateway, relay: Relay) -> None:
    tick(watched, NOW)
    tick(watched, NOW + timedelta(minutes=9))
    (sent,) = relay.sent
    assert (sent.envelope_from, sent.recipient) == ("", BOX)
    parsed = message_from_bytes(sent.content)
    assert (parsed["From"], parsed["To"], parsed["Auto-Submitted"]) == (BOX, BOX, "auto-generated")
    row = come_back(watched, sent)
    assert (row["outcome"], row["reason"], row["ticket"]) == ("auto", "probe", None)
    assert (watched.tickets(), watched.told()) == ([], [])
    found = state(watched, NOW)
    assert not found.late and found.waiting is None
    assert found.seconds is not None and 0 <= found.seconds < 60
    assert come_back(watched, sent)["outcome"] == "duplicate"
    tick(watched, NOW + timedelta(minutes=10))
    assert len(relay.sent) == 2


@pytest.mark.threat(96)
@pytest.mark.parametrize("trouble", [None, Temporary("450 later"), Permanent("550 no")])
def test_one_that_stays_away_is_told_once_and_once_when_it_is_over(
    watched: Gateway, relay: Relay, trouble: Exception | None
) -> None:
    """Whether it was lost on its way or never left."""
    relay.trouble = trouble
    for minutes in (0, 5, 10, 15):
        tick(watched, NOW + timedelta(minutes=minutes))
    assert watched.told() == []
    for minutes in (16, 17, 20, 30):
        tick(watched, NOW + timedelta(minutes=minutes))
    assert watched.told() == [("lisa@desk.test", "mailbox_notice")]
    assert state(watched, NOW + timedelta(minutes=30)).late
    relay.trouble = None
    tick(watched, NOW + timedelta(minutes=40))
    come_back(watched, relay.sent[-1])
    tick(watched, NOW + timedelta(minutes=41))
    tick(watched, NOW + timedelta(minutes=42))
    assert watched.told() == [("lisa@desk.test", "mailbox_notice")] * 2


def test_a_slow_route_is_no_lost_one(watched: Gateway, relay: Relay) -> None:
    """Each probe takes twelve minutes, and one leaves every ten."""
    for step in range(8):
        now = NOW + timedelta(minutes=10 * step)
        tick(watched, now)
        if step:
            tick(watched, now + timedelta(minutes=1))
            come_back(watched, relay.sent[step - 1])
        assert not state(watched, now + timedelta(minutes=2)).late, step
    assert watched.told() == []


@pytest.mark.threat(96)
def test_what_only_looks_like_a_probe_is_a_mail_as_any_other(watched: Gateway, relay: Relay) -> None:
    tick(watched, NOW)
    real = sign(Token("probe", state(watched, NOW).id, 1), watched.config.secret)
    forged = sign(Token("probe", state(watched, NOW).id, 1), b"k" * 32)
    for word in (forged, real[:-1], "", real + "x"):
        row = watched.receive(mail("Hi", subject=f"Postern probe {word}"), BOX)
        assert row["outcome"] == "new", word
    assert state(watched, NOW).waiting is not None
    assert (
        watched.receive(mail("Hi", subject=f"Postern probe {sign(Token('reply', 1, 1), watched.config.secret)}"), BOX)[
            "outcome"
        ]
        == "new"
    )


@pytest.mark.parametrize("kind", ["probe", "unsubscribe"])
def test_a_token_that_is_no_address_is_nothing_in_one(watched: Gateway, kind: Kind) -> None:
    """Whoever finds one may well write to the mailbox with it."""
    token = sign(Token(kind, 1, 1), watched.config.secret)
    assert watched.receive(mail("Hi"), BOX.replace("@", f"+{token}@"))["outcome"] == "new"


def test_an_old_probe_does_not_hide_that_new_ones_stay_away(watched: Gateway, relay: Relay) -> None:
    for minutes in (0, 10):
        tick(watched, NOW + timedelta(minutes=minutes))
    come_back(watched, relay.sent[0])
    for minutes in (20, 26):
        tick(watched, NOW + timedelta(minutes=minutes))
    again = Mail("", BOX, relay.sent[0].content.replace(b"Nobody", b"Nobody at all"))
    assert come_back(watched, again)["reason"] == "probe"
    tick(watched, NOW + timedelta(minutes=27))
    assert state(watched, NOW + timedelta(minutes=27)).late


def test_without_the_setting_nothing_is_sent(any_gateway: Gateway, relay: Relay) -> None:
    tick(any_gateway, NOW)
    assert relay.sent == []


def test_a_relay_that_only_writes_mails_can_have_none(tmp_path: Path) -> None:
    (tmp_path / "postern.toml").write_text("[canary]\nevery = 10\n")
    with pytest.raises(ConfigError, match=r"postern\.toml: canary\.every: probes need a relay that sends"):
        load(tmp_path / "postern.toml")


@pytest.mark.slow
@pytest.mark.threat(96)
def test_probes_go_round_a_whole_gateway_that_is_its_own_relay(tmp_path: Path) -> None:
    gateway = Running(tmp_path, "hosting", POSTERN_CANARY__EVERY="1")
    gateway.environment["POSTERN_RELAY__URL"] = f"smtp://127.0.0.1:{gateway.smtp_port}?tls=off"
    with gateway:
        gateway.wait_until(
            lambda: all(
                one["seconds_to_ticket"] is not None
                for one in gateway.health().get("probes", [{"seconds_to_ticket": None}])
            ),
            90,
        )
        assert gateway.healthy()
        assert gateway.json("tickets") == [] == gateway.json("outbox")
        assert {row["reason"] for row in gateway.json("journal")} == {"probe"}
