"""Logins that give tokens: kept closely, renewed in good time, and shown to IMAP servers and relays."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from store import alarms
from store.config import Config
from store.errors import ConfigError, Permanent, Temporary
from store.oauth import Access, open_access
from store.oauth.access import NeedsLogin
from store.settings import OauthSection
from tests.conftest import installation
from tests.doors.imap_house import house, hurry
from tests.fake_imap import Served
from tests.fakes import until
from tests.oauth_server import LoginServer


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoginServer]:
    with LoginServer(tmp_path) as running:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running.ca))
        yield running


def access(folder: Path, server: LoginServer, provider: str, secret: bool = True, **more: Any) -> Access:
    config = installation(folder, ("hosting",))
    (folder / "client").write_text("client secret\n")
    section = OauthSection(
        name="office", provider=provider, client_id="app", authority=server.url,  # type: ignore[arg-type]
        client_secret_file=Path("client") if secret else None, **more,
    )  # fmt: skip
    return open_access(config, section)


def agree(server: LoginServer, giving: Access) -> None:
    """A person's part of Google's login."""
    said: list[str] = []

    def ask(_prompt: str) -> str:
        url = next(word for word in "\n".join(said).split() if word.startswith("https://"))
        asked = parse_qs(urlsplit(url).query)
        assert asked["access_type"] == ["offline"] and asked["scope"] == ["https://mail.google.com/"]
        return f"{asked['redirect_uri'][0]}?state={asked['state'][0]}&code=agreed"

    giving.login(said.append, ask)


def test_the_application_logs_in_by_itself_at_microsoft(server: LoginServer, tmp_path: Path) -> None:
    giving = access(tmp_path, server, "microsoft", tenant="example.com")
    assert giving.token() == giving.token() == "token-1"
    (asked,) = server.asked
    assert (asked["grant_type"], asked["scope"]) == ("client_credentials", "https://outlook.office365.com/.default")
    assert asked["client_secret"] == "client secret"


@pytest.mark.slow
def test_a_person_logs_in_with_a_code_at_microsoft_and_the_token_is_renewed_early(
    server: LoginServer, tmp_path: Path
) -> None:
    giving = access(tmp_path, server, "microsoft", secret=False)
    with pytest.raises(NeedsLogin, match="run `postern login office`"):
        giving.token()
    said: list[str] = []
    giving.login(said.append, lambda _: "")
    assert said == ["Open the page and type ABCD-EFGH"]
    assert giving.token() == "token-1"
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=56)):
        assert giving.token() == "token-2"
        assert server.asked[-1]["grant_type"] == "refresh_token"
    server.refuse = "invalid_grant"
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=3)), pytest.raises(NeedsLogin, match="invalid_grant"):
        giving.token()


def test_a_person_agrees_once_for_gmail_and_the_token_is_renewed_early(server: LoginServer, tmp_path: Path) -> None:
    giving = access(tmp_path, server, "google")
    with pytest.raises(NeedsLogin):
        giving.token()
    agree(server, giving)
    assert server.asked[-1]["code"] == "agreed" and server.asked[-1]["code_verifier"]
    assert giving.token() == "token-1"
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=52)):
        server.down = True
        assert giving.token() == "token-1"  # there are some minutes left
        server.down = False
        assert giving.token() == "token-2"
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=3)):
        server.refuse = "invalid_grant"
        with pytest.raises(NeedsLogin, match="no longer good"):
            giving.token()
        server.down = True
        with pytest.raises(Temporary):
            giving.token()


def test_an_address_of_somewhere_else_is_no_login(server: LoginServer, tmp_path: Path) -> None:
    giving = access(tmp_path, server, "google")
    for answer in ("https://x.test/?code=a&state=other", "nonsense", "http://127.0.0.1:1/?error=access_denied"):
        with pytest.raises(Permanent, match="not the address"):
            giving.login(lambda _: None, lambda _, answer=answer: answer)  # type: ignore[misc]


@pytest.mark.slow
@pytest.mark.threat(99)
@pytest.mark.threat(94)
def test_what_is_kept_of_a_login_is_for_its_owner_alone(server: LoginServer, tmp_path: Path, caplog: Any) -> None:
    caplog.set_level(1)
    giving = access(tmp_path, server, "google")
    agree(server, giving)
    giving.token()
    for file in (tmp_path / "var" / "oauth").glob("*.json"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "var" / "oauth").stat().st_mode) == 0o700
    for canary in ("token-1", "refresh-1", "client secret"):
        assert canary not in caplog.text


@pytest.mark.slow
def test_people_are_told_before_a_secret_or_a_login_ends(server: LoginServer, tmp_path: Path) -> None:
    server.more = {"refresh_token_expires_in": 7 * 86400}
    section = OauthSection(
        name="gmail", provider="google", client_id="app", authority=server.url, client_secret_file=Path("client"),
        expires=date.today() + timedelta(days=60),
    )  # fmt: skip
    with house(tmp_path) as desk:
        (tmp_path / "client").write_text("secret")
        config = Config(desk.config.settings.model_copy(update={"oauth": (section,)}), tmp_path, desk.config.file)
        agree(server, open_access(config, section))
        told = []
        for days in (0, 4, 5.5, 6, 45, 50, 55):
            before = len(desk.outbox())
            for _ in alarms.watch(config, desk.store, datetime.now(UTC) + timedelta(days=days)):
                pass
            told.append(len(desk.outbox()) > before)
        assert told == [False, False, True, False, False, False, False]


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_a_mailbox_is_read_with_a_token(
    server: LoginServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mechanism: str
) -> None:
    for place, name, value in hurry():
        monkeypatch.setattr(place, name, value)
    section = OauthSection(
        name="office", provider="microsoft", client_id="app", authority=server.url, client_secret_file=Path("client"),
            tenant="example.com",
    )  # fmt: skip
    with Served() as imap, house(tmp_path, {"port": imap.port, "oauth": "office"}) as desk:
        imap.capabilities = ("IMAP4rev1", "IDLE", f"AUTH={mechanism}", "AUTH=XOAUTH2")
        imap.put(b"From: anna@cust.test\r\nSubject: by token\r\n\r\nHello\r\n")
        settings = desk.config.settings.model_copy(update={"oauth": (section,)})
        desk.config = Config(settings, tmp_path, desk.config.file)
        with desk.fetching():
            until(lambda: "client_secret_file" in desk.trouble(), 20, desk.trouble)
            (tmp_path / "client").write_text("secret")
            until(lambda: "the login was refused: [AUTHENTICATIONFAILED]" in desk.trouble(), 20, desk.trouble)
            imap.token = "token-1"
            desk.wait(1)
        assert f"AUTHENTICATE {mechanism}" in imap.heard


def test_an_application_that_logs_in_by_itself_names_its_directory() -> None:
    with pytest.raises(ValueError, match="needs tenant"):
        OauthSection(name="o", provider="microsoft", client_id="app", client_secret_file=Path("client"))


def test_only_the_name_of_an_oauth_is_one(tmp_path: Path) -> None:
    with house(tmp_path, {"oauth": "nobody"}) as desk, pytest.raises(ConfigError, match=r"imap.0.oauth: .*'nobody'"):
        _ = desk.config.imap
