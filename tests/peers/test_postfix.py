"""Mail from a real Postfix by each way that docs/connect/postfix.md shows: all of it arrives, and none of it twice."""

from __future__ import annotations

import re
import shutil
import smtplib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.lmtp import LmtpDoor
from gateway.smtp import Door, background
from store.config import load
from store.database import Store
from store.errors import Temporary
from store.rules.addressing import AddressBook, NotOurs, Place
from tests.doors.client import eventually
from tests.doors.writers import Journal
from tests.fakes import fair
from tests.harness import Gateway
from tests.peers.handing import Lines, assert_all_arrived
from tests.peers.house import by_message_id, door_of, hand_in, house, letters, once_each, stored
from tests.peers.postfix import Postfix, needs_postfix

pytestmark = [pytest.mark.slow, needs_postfix]
COUNT = 500


@contextmanager
def lmtp_from_postfix(tmp_path: Path) -> Iterator[tuple[Postfix, Store]]:
    lines = Lines()
    toml = lines.toml("LMTP over a port")
    with door_of(LmtpDoor, tmp_path, toml) as store, Postfix(lines.main("LMTP over a port")) as postfix:
        yield postfix, store


@pytest.mark.threat(5)
def test_five_hundred_by_lmtp(tmp_path: Path) -> None:
    with lmtp_from_postfix(tmp_path) as (postfix, store):
        hand_in(postfix.port, letters(COUNT))
        postfix.wait_until_empty(fair(120))
        assert_all_arrived(postfix, store, COUNT)


def test_five_hundred_by_smtp(tmp_path: Path) -> None:
    lines = Lines()
    with door_of(Door, tmp_path, lines.toml("SMTP")) as store, Postfix(lines.main("SMTP")) as postfix:
        hand_in(postfix.port, letters(COUNT))
        postfix.wait_until_empty(fair(120))
        assert_all_arrived(postfix, store, COUNT)


def test_a_socket_that_postfix_may_use_and_others_may_not(tmp_path: Path) -> None:
    postfix = Postfix()
    folder = postfix.folder / "spool/postern"
    folder.mkdir()
    shutil.chown(folder, "root", "postfix")
    folder.chmod(0o2750)
    lines = Lines(**{"/var/spool/postfix": str(postfix.folder / "spool")})
    postfix.main = lines.main("LMTP over a socket")
    with postfix, door_of(LmtpDoor, tmp_path, lines.toml("LMTP over a socket")) as store:
        hand_in(postfix.port, letters(20))
        postfix.wait_until_empty(60)
        assert_all_arrived(postfix, store, 20)
        assert {one.relay for one in postfix.deliveries()} == {"mx.peer.test[postern/lmtp.sock]"}


def two_recipients(postfix: Postfix, *to: str) -> None:
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as client:
        recipients = to or ("support@example.com", "safety@example.com")
        client.sendmail("anna@cust.test", recipients, letters(1)[0].as_bytes())


@pytest.mark.threat(5)
def test_a_mail_to_two_recipients_has_left_the_queue_after_one_run(tmp_path: Path) -> None:
    with lmtp_from_postfix(tmp_path) as (postfix, store):
        two_recipients(postfix)
        postfix.wait_until_empty(60)
        assert sorted((one.to, one.status) for one in postfix.deliveries()) == [
            ("safety@example.com", "sent"), ("support@example.com", "sent")
        ]  # fmt: skip
        (row,) = stored(store)
        assert sorted(row.recipients) == ["safety@example.com", "support@example.com"]


@pytest.mark.threat(5)
def test_a_451_for_both_is_tried_again_and_stored_once(tmp_path: Path) -> None:
    lines = Lines()
    with house(tmp_path, lines.toml("LMTP over a port")) as (config, store):
        journal = Journal(store, Temporary("locked"))
        with (
            background(config, store, kind=LmtpDoor, journal=journal),
            Postfix(lines.main("LMTP over a port")) as postfix,
        ):
            two_recipients(postfix)
            assert eventually(lambda: len(postfix.deliveries("deferred")) == 2)
            assert all("451 4.3.0" in one.words for one in postfix.deliveries("deferred"))
            postfix.flush()
            postfix.wait_until_empty(60)
        journal.close()
        assert by_message_id(store) == once_each(1)


class AwayOnce:
    """An address book that does not answer when it is first asked for one address."""

    def __init__(self, book: AddressBook, address: str) -> None:
        self._book, self._away = book, {address}

    def locate(self, address: str) -> Place | NotOurs:
        if address in self._away:
            self._away.remove(address)
            raise Temporary("locked")
        return self._book.locate(address)


@pytest.mark.threat(5)
@pytest.mark.parametrize(
    ("desks", "first", "second", "tickets", "outcomes"),
    [
        (("hosting", "moving"), "support@hosting.example.com", "support@moving.example.com", 2, ["new", "new"]),
        (("hosting",), "support@example.com", "safety@example.com", 1, ["new", "duplicate"]),
    ],
    ids=["two desks", "two mailboxes of a desk"],
)
def test_a_451_for_one_of_two_recipients_is_tried_again_for_that_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, desks: tuple[str, ...], first: str, second: str, tickets: int,
    outcomes: list[str],
) -> None:  # fmt: skip
    lines = Lines()
    domains = sorted({address.partition("@")[2] for address in (first, second)})
    transports = ", ".join(f"{domain}=lmtp:inet:[127.0.0.1]:{lines.lmtp}" for domain in domains)
    main = lines.main("LMTP over a port") + (
        f"relay_domains = {' '.join(domains)}\nrelay_recipient_maps = inline:{{ {first}=desk, {second}=desk }}\n"
        f"transport_maps = inline:{{ {transports} }}\nlmtp_destination_recipient_limit = 50\n"
    )
    with house(tmp_path, lines.toml("LMTP over a port"), desks) as (config, store):
        monkeypatch.setitem(config.__dict__, "addresses", AwayOnce(config.addresses, second))
        with background(config, store, kind=LmtpDoor), Postfix(main) as postfix:
            two_recipients(postfix, first, second)
            assert eventually(lambda: len(postfix.deliveries()) >= 2)
            told = {one.to: (one.status, one.words) for one in postfix.deliveries()[:2]}
            assert told[first][0] == "sent"
            assert told[second][0] == "deferred" and "451 4.3.0" in told[second][1] and "RCPT TO" in told[second][1]
            postfix.flush()
            postfix.wait_until_empty(60)
            ended = Counter((one.to, one.status) for one in postfix.deliveries())
        assert ended == {(first, "sent"): 1, (second, "deferred"): 1, (second, "sent"): 1}
        gateway = Gateway(load(config.file), store)
        gateway.file()
        assert [row["outcome"] for row in gateway.journal()] == outcomes
        assert [row.recipients for row in stored(store)] == [(first,), (second,)]
        assert len(gateway.tickets()) == tickets
        gateway.file()
        assert len(gateway.tickets()) == tickets


@pytest.mark.threat(5)
@pytest.mark.threat(15)
def test_a_452_for_one_recipient_of_many_concerns_that_one_alone(tmp_path: Path) -> None:
    lines = Lines()
    main = lines.main("LMTP over a port").replace("recipient_limit = 50", "recipient_limit = 200")
    many = [f"support+{number}@example.com" for number in range(101)]
    with door_of(LmtpDoor, tmp_path, lines.toml("LMTP over a port")) as store, Postfix(main) as postfix:
        with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as client:
            client.sendmail("anna@cust.test", many, letters(1)[0].as_bytes())
        postfix.wait_until_empty(60)
        told = Counter((one.to, one.status) for one in postfix.deliveries())
        assert Counter(status for _to, status in told.elements()) == {"sent": 101, "deferred": 1}
        assert sorted(to for row in stored(store) for to in row.recipients) == sorted(many)


@pytest.mark.threat(13)
def test_what_is_not_ascii_comes_through_as_it_was_sent(tmp_path: Path) -> None:
    lines = Lines()
    main = lines.main("LMTP over a port") + "debug_peer_list = 127.0.0.1\n"
    mail = "Subject: größe\r\nFrom: jörg@münchen.test\r\n\r\nDie Größe passt nicht.\r\n".encode()
    head, _, body = mail.partition(b"\r\n\r\n")
    with door_of(LmtpDoor, tmp_path, lines.toml("LMTP over a port")) as store, Postfix(main) as postfix:
        with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as client:
            client.sendmail("jörg@münchen.test", ["support@example.com"], mail, ["SMTPUTF8", "BODY=8BITMIME"])
        postfix.wait_until_empty(60)
        (row,) = stored(store)
        assert row.sender == "jörg@münchen.test"
        assert head in row.raw and row.raw.endswith(body)  # Postfix adds fields to the head
        said = postfix.log()
    commands = re.findall(r"postfix/lmtp\[\d+\]: ([<>]) \S+: (MAIL|RCPT|DATA|\d{3})", said)
    at = commands.index((">", "MAIL"))
    assert commands[at : at + 3] == [(">", "MAIL"), (">", "RCPT"), (">", "DATA")]  # RFC 2920: none waits for its answer
