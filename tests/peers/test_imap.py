"""The IMAP door against a real Dovecot, while others use the mailbox and the line fails."""

from __future__ import annotations

import imaplib
import os
import random
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gateway import reconciling
from gateway.cli import archives
from gateway.imap_session import Session
from store.clock import now
from tests.doors.imap_house import ImapHouse, house, hurry
from tests.fakes import until
from tests.harness import PEOPLE
from tests.peers.dovecot import PASSWORD, Dovecot
from tests.running import POSTERN, Running

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, dovecot: Dovecot) -> None:
    for place, name, value in hurry():
        monkeypatch.setattr(place, name, value)
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.ca))


def letter(number: int, sender: str = "anna@cust.test") -> bytes:
    return (
        f"From: Anna <{sender}>\r\nTo: support@desk.test\r\nSubject: Mail {number}\r\nMessage-ID: <m{number}@cust.test>\r\n\r\n"
        f"Hello {number}\r\n"
    ).encode()


def desk_of(place: Path, dovecot: Dovecot, user: str, at_once: bool = False, **more: Any) -> Any:
    section = {
        "host": "localhost",
        "port": dovecot.imaps,
        "tls": "implicit",
        "user": user,
        "to": "support@desk.test",
        "poll": 2,
    }
    return house(place, section | more, password=PASSWORD, at_once=at_once)


@contextmanager
def human(dovecot: Dovecot, user: str, settled: Callable[[], int] = lambda: 0) -> Iterator[Counter[str]]:
    """Somebody who marks mails as read, as unread and with a flag, and moves those up to `settled` away and back again."""
    stop, did = threading.Event(), Counter[str]()
    chance = random.Random(7)

    def work() -> None:
        with imaplib.IMAP4("127.0.0.1", dovecot.imap) as client:
            client.login(user, PASSWORD)
            client.create("Aside")
            while not stop.wait(0.01):
                client.select("INBOX")
                found = client.uid("SEARCH", "ALL")[1][0].split()
                if not found:
                    continue
                uid, act = chance.choice(found).decode(), chance.choice(("+FLAGS", "-FLAGS"))
                mark = chance.choice(("(\\Seen)", "(\\Flagged)"))
                client.uid("STORE", uid, act, mark)
                did[f"{act} {mark}"] += 1
                if int(uid) <= settled() and chance.random() < 0.3:
                    client.uid("MOVE", uid, "Aside")
                    client.select("Aside")
                    aside = client.uid("SEARCH", "ALL")[1][0].split()
                    if len(aside) > 5:
                        client.uid("MOVE", chance.choice(aside).decode(), "INBOX")
                        did["back"] += 1
                    did["moved"] += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield did
    finally:
        stop.set()
        thread.join(30)


@pytest.mark.threat(25)
@pytest.mark.parametrize("login", ["password", "XOAUTH2"])
def test_five_hundred_mails_while_somebody_reads_and_marks(
    dovecot: Dovecot, tmp_path: Path, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = f"busy-{login.lower()}@desk.test"
    more: dict[str, Any] = {"after": "seen"}
    if login == "XOAUTH2":
        dovecot.tokens.valid["good token"] = user
        monkeypatch.setattr("gateway.imap.secret_of", lambda *_: lambda: "good token")
        more["oauth"] = "office"
    with desk_of(tmp_path, dovecot, user, **more) as desk:
        if login == "XOAUTH2":
            monkeypatch.setattr(type(desk.config), "oauth", lambda *_: None)
        with human(dovecot, user, lambda: desk.place().uid) as did, desk.fetching():
            for start in range(0, 500, 25):
                dovecot.deliver(user, *map(letter, range(start, start + 25)))
            until(lambda: len({row["sha256"] for row in desk.journal()}) == 500, 120)
            until(lambda: desk.place().uid >= 500)
        desk.file()
        assert dovecot.count(user) + dovecot.count(user, folder="Aside") == 500
        outcomes = Counter(row["outcome"] for row in desk.journal())
        assert outcomes.pop("duplicate", 0) <= did["back"]  # a mail that was moved back is a new one to IMAP
        assert outcomes == {"new": 500}
        assert sorted(ticket["subject"] for ticket in desk.tickets()) == sorted(f"Mail {n}" for n in range(500))
        assert did["moved"] > 5 and did.total() > 50
    if login == "XOAUTH2":
        assert (
            f"user=<{user}>, method=XOAUTH2" in dovecot.log() or f"user=<{user}>, method=OAUTHBEARER" in dovecot.log()
        )


@pytest.mark.threat(20)
def test_a_folder_made_anew_has_its_five_new_mails_filed_and_the_ten_old_ones_not_again(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    user = "anew@desk.test"
    with desk_of(tmp_path, dovecot, user, folder="Desk", poll=1) as desk:
        dovecot.doveadm("mailbox", "create", "-u", user, "Desk")

        def put(numbers: range) -> None:
            dovecot.deliver(user, *map(letter, numbers))
            dovecot.doveadm("move", "-u", user, "Desk", "mailbox", "INBOX", "all")

        put(range(20))
        with desk.fetching():
            desk.wait(20)
            former = desk.place().uidvalidity
            dovecot.doveadm("mailbox", "delete", "-u", user, "Desk")
            until(lambda: "the folder Desk is not there" in desk.trouble(), 30, desk.trouble)
            dovecot.doveadm("mailbox", "create", "-u", user, "Desk")
            put(range(20, 25))
            put(range(10))
            desk.wait(35)
            until(lambda: desk.trouble() == "")
        assert desk.place().uidvalidity != former
        desk.file()
        assert len(desk.tickets()) == 25
        assert Counter(row["outcome"] for row in desk.journal()) == {"new": 25, "duplicate": 10}


class Line:
    """A way to a server that can fall silent without a word, as behind a firewall that has forgotten it."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.silent = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while block := source.recv(65536):
                if self.silent.is_set():
                    continue
                target.sendall(block)
            if not self.silent.is_set():
                target.close()

    def close(self) -> None:
        self._listening.close()


@pytest.mark.threat(22)
def test_a_line_that_falls_silent_is_red_within_two_looks_and_the_others_go_on(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    line = Line(dovecot.imap)
    usual = {"host": "127.0.0.1", "port": dovecot.imap, "tls": "off", "to": "support@desk.test", "poll": 2}
    users = [usual | {"user": f"many{n}@desk.test"} for n in range(10)]
    users[4]["port"] = line.port
    with house(tmp_path, *users, password=PASSWORD) as desk, desk.fetching():
        until(lambda: all(state.up(now()) for state in desk.states()), 30)
        line.silent.set()
        until(lambda: not desk.states()[4].up(now()), 20)
        for number in range(10):
            dovecot.deliver(f"many{number}@desk.test", letter(number))
        desk.wait(9)
        assert [state.up(now()) for state in desk.states()].count(True) == 9
        line.silent.clear()
        desk.wait(10)
        until(lambda: desk.states()[4].up(now()), 30)
    line.close()


@pytest.mark.threat(25)
def test_two_processes_and_somebody_who_reads_make_two_hundred_tickets_of_two_hundred_mails(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    user = "two@desk.test"
    with desk_of(tmp_path, dovecot, user, after="move:Done") as desk:
        environment = _environment(desk)
        with human(dovecot, user):
            pollers = [subprocess.Popen([*POSTERN, "imap"], env=environment) for _ in range(2)]
            try:
                for start in range(0, 200, 10):
                    dovecot.deliver(user, *map(letter, range(start, start + 10)))
                    if start == 100:  # one of them dies, and the other takes over
                        pollers[0].kill()
                desk.wait(200, 150)
            finally:
                for poller in pollers:
                    poller.terminate()
                    poller.wait(30)
        desk.file()
        assert sorted(ticket["subject"] for ticket in desk.tickets()) == sorted(f"Mail {n}" for n in range(200))
        until(lambda: dovecot.count(user, folder="Done") == 200)


def _environment(desk: ImapHouse) -> dict[str, str]:
    """The settings of a house for processes of their own."""
    section = desk.section.model_dump_json(exclude_none=True)
    return os.environ | {
        "POSTERN_CONFIG": str(desk.config.file), "POSTERN_IMAP": f"[{section}]", "POSTERN_POSTERN__DATA": "var",
    }  # fmt: skip


def test_a_comparison_fetches_only_what_is_in_doubt(
    dovecot: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = "compared@desk.test"
    with desk_of(tmp_path, dovecot, user) as desk:
        dovecot.deliver(user, *map(letter, range(30)))
        with desk.fetching():
            desk.wait(30)
        desk.file()
        dovecot.deliver(user, letter(30))
        fetched: list[int] = []
        fetch = Session.fetch

        def counted(self: Session, uid: int, largest: int) -> bytes:
            fetched.append(uid)
            return fetch(self, uid, largest)

        monkeypatch.setattr(Session, "fetch", counted)
        accepted = reconciling.accepted_by(desk.store, "hosting")
        kept = list(archives._of_folder(desk.config, desk.section, accepted))
        found = reconciling.reconcile(accepted, kept, "support@desk.test")
        assert ([one.subject for one in found.missing], found.extra, fetched) == (["Mail 30"], (), [31])


def test_the_whole_gateway_fetches_and_says_how_its_mailboxes_do(dovecot: Dovecot, tmp_path: Path) -> None:
    user = "support@desk.test"
    (tmp_path / "password").write_text(PASSWORD)
    mailbox = f'[{{"host": "localhost", "port": {dovecot.imap}, "tls": "starttls", "user": "{user}", "password_file": "password"}}]'
    with Running(tmp_path, "hosting", at_once=True, POSTERN_IMAP=mailbox) as gateway:
        gateway.load(**PEOPLE)
        dovecot.deliver(user, letter(1))
        gateway.wait_until(lambda: gateway.json("tickets"))
        gateway.drain()
        (state,) = gateway.json("mailboxes")
        assert (state["name"], state["up"], state["trouble"], state["left"]) == (f"{user} INBOX", True, "", [])
        assert gateway.health()["parts"]["imap"]["up"]
        assert {row["template"] for row in gateway.json("outbox")} == {"confirmation", "staff_notice"}
