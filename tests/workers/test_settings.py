"""Which relay and which broker a configuration names."""

from __future__ import annotations

from pathlib import Path

import pytest
from dramatiq.brokers.stub import StubBroker

from store.config import Config
from store.errors import ConfigError
from store.settings import QueueSection, RelaySection, Settings
from workers.broker import open_broker
from workers.relay import PacedRelay, open_relay, read_account
from workers.relay_maildir import MaildirRelay
from workers.relay_session import Account
from workers.worker import Share


def config(folder: Path, relay: str = "maildir:", broker: str = "local", per_second: float | None = None) -> Config:
    settings = Settings(relay=RelaySection(url=relay, per_second=per_second), queue=QueueSection(broker=broker))
    return Config(settings, folder, folder / "postern.toml")


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("smtp://relay.test", Account("relay.test", 25, "auto")),
        ("smtp://relay.test:26?tls=off", Account("relay.test", 26, "off")),
        ("smtp://a%40b:p%2F%3A@relay.test/?tls=required", Account("relay.test", 587, "required", "a@b", "p/:")),
        ("smtps://u:p@[::1]:465", Account("::1", 465, "implicit", "u", "p")),
        ("smtps://relay.test", Account("relay.test", 465, "implicit")),
    ],
)
def test_a_relay_url_is_read(url: str, account: Account) -> None:
    assert read_account(url) == account


@pytest.mark.parametrize(
    "url",
    [
        "relay.test:25", "http://relay.test", "smtp://", "smtp://u:geheim@relay.test:port", "smtp://u:geheim@relay.test?tls=maybe",
        "smtps://u:geheim@relay.test?tls=off", "smtp://relay.test?tsl=off", "smtp://relay.test/path", "smtp://u:gehe%C3%ADm@h",
    ],
)  # fmt: skip
def test_a_wrong_relay_url_names_file_and_key_and_never_the_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_relay(config(tmp_path, url))
    assert str(caught.value).startswith(f"{tmp_path / 'postern.toml'}: relay.url: ")
    assert "gehe" not in str(caught.value)


def test_a_password_is_not_in_the_accounts_text() -> None:
    assert "secret" not in repr(read_account("smtp://u:secret@relay.test"))


def test_a_maildir_is_in_data_or_where_it_is_named(tmp_path: Path) -> None:
    relay = open_relay(config(tmp_path))
    named = open_relay(config(tmp_path, "maildir:elsewhere"))
    assert isinstance(relay, MaildirRelay) and isinstance(named, MaildirRelay)
    assert (relay.folder, named.folder) == (tmp_path / "var" / "mail", tmp_path / "elsewhere")


def test_a_speed_limit_wraps_the_relay(tmp_path: Path) -> None:
    assert isinstance(open_relay(config(tmp_path, per_second=2)), PacedRelay)


@pytest.mark.parametrize(("connections", "each"), [(1, [1]), (2, [1, 1]), (3, [2, 1]), (4, [2, 2]), (7, [4, 3])])
def test_workers_share_the_connections_of_the_relay(connections: int, each: list[int]) -> None:
    assert [Share(number, len(each)).of_connections(connections) for number in range(len(each))] == each


def test_workers_share_what_a_relay_takes_a_second(tmp_path: Path) -> None:
    paced = open_relay(config(tmp_path, per_second=4), 0.25)
    assert isinstance(paced, PacedRelay)
    assert paced.pace.gap == 1


def test_each_row_is_one_workers_and_the_others_help_out_when_they_have_none() -> None:
    ids = list(range(100, 160))
    first, second = (Share(number, 2).of_rows(ids) for number in range(2))
    assert sorted(first + second) == ids
    assert Share(0, 2).of_rows(second) == second
    assert Share().of_rows(ids) == ids


def test_the_local_broker_is_in_this_process(tmp_path: Path) -> None:
    assert isinstance(open_broker(config(tmp_path)), StubBroker)


@pytest.mark.parametrize("url", ["kafka://x", "localhost:6379", ""])
def test_a_wrong_broker_names_file_and_key(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"postern.toml: queue.broker: expected local, redis://… or amqp://…"):
        open_broker(config(tmp_path, broker=url))


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://guest:guest@127.0.0.1:1"])
def test_a_broker_that_is_down_does_not_stop_the_start(tmp_path: Path, url: str) -> None:
    broker = open_broker(config(tmp_path, broker=url))
    assert [type(part).__name__ for part in broker.middleware] == ["StaleHints"]
    broker.close()
