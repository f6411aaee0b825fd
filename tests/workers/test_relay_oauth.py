"""A relay that wants a token instead of a password (RFC 4954, RFC 7628)."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.config import Config
from store.errors import ConfigError, Temporary
from store.settings import OauthSection, RelaySection
from tests.conftest import installation
from workers.compose import Mail
from workers.relay import open_relay, read_account
from workers.relay_session import Account, Patience
from workers.relay_smtp import SmtpRelay

MAIL = Mail("bounces@desk.test", "anna@cust.test", b"Subject: x\r\n\r\nx\r\n")


class Relay:
    """Says what a relay says; logs in who shows the right token."""

    def __init__(self, offers: str) -> None:
        self.offers, self.shown, self.taken = offers, "", 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            while True:
                peer, _ = self._listening.accept()
                with peer, peer.makefile("rwb", buffering=0) as line:
                    self._talk(line)
        except OSError:
            pass

    def _talk(self, line: socket.SocketIO) -> None:
        line.write(b"220 relay\r\n")
        while words := line.readline().decode().split():
            verb = words[0].upper()
            answer = "250 ok"
            if verb == "EHLO":
                answer = f"250-relay\r\n250 AUTH PLAIN {self.offers}"
            elif verb == "AUTH":
                self.shown = f"{words[1]} {base64.b64decode(words[2]).decode()}"
                answer = "235 welcome"
                if "Bearer good\1" not in self.shown:
                    line.write(b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n")
                    line.readline()
                    answer = "535 5.7.8 no"
            elif verb == "DATA":
                line.write(b"354 go\r\n")
                while line.readline() != b".\r\n":
                    pass
                self.taken += 1
            elif verb == "QUIT":
                answer = "221 bye"
            line.write(answer.encode() + b"\r\n")

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def relay(request: pytest.FixtureRequest) -> Iterator[Relay]:
    made = Relay(getattr(request, "param", "XOAUTH2"))
    yield made
    made.close()


def account(relay: Relay, token: str) -> Account:
    return Account("127.0.0.1", relay.port, "off", "support@desk.test", token=lambda: token)


@pytest.mark.parametrize(
    ("relay", "shown"),
    [
        ("XOAUTH2", "XOAUTH2 user=support@desk.test\1auth=Bearer good\1\1"),
        ("OAUTHBEARER XOAUTH2", "OAUTHBEARER n,a=support@desk.test,\1auth=Bearer good\1\1"),
    ],
    indirect=["relay"],
)
def test_a_mail_is_handed_over_with_a_token(relay: Relay, shown: str) -> None:
    sending = SmtpRelay(account(relay, "good"), Patience(5, 5, 5, 5))
    assert sending.send(MAIL).startswith("250")
    sending.close()
    assert (relay.shown, relay.taken) == (shown, 1)


@pytest.mark.parametrize("relay", ["XOAUTH2", "OAUTHBEARER"], indirect=True)
def test_a_token_that_is_refused_is_tried_again_later(relay: Relay) -> None:
    sending = SmtpRelay(account(relay, "old"), Patience(5, 5, 5, 5))
    with pytest.raises(Temporary, match=r"refused the login: 535 5\.7\.8 no"):
        sending.send(MAIL)
    sending.close()


def test_the_settings_name_the_login(tmp_path: Path, relay: Relay) -> None:
    base = installation(tmp_path, ("hosting",))
    login = OauthSection(name="office", provider="microsoft", client_id="app")

    def relay_of(url: str, oauth: str) -> object:
        section = RelaySection(url=url, oauth=oauth)
        settings = base.settings.model_copy(update={"relay": section, "oauth": (login,)})
        return open_relay(Config(settings, tmp_path, base.file))

    url = f"smtp://support%40desk.test@127.0.0.1:{relay.port}?tls=off"
    with pytest.raises(ConfigError, match=r"relay\.oauth: .*'other'; there are office"):
        relay_of(url, "other")
    with pytest.raises(ConfigError, match=r"relay\.url: with relay\.oauth"):
        relay_of(f"smtp://127.0.0.1:{relay.port}", "office")
    with pytest.raises(Temporary, match="run `postern login office`"):
        relay_of(url, "office").send(MAIL)  # type: ignore[attr-defined]
    assert read_account(url).token is None
