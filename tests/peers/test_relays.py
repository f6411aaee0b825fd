"""Our mail through a real Postfix and a real Exim: over TLS and with a login, or not at all (threats 77)."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from store.errors import Temporary
from tests.harness import mail
from tests.peers.documents import Document
from tests.peers.exim import Exim, needs_exim
from tests.peers.postfix import Postfix, needs_postfix
from tests.peers.sasl import Sasl
from tests.running import Running
from workers.compose import Mail
from workers.relay import read_account
from workers.relay_smtp import SmtpRelay

pytestmark = pytest.mark.slow
LETTER = Mail(
    "support+b1@example.com", "anna@cust.test",
    b"Message-ID: <1@example.com>\r\nSubject: hello\r\n\r\n.starts with a dot\r\nend\r\n",
)  # fmt: skip
AWAY = "relay_domains = cust.test\ntransport_maps = inline:{ cust.test=discard: }\n"
SUBMISSION = """
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {folder}/cert.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{port}
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
"""


@contextmanager
def submission(name: str = "127.0.0.1") -> Iterator[tuple[Postfix, Sasl, trustme.CA]]:
    """A Postfix that takes mail of users alone, over TLS, with a certificate for this name."""
    ca = trustme.CA()
    with Sasl("desk", "secret") as sasl:
        postfix = Postfix()
        certificate = ca.issue_cert(name)
        certificate.cert_chain_pems[0].write_to_path(postfix.folder / "cert.pem")
        certificate.private_key_pem.write_to_path(postfix.folder / "key.pem")
        postfix.main = AWAY + SUBMISSION.format(folder=postfix.folder, port=sasl.port)
        with postfix:
            yield postfix, sasl, ca


def relay_to(postfix: Postfix, trust: trustme.CA | None) -> SmtpRelay:
    context = ssl.create_default_context()
    if trust:
        trust.configure_trust(context)
    page = Document("postfix", {"mail.example.com:587": f"127.0.0.1:{postfix.port}", "desk:password": "desk:secret"})
    url = page.block("The way out", "toml").splitlines()[-1].partition("=")[2].strip(' "')
    assert "tls=required" in url
    return SmtpRelay(read_account(url), context=context)


@needs_postfix
def test_a_mail_leaves_over_tls_with_the_login(tmp_path: Path) -> None:
    with submission() as (postfix, _sasl, ca):
        relay = relay_to(postfix, ca)
        assert relay.send(LETTER).startswith("250 2.0.0 Ok: queued as")
        relay.close()
        postfix.wait_until_empty(60)
        assert "sasl_username=desk" in postfix.log()
        assert [one.status for one in postfix.deliveries()] == ["sent"]


@needs_postfix
@pytest.mark.threat(77)
@pytest.mark.parametrize(("name", "trusted"), [("127.0.0.1", False), ("other.test", True)])
def test_to_a_server_with_another_certificate_nothing_is_said(name: str, trusted: bool) -> None:
    with submission(name) as (postfix, _sasl, ca):
        with pytest.raises(Temporary, match="certificate not believed"):
            relay_to(postfix, ca if trusted else None).send(LETTER)
        assert "client=" not in postfix.log() and "mail=" not in postfix.log() and "auth=" not in postfix.log()


@needs_postfix
@pytest.mark.threat(77)
def test_to_a_server_without_starttls_nothing_is_said() -> None:
    with Postfix(AWAY) as postfix:
        with pytest.raises(Temporary, match="no STARTTLS, which tls=required asks for"):
            relay_to(postfix, None).send(LETTER)
        assert "client=" not in postfix.log() and "mail=" not in postfix.log()


@needs_postfix
@pytest.mark.threat(77)
def test_a_login_that_has_expired_is_said_on_the_row(tmp_path: Path) -> None:
    with submission() as (postfix, sasl, ca):
        ca.cert_pem.write_to_path(tmp_path / "ca.pem")
        sasl.password = "renewed"
        url = f"smtp://desk:secret@127.0.0.1:{postfix.port}?tls=required"
        gateway = Running(tmp_path / "desk", "hosting", relay=url, SSL_CERT_FILE=str(tmp_path / "ca.pem"))
        with gateway:
            gateway.send(mail(), "anna@cust.test", "support@desk.test")
            gateway.wait_until(lambda: any(row["state"] == "deferred" for row in gateway.json("outbox")))
            (row,) = [row for row in gateway.json("outbox") if row["recipient"] == "anna@cust.test"]
            assert row["reply"].startswith("the relay refused the login: 535 5.7.8")
            assert "secret" not in gateway.log() and postfix.deliveries() == []
            assert gateway.health()["relay"]["trouble"].startswith("the relay refuses our login, or wants one; correct")


@needs_postfix
def test_a_postfix_of_the_same_machine_takes_mail_whatever_its_certificate() -> None:
    page = Document("postfix")
    postfix = Postfix(AWAY)
    certificate = trustme.CA().issue_cert("whatever.test")
    certificate.cert_chain_pems[0].write_to_path(postfix.folder / "cert.pem")
    certificate.private_key_pem.write_to_path(postfix.folder / "key.pem")
    postfix.main += f"smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {postfix.folder}/cert.pem\n"
    postfix.main += f"smtpd_tls_key_file = {postfix.folder}/key.pem\n"
    with postfix:
        assert_takes(page, postfix.port)
        postfix.wait_until_empty(60)


@needs_exim
def test_an_exim_of_the_same_machine_takes_mail() -> None:
    router = "away:\n  driver = accept\n  domains = cust.test\n  transport = away\n"
    transport = "away:\n  driver = appendfile\n  file = /dev/null\n  user = nobody\n"
    with Exim("rcpt:\n  accept hosts = 127.0.0.1\n", router, transport) as exim:
        assert_takes(Document("exim"), exim.port)
        exim.wait_until_empty(60)


def assert_takes(page: Document, port: int) -> None:
    url = page.block("The way out", "toml").splitlines()[1].partition("=")[2].strip(' "').replace(":25", f":{port}")
    relay = SmtpRelay(read_account(url))
    assert relay.send(LETTER).startswith("250 ")
    relay.close()
