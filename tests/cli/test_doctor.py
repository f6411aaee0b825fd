"""`postern doctor`: what is wrong is named, with what to change."""

from __future__ import annotations

import json
import socket
import ssl
from pathlib import Path

import pytest
import trustme
from typer.testing import CliRunner

from gateway.cli import app, checkup
from gateway.cli.checkup import Check
from store.config import Config
from store.settings import DkimSection, RelaySection, StoreSection
from tests.conftest import installation
from tests.fakes import FakeRelay
from tests.proof.world import Zone, key

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")
PEM, RECORD = key()
GOOD = {
    ("helped.org", "MX"): ("10 mx.helped.org",),
    ("helped.org", "TXT"): ("other", "v=spf1 mx -all"),
    ("_dmarc.helped.org", "TXT"): ("v=DMARC1; p=reject",),
    ("s._domainkey.helped.org", "TXT"): (RECORD,),
}


def with_relay(config: Config, **relay: object) -> Config:
    settings = config.settings.model_copy(update={"relay": RelaySection(**relay)})  # type: ignore[arg-type]
    return Config(settings, config.folder, config.file)


@pytest.fixture
def signing(config: Config) -> Config:
    (config.folder / "key.pem").write_bytes(PEM)
    return with_relay(config, dkim=(DkimSection(domain="helped.org", selector="s", key=Path("key.pem")),))


def states(config: Config, records: dict[tuple[str, str], tuple[str, ...] | None]) -> dict[str, str]:
    return {one.name.split()[0]: one.state for one in checkup.check_domain(config, "helped.org", Zone(records))}


def test_a_domain_that_is_well(signing: Config) -> None:
    assert states(signing, dict(GOOD)) == {"MX": "ok", "SPF": "ok", "DMARC": "ok", "DKIM": "ok"}


@pytest.mark.parametrize(
    ("place", "record", "name", "state"),
    [
        (("helped.org", "MX"), (), "MX", "warn"),
        (("helped.org", "TXT"), ("other",), "SPF", "warn"),
        (("helped.org", "TXT"), ("v=spf1 a -all", "v=spf1 mx -all"), "SPF", "fail"),
        (("helped.org", "TXT"), None, "SPF", "warn"),
        (("_dmarc.helped.org", "TXT"), (), "DMARC", "warn"),
        (("s._domainkey.helped.org", "TXT"), (), "DKIM", "fail"),
        (("s._domainkey.helped.org", "TXT"), (key(1024)[1],), "DKIM", "fail"),
    ],
)
def test_what_is_wrong_with_a_domain_is_named(
    place: tuple[str, str], record: tuple[str, ...] | None, name: str, state: str, signing: Config
) -> None:
    told = states(signing, GOOD | {place: record})
    assert told.pop(name) == state and set(told.values()) == {"ok"}


def test_a_domain_nobody_signs_for_and_one_for_tests(config: Config) -> None:
    assert states(config, dict(GOOD))["DKIM"] == "warn"
    (only,) = checkup.check_domain(config, "desk.test", Zone())
    assert only.state == "warn" and "domain for tests" in only.found


@pytest.mark.threat(97)
@pytest.mark.parametrize(
    ("version", "state"),
    [
        ((3, 11, 14), "warn"),
        ((3, 11, 15), "ok"),
        ((3, 12, 13), "warn"),
        ((3, 14, 3), "ok"),
        ((3, 15, 0), "ok"),
        ((3, 10, 99), "warn"),
    ],
)
def test_python_versions(version: tuple[int, int, int], state: str) -> None:
    assert checkup.check_python(version).state == state


@pytest.mark.threat(89)
@pytest.mark.parametrize(
    ("version", "state"),
    [
        ((3, 40, 1), "warn"),
        ((3, 44, 6), "ok"),
        ((3, 50, 6), "warn"),
        ((3, 50, 7), "ok"),
        ((3, 51, 2), "warn"),
        ((3, 51, 3), "ok"),
        ((3, 52, 0), "ok"),
    ],
)
def test_sqlite_versions(version: tuple[int, int, int], state: str) -> None:
    assert checkup.check_sqlite(version).state == state


def test_the_store(config: Config, tmp_path: Path, gateway: object) -> None:
    assert checkup.check_database(config).state == "ok"
    new = installation(tmp_path / "new", ("hosting",))
    new.prepare()
    assert checkup.check_database(new) == Check("store", "ok", "is empty and is made at the first start")
    settings = config.settings.model_copy(
        update={"store": StoreSection(database="postgresql+psycopg://postgres@127.0.0.1:1/none")}
    )
    told = checkup.check_database(Config(settings, config.folder, config.file))
    assert told.state == "fail" and "none" not in told.advice


def test_the_queue() -> None:
    assert checkup.check_queue("local").state == "ok"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert checkup.check_queue(f"redis://127.0.0.1:{port}/0").state == "ok"
    assert checkup.check_queue(f"redis://127.0.0.1:{port}/0").state == "warn"


@pytest.mark.threat(77)
def test_the_relay_is_tried_as_the_worker_does_it_and_gets_no_mail(config: Config) -> None:
    ca = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    ca.issue_cert("127.0.0.1").configure_cert(server)
    ca.configure_trust(client)
    with FakeRelay(tls=server, login=("desk", "right")) as relay:
        for password, state, words in [("right", "ok", "login"), ("wrong", "fail", "refused the login: 535")]:
            asked = with_relay(config, url=f"smtp://desk:{password}@127.0.0.1:{relay.port}?tls=required")
            told = checkup.check_relay(asked, client)
            assert told.state == state and words in told.found and password not in told.found
        told = checkup.check_relay(with_relay(config, url=f"smtp://127.0.0.1:{relay.port}?tls=required"))
        assert told.state == "fail" and "certificate not believed" in told.found
        assert relay.mails == [] and "MAIL" not in relay.verbs()
    assert checkup.check_relay(with_relay(config, url=f"smtp://127.0.0.1:{relay.port}")).state == "fail"
    assert checkup.check_relay(config).state == "warn"


@pytest.mark.parametrize(
    ("url", "state"),
    [("http://127.0.0.1:8080", "warn"), ("http://desk.example", "warn"), ("https://desk.example", "ok")],
)
def test_the_base_url(url: str, state: str) -> None:
    assert checkup.check_base_url(url).state == state


def test_the_command_says_all_and_exits_1_when_something_fails(config: Config) -> None:
    told = CliRunner().invoke(app, ["doctor", "--json", "--config", str(config.file)])
    assert told.exit_code == 0
    assert {"configuration", "Python", "SQLite", "store", "queue", "relay"} <= {
        one["name"] for one in json.loads(told.stdout)
    }
    (config.folder / "desks/hosting.toml").write_text("name = 1")
    told = CliRunner().invoke(app, ["doctor", "--config", str(config.file)])
    assert told.exit_code == 1 and told.stdout.startswith("fail  configuration: ")
