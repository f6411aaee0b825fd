"""DKIM on what goes out: verified by dkimpy against the public key, equal in every copy, and a wrong key stops the start."""

from __future__ import annotations

import base64
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from nacl.signing import SigningKey

from store.config import load
from store.errors import ConfigError
from tests.fakes import DROP, Clock, FakeRelay
from tests.workers.bench import Bench, copies


def rsa_key(bits: int = 2048, form: str = "TraditionalOpenSSL") -> tuple[bytes, bytes]:
    """A private key in PEM, and the record of its public key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    private = key.private_bytes(
        serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def ed25519_key() -> tuple[bytes, bytes]:
    key = SigningKey.generate()
    return base64.b64encode(bytes(key)) + b"\n", b"v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(key.verify_key))


def configure(bench: Bench, fake: FakeRelay, key: bytes, domain: str = "desk.test") -> None:
    (bench.file.parent / "dkim.key").write_bytes(key)
    bench.configure(fake.url())
    table = f'[[relay.dkim]]\ndomain = "{domain}"\nselector = "s1"\nkey = "dkim.key"\n'
    bench.file.write_text(bench.file.read_text() + table)
    bench.config = load(bench.file)


def verified(content: bytes, record: bytes) -> bool:
    asked: list[bytes] = []

    def look_up(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return record

    return bool(dkim.verify(content, dnsfunc=look_up)) and asked == [b"s1._domainkey.desk.test."]


@pytest.mark.req("BR-04")
@pytest.mark.parametrize("key", [rsa_key(), rsa_key(1024, "PKCS8"), ed25519_key()], ids=["rsa", "pkcs8", "ed25519"])
def test_what_goes_out_is_signed(bench: Bench, fake: FakeRelay, key: tuple[bytes, bytes]) -> None:
    configure(bench, fake, key[0])
    bench.open_tickets()
    with bench.worker():
        bench.settled()
    (mail,) = fake.mails
    assert verified(mail.content, key[1])
    assert not verified(mail.content.replace(b"Subject: ", b"Subject: x"), key[1])
    assert not verified(mail.content + b"more\r\n", key[1])


@pytest.mark.threat(80)
def test_a_second_copy_has_the_same_signature(bench: Bench, fake: FakeRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    configure(bench, fake, rsa_key()[0])
    bench.open_tickets(now=clock)
    fake.script("dot", DROP)
    with bench.worker(now=clock):
        bench.settled("deferred")
        clock.advance(hours=3)
        monkeypatch.setattr("dkim.time.time", lambda: 2_000_000_000.0)
        bench.settled()
    assert len(fake.mails) == 2
    assert [len(same) for same in copies(fake).values()] == [1]
    assert b"DKIM-Signature: " in fake.mails[0].content


@pytest.mark.parametrize(("domain", "signs"), [("test", True), ("esk.test", False), ("other.test", False)])
def test_a_key_signs_for_its_domain_and_those_below(bench: Bench, fake: FakeRelay, domain: str, signs: bool) -> None:
    configure(bench, fake, ed25519_key()[0], domain)
    bench.open_tickets()
    with bench.worker():
        bench.settled()
    assert (b"DKIM-Signature: " in fake.mails[0].content) == signs


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "neither an RSA key in PEM nor an Ed25519 key in base64"),
        (b"c2hvcnQ=", "neither an RSA key in PEM nor an Ed25519 key in base64"),
        (b"-----BEGIN RSA PRIVATE KEY-----\nbm90IGEga2V5\n-----END RSA PRIVATE KEY-----\n", "no RSA private key in PEM"),
        (b"-----BEGIN CERTIFICATE-----\nbm90\n-----END CERTIFICATE-----\n", "no RSA private key in PEM"),
    ],
)  # fmt: skip
def test_a_wrong_key_stops_the_start_in_one_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "dkim.key").write_bytes(content)
    file = tmp_path / "postern.toml"
    file.write_text('[[relay.dkim]]\ndomain = "desk.test"\nselector = "s1"\nkey = "dkim.key"\n')
    with pytest.raises(ConfigError) as error:
        load(file)
    assert str(error.value).startswith(f"{file}: relay.dkim.0.key: {tmp_path / 'dkim.key'}: {said}")
    assert "\n" not in str(error.value)
