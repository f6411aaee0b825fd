"""The SMTP relay against a real server that answers as told."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import trustme

from store.errors import Permanent, Temporary
from tests.fakes import DROP, HANG, FakeRelay, until
from workers.compose import Mail
from workers.relay import Pace, read_account
from workers.relay_session import Patience
from workers.relay_smtp import SmtpRelay
from workers.retry import Unreachable

MAIL = Mail(
    "support+b1@desk.test", "anna@example.org",
    b"Message-ID: <1@desk.test>\r\nSubject: hello\r\n\r\n.starts with a dot\r\n..two\r\nend\r\n",
)  # fmt: skip
QUICK = Patience(connect=2, command=0.3, block=2, dot=0.3)


SYSTEM = ssl.create_default_context()  # shared: reading the system's certificates takes 40 ms


def open_to(fake: FakeRelay, query: str = "", patience: Patience = QUICK, trust: trustme.CA | None = None) -> SmtpRelay:
    return SmtpRelay(read_account(fake.url(query)), patience, client_context(trust) if trust else SYSTEM)


def client_context(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca.configure_trust(context)
    return context


def server_context(ca: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def fake() -> Iterator[FakeRelay]:
    with FakeRelay() as relay:
        yield relay


def test_a_mail_arrives_byte_for_byte_with_its_envelope(fake: FakeRelay) -> None:
    assert open_to(fake).send(MAIL) == "250 2.0.0 taken"
    (mail,) = fake.mails
    assert (mail.sender, mail.recipients, mail.content) == (MAIL.envelope_from, (MAIL.recipient,), MAIL.content)
    assert f"SIZE={len(MAIL.content)}" in mail.options


def test_the_null_sender_is_written_as_empty_brackets(fake: FakeRelay) -> None:
    open_to(fake).send(replace(MAIL, envelope_from=""))
    assert fake.mails[0].sender == ""


def test_many_mails_share_one_connection(fake: FakeRelay) -> None:
    relay = open_to(fake)
    for number in range(50):
        relay.send(replace(MAIL, recipient=f"p{number}@example.org"))
    assert [mail.recipients[0] for mail in fake.mails] == [f"p{number}@example.org" for number in range(50)]
    assert fake.connections == 1


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize("answer", ["421 4.3.2 not now", "451 4.7.1 greylisted", "450 4.2.1 busy"])
def test_4xx_at_any_stage_is_temporary_and_the_next_attempt_makes_one_copy(
    fake: FakeRelay, stage: str, answer: str
) -> None:
    relay = open_to(fake)
    fake.script(stage, answer)
    with pytest.raises(Temporary, match=answer):
        relay.send(MAIL)
    assert fake.mails == []
    assert relay.send(MAIL).startswith("250")
    assert [mail.message_id for mail in fake.mails] == ["<1@desk.test>"]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.threat(73)
def test_5xx_about_a_mail_is_permanent_and_the_connection_serves_the_next(fake: FakeRelay, stage: str) -> None:
    relay = open_to(fake)
    fake.script(stage, "550 5.1.1 no such user")
    with pytest.raises(Permanent, match=r"^550 5\.1\.1 no such user$"):
        relay.send(MAIL)
    relay.send(MAIL)
    assert (len(fake.mails), fake.connections) == (1, 1)


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO"])
def test_5xx_before_any_mail_is_about_us_and_temporary(fake: FakeRelay, stage: str) -> None:
    fake.script(stage, "554 5.7.1 you are on a list")
    with pytest.raises(Temporary, match=r"554 5\.7\.1 you are on a list"):
        open_to(fake).send(MAIL)


def test_a_demand_for_a_login_is_temporary(fake: FakeRelay) -> None:
    fake.script("MAIL", "530 5.7.0 authentication required")
    with pytest.raises(Temporary, match="530"):
        open_to(fake).send(MAIL)


@pytest.mark.threat(74)
def test_one_refused_recipient_of_three_concerns_nobody_else(fake: FakeRelay) -> None:
    relay = open_to(fake)
    fake.script("RCPT", "550 5.1.1 gone", to="b@example.org")
    fake.script("RCPT", "451 4.7.1 later", to="c@example.org")
    outcomes = []
    for name in "abc":
        try:
            outcomes.append(relay.send(replace(MAIL, recipient=f"{name}@example.org"))[:3])
        except (Permanent, Temporary) as error:
            outcomes.append(type(error).__name__)
    assert outcomes == ["250", "Permanent", "Temporary"]


@pytest.mark.parametrize("silence", [HANG, DROP])
def test_silence_after_the_dot_is_temporary_because_nobody_knows(fake: FakeRelay, silence: str) -> None:
    relay = open_to(fake)
    fake.script("dot", silence)
    with pytest.raises(Temporary, match="did not say whether it took the mail") as caught:
        relay.send(MAIL)
    assert not isinstance(caught.value, Unreachable)
    relay.send(MAIL)
    first, second = fake.mails
    assert first.content == second.content


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("silence", [HANG, DROP])
def test_silence_before_the_dot_means_nothing_was_taken(fake: FakeRelay, stage: str, silence: str) -> None:
    patience = replace(QUICK, connect=0.3)
    fake.script(stage, silence)
    with pytest.raises(Unreachable):
        open_to(fake, patience=patience).send(MAIL)
    assert fake.mails == []


@pytest.mark.parametrize("words", [DROP, HANG, "421 4.4.2 idle too long"])
def test_a_kept_connection_that_died_meanwhile_costs_no_attempt(fake: FakeRelay, words: str) -> None:
    relay = open_to(fake)
    relay.send(MAIL)
    fake.script("MAIL", words)
    relay.send(MAIL)
    assert (len(fake.mails), fake.connections) == (2, 2)


def test_a_relay_that_was_restarted_costs_no_attempt(fake: FakeRelay) -> None:
    relay = open_to(fake)
    relay.send(MAIL)
    fake.stop()
    fake.start()
    relay.send(MAIL)
    assert len(fake.mails) == 2


def test_connection_refused_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="cannot be reached: Connection refused"):
        open_to(FakeRelay()).send(MAIL)


def test_close_ends_a_send_that_waits_for_an_answer(fake: FakeRelay) -> None:
    relay, ended = open_to(fake, patience=Patience()), []
    fake.script("dot", HANG)

    def send() -> None:
        with pytest.raises(Temporary):
            relay.send(MAIL)
        ended.append(True)

    thread = threading.Thread(target=send)
    thread.start()
    fake.wait(1)
    relay.close()
    thread.join(2)
    assert ended == [True]


# --- TLS and login ---

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")


def test_starttls_is_used_when_offered_and_the_name_fits(ca: trustme.CA) -> None:
    with FakeRelay(tls=server_context(ca, "127.0.0.1")) as fake:
        relay = open_to(fake, trust=ca)
        relay.send(MAIL)
        assert fake.verbs()[:3] == ["EHLO", "EHLO", "MAIL"]


def test_implicit_tls(ca: trustme.CA) -> None:
    with FakeRelay(implicit=server_context(ca, "127.0.0.1")) as fake:
        open_to(fake, trust=ca).send(MAIL)
        assert len(fake.mails) == 1


@pytest.mark.threat(77)
def test_required_tls_without_starttls_sends_nothing(fake: FakeRelay) -> None:
    with pytest.raises(Temporary, match="no STARTTLS"):
        open_to(fake, "?tls=required").send(MAIL)
    assert fake.verbs() == ["EHLO"]


@pytest.mark.parametrize("query", ["", "?tls=required"])
@pytest.mark.parametrize(("names", "trusted"), [(("127.0.0.1",), False), (("other.test",), True)])
@pytest.mark.threat(77)
def test_a_bad_certificate_sends_nothing(ca: trustme.CA, query: str, names: tuple[str, ...], trusted: bool) -> None:
    with FakeRelay(tls=server_context(ca, *names)) as fake:
        with pytest.raises(Temporary, match="certificate not believed"):
            open_to(fake, query, trust=ca if trusted else None).send(MAIL)
        assert "MAIL" not in fake.verbs()


def test_a_bad_certificate_with_implicit_tls_sends_nothing(ca: trustme.CA) -> None:
    with FakeRelay(implicit=server_context(ca, "127.0.0.1")) as fake:
        with pytest.raises(Temporary, match="certificate not believed"):
            open_to(fake).send(MAIL)
        assert fake.verbs() == []


def account_url(fake: FakeRelay, query: str = "", password: str = "p%40ss") -> str:
    return f"smtp://desk:{password}@127.0.0.1:{fake.port}{query}"


def test_login_goes_over_tls_only(ca: trustme.CA) -> None:
    with FakeRelay(tls=server_context(ca, "127.0.0.1"), login=("desk", "p@ss")) as fake:
        SmtpRelay(read_account(account_url(fake)), QUICK, client_context(ca)).send(MAIL)
        assert len(fake.mails) == 1


@pytest.mark.threat(77)
def test_a_password_is_not_sent_in_clear_when_starttls_was_stripped() -> None:
    with FakeRelay(login=("desk", "p@ss")) as fake:
        with pytest.raises(Temporary, match="not sent in clear"):
            SmtpRelay(read_account(account_url(fake)), QUICK).send(MAIL)
        assert fake.verbs() == ["EHLO"]
        SmtpRelay(read_account(account_url(fake, "?tls=off")), QUICK).send(MAIL)
        assert len(fake.mails) == 1


def test_a_wrong_password_is_temporary_and_never_told() -> None:
    with FakeRelay(login=("desk", "other")) as fake:
        relay = SmtpRelay(read_account(account_url(fake, "?tls=off")), Patience(command=5))
        with pytest.raises(Temporary, match="refused the login: 535") as caught:
            relay.send(MAIL)
        assert "p@ss" not in str(caught.value)


# --- what the relay cannot do ---


@pytest.mark.threat(76)
def test_a_mail_above_the_relays_size_fails_before_it_is_sent() -> None:
    with FakeRelay(size=50) as fake:
        with pytest.raises(Permanent, match=f"the mail has {len(MAIL.content)} bytes, the relay takes 50 at most"):
            open_to(fake).send(MAIL)
        assert fake.verbs() == ["EHLO"]


def test_a_foreign_domain_goes_out_in_a_labels(fake: FakeRelay) -> None:
    open_to(fake).send(replace(MAIL, recipient="anna@bücher.example"))
    assert fake.mails[0].recipients == ("anna@xn--bcher-kva.example",)


@pytest.mark.threat(76)
def test_a_foreign_local_part_needs_smtputf8(fake: FakeRelay) -> None:
    foreign = replace(MAIL, recipient="jürgen@example.org")
    open_to(fake).send(foreign)
    assert fake.mails[0].recipients == ("jürgen@example.org",)
    with FakeRelay(smtputf8=False) as plain, pytest.raises(Permanent, match="SMTPUTF8"):
        open_to(plain).send(foreign)


@pytest.mark.threat(76)
def test_eight_bit_content_needs_8bitmime(fake: FakeRelay) -> None:
    eight = replace(MAIL, content=MAIL.content + "größe\r\n".encode())
    open_to(fake).send(eight)
    assert "BODY=8BITMIME" in fake.mails[0].options
    with FakeRelay(without=("8BITMIME",)) as plain, pytest.raises(Permanent, match="seven-bit"):
        open_to(plain).send(eight)


@pytest.mark.parametrize(
    "address",
    [
        "a@b.test\r\nRCPT TO:<x@y.test>", "a b@c.test", "a@b@c.test", "plain", "@c.test", "a@", "a\x00@c.test",
        "a>@c.test", "a\u2028b@c.test", "a\xa0b@c.test", "a@faß.de", "a@" + "ü" * 80 + ".de", "",
    ],
)  # fmt: skip
@pytest.mark.threat(71)
def test_a_doubtful_address_never_reaches_the_wire(fake: FakeRelay, address: str) -> None:
    for mail in (replace(MAIL, recipient=address), replace(MAIL, envelope_from=address or "x")):
        with pytest.raises(Permanent):
            open_to(fake).send(mail)
    assert fake.connections == 0


@pytest.mark.parametrize("content", [b"a: b\n\nc\r\n", b"a: b\r\n\r\nc\rd\r\n"])
@pytest.mark.threat(72)
def test_a_bare_line_end_never_reaches_the_wire(fake: FakeRelay, content: bytes) -> None:
    with pytest.raises(Permanent, match="not CRLF"):
        open_to(fake).send(replace(MAIL, content=content))


def test_a_large_mail_with_dots_everywhere_arrives_whole(fake: FakeRelay) -> None:
    content = b"a: b\r\n\r\n" + b"\r\n".join(b"." * (n % 70) for n in range(100_000)) + b"\r\n"
    open_to(fake, patience=Patience()).send(replace(MAIL, content=content))
    assert fake.mails[0].content == content


# --- the relay itself ---


def test_the_fake_refuses_what_strict_servers_refuse(fake: FakeRelay) -> None:
    with pytest.raises(Permanent, match=r"550 5\.6\.0 line longer"):
        open_to(fake).send(replace(MAIL, content=b"a: b\r\n\r\n" + b"x" * 999 + b"\r\n"))


def test_pace_spaces_mails_evenly_over_threads() -> None:
    slept: list[float] = []
    pace = Pace(4, clock=lambda: 100.0, sleep=slept.append)
    for _ in range(4):
        pace.wait()
    assert slept == [0.25, 0.5, 0.75]


def test_threads_have_a_connection_each(fake: FakeRelay) -> None:
    relay = open_to(fake, patience=Patience())

    def send() -> None:
        for _ in range(25):
            relay.send(MAIL)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: len(fake.mails) == 100)
    assert fake.connections == 4
