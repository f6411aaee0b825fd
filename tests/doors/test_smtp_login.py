"""Signing in at the SMTP door: staff alone, over TLS alone, and they write as themselves (RFC 4954, threats 40 and 68)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from gateway import throttle
from gateway.smtp import Door, background
from store.config import Config, load
from store.database import Store
from store.errors import ConfigError
from store.journal import last_id, rows_after
from store.ledgers import explain
from tests.conftest import installation
from tests.doors.client import Peer
from tests.harness import Gateway
from tests.stores import opened

PEOPLE = {
    "people": [
        {"email": "anna@cust.test", "name": "Anna", "password": "annas password"},
        {"email": "gina@desk.test", "name": "Gina", "also": ["gina@home.test"]},
    ],
    "agents": [
        {"email": "gina@desk.test", "name": "Gina", "desk": "hosting", "password": "ginas password"},
        {"email": "mute@desk.test", "name": "Mute", "desk": "hosting"},
        {"email": "busy@desk.test", "name": "Busy", "desk": "hosting", "password": "busys password"},
    ],
}
House = tuple[Door, Gateway]


def signing(folder: Path) -> Config:
    certificate = trustme.CA().issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    installation(folder, ("hosting",))
    smtp = '[smtp]\nlisten = "127.0.0.1:0"\nauth = true\ntls_cert = "cert.pem"\ntls_key = "key.pem"\n'
    (folder / "postern.toml").write_text(smtp)
    return load(folder / "postern.toml")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all: its passwords take a second to store."""
    config = signing(tmp_path_factory.mktemp("login"))
    with opened(config) as store:
        gateway = Gateway(config, store)
        gateway.load(**PEOPLE)
        with background(config, store, grace=0.5) as door:
            yield door, gateway


def plain(address: str, password: str) -> str:
    return "AUTH PLAIN " + base64.b64encode(f"\0{address}\0{password}".encode()).decode()


def mail(sender: str) -> bytes:
    return f"From: {sender}\r\nTo: support@desk.test\r\nSubject: x\r\nMessage-ID: <1@x.test>\r\n\r\nhello\r\n".encode()


class Secure(Peer):
    """A peer behind STARTTLS."""

    def __init__(self, door: Door) -> None:
        super().__init__(door.address)
        assert self.ask("EHLO c", "STARTTLS")[1].startswith("220 ")
        self.start_tls()
        self.told = self.ask("EHLO c")[0]

    def post(self, envelope: str, content: bytes) -> list[str]:
        told = self.ask(f"MAIL FROM:<{envelope}>", "RCPT TO:<support@desk.test>", "DATA")
        if told[2].startswith("354"):
            self.raw(content + b".\r\n")
            told.append(self.reply())
        return told


def rows(gateway: Gateway, start: int) -> list[tuple[str, str]]:
    return [(row.door, row.sender) for row in rows_after(gateway.store, start, 99)]


@pytest.mark.threat(40)
def test_a_mail_of_who_signed_in_needs_no_other_proof(house: House) -> None:
    door, gateway = house
    start = last_id(gateway.store)
    with Secure(door) as peer:
        assert "250-AUTH PLAIN LOGIN" in peer.told
        assert peer.ask(plain("Gina@desk.test", "ginas password"))[0].startswith("235 2.7.0")
        assert peer.post("gina@desk.test", mail("Gina <gina@home.test>"))[-1].startswith("250 ")
        assert peer.ask(plain("gina@desk.test", "ginas password"))[0].startswith("503 ")
    assert rows(gateway, start) == [("submission", "gina@desk.test")]
    gateway.file()
    told = {one["signal"]: one["value"] for one in explain(gateway.store, gateway.config, start + 1)["signals"]}
    assert (told["checked by"], told["dmarc"]) == ("submission", "pass")


@pytest.mark.parametrize(
    "sender", ["anna@cust.test", "gina@desk.test, anna@cust.test", "Anna <anna@cust.test> <gina@desk.test>", ""]
)
@pytest.mark.threat(40)
def test_nobody_writes_as_somebody_else(sender: str, house: House) -> None:
    door, gateway = house
    start = last_id(gateway.store)
    with Secure(door) as peer:
        peer.ask(plain("gina@desk.test", "ginas password"))
        assert peer.post("gina@desk.test", mail(sender))[-1].startswith("553 5.7.1 ")
        assert peer.ask("MAIL FROM:<anna@cust.test>")[0].startswith("553 5.7.1 ")
    assert rows(gateway, start) == []


@pytest.mark.threat(68)
def test_who_is_no_staff_or_has_no_password_is_told_the_same_as_with_a_wrong_one(house: House) -> None:
    door, gateway = house
    start = last_id(gateway.store)
    tries = [
        ("anna@cust.test", "annas password"), ("mute@desk.test", ""), ("gina@desk.test", "wrong"), ("nobody@x.test", "x"),
        ("x\x01@y.test", "x"), ("a" * 500 + "@y.test", "x"),
    ]  # fmt: skip
    with Secure(door) as peer:
        told = {peer.ask(plain(*one))[0] for one in tries}
        assert told == {"535 5.7.8 address and password do not belong together"}
        assert peer.post("gina@desk.test", mail("gina@desk.test"))[-1].startswith("250 ")
    assert rows(gateway, start) == [("smtp", "gina@desk.test")]  # as anybody's, with whatever proof it brings


@pytest.mark.threat(77)
def test_no_password_is_taken_in_clear(house: House) -> None:
    with Peer(house[0].address) as peer:
        assert "AUTH" not in peer.ask("EHLO c")[0]
        assert peer.ask(plain("gina@desk.test", "ginas password"))[0].startswith("538 5.7.11 ")


@pytest.mark.threat(68)
def test_too_many_tries_wait_whatever_their_password(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "PER_ACCOUNT", 2)
    with Secure(house[0]) as peer:
        told = [peer.ask(plain("busy@desk.test", f"wrong {number}"))[0][:3] for number in range(2)]
        assert set(told) == {"535"}
        assert peer.ask(plain("busy@desk.test", "busys password"))[0].startswith("454 4.7.0 ")
    assert "wrong 1" not in caplog.text and "busy" not in caplog.text


def test_login_and_plain_by_challenge(house: House) -> None:
    address, password = (base64.b64encode(word).decode() for word in (b"gina@desk.test", b"ginas password"))
    with Secure(house[0]) as peer:
        assert [reply[:4] for reply in (*peer.ask("AUTH LOGIN"), *peer.ask(address), *peer.ask(password))] == [
            "334 ", "334 ", "235 "
        ]  # fmt: skip
    with Secure(house[0]) as peer:
        whole = base64.b64encode(b"\0gina@desk.test\0ginas password").decode()
        assert [reply[:4] for reply in (*peer.ask("AUTH PLAIN"), *peer.ask(whole))] == ["334 ", "235 "]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("AUTH", "504 "), ("AUTH CRAM-MD5", "504 "), ("AUTH PLAIN ====", "501 "), ("AUTH PLAIN eA==", "501 "),
        ("AUTH PLAIN a b", "504 "), ("AUTH PLAIN /////w==", "501 "), ("AUTH PLAIN =", "501 "),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_and_ends_nothing(said: str, answer: str, house: House) -> None:
    with Secure(house[0]) as peer:
        assert peer.ask(said, "NOOP")[0].startswith(answer)


def test_a_sign_in_that_is_given_up_is_501(house: House) -> None:
    with Secure(house[0]) as peer:
        peer.ask("AUTH LOGIN")
        assert peer.ask("*", "NOOP") == ["501 5.7.0 Auth aborted", "250 OK"]


def test_without_tls_the_setting_stops_the_start(config: Config, store: Store) -> None:
    (config.folder / "postern.toml").write_text('[smtp]\nlisten = "127.0.0.1:0"\nauth = true\n')
    with pytest.raises(ConfigError, match=r"smtp\.auth: needs tls_cert"), background(load(config.file), store):
        pass


def test_where_it_is_off_nobody_signs_in(config: Config, store: Store) -> None:
    smtp = config.settings.smtp.model_copy(update={"listen": "127.0.0.1:0"})
    plain_house = Config(config.settings.model_copy(update={"smtp": smtp}), config.folder, config.file)
    with background(plain_house, store, grace=0.5) as door, Peer(door.address) as peer:
        assert peer.ask("EHLO c", plain("gina@desk.test", "x"))[1].startswith("502 ")
