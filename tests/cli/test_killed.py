"""The whole gateway killed at any moment, again and again, while mail comes in: what was answered 250 is there once.

The check reads the database, the blob store, the maildir and the sender's own book, never the gateway's counters.
"""

from __future__ import annotations

import os
import random
import signal
import smtplib
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from hashlib import sha256
from pathlib import Path

import pytest

from tests.harness import PEOPLE, mail
from tests.running import Running

STAFF = "gina@desk.test"
MOST = 3_000  # customers known to the desk; strangers would be answered 200 times an hour only


class Sender:
    """A mail server that has numbered mails for us and tries each until it hears 250."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stop, self._given_up = threading.Event(), False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.answered: dict[int, bytes] = {}  # by number, the bytes as they were sent
        self.tries = 0

    def __enter__(self) -> Sender:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._given_up = True
        self._stop.set()

    def finish(self) -> None:
        """Brings the mail in hand to its end and begins no other."""
        self._stop.set()
        self._thread.join(90)
        assert not self._thread.is_alive(), "a mail got no 250"

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set() and number < MOST:
            raw = letter(number)
            while not self._sent(number, raw):
                if self._given_up:
                    return
                time.sleep(0.05)
            self.answered[number] = raw
            number += 1
            time.sleep(0.02)

    def _sent(self, number: int, raw: bytes) -> bool:
        self.tries += 1
        try:
            with smtplib.SMTP("127.0.0.1", self._port, timeout=60) as client:
                client.sendmail(address(number), ["support@desk.test"], raw)
        except smtplib.SMTPServerDisconnected:
            return False
        except smtplib.SMTPResponseException as refusal:
            assert 400 <= refusal.smtp_code < 500, refusal
            return False
        except (OSError, smtplib.SMTPException):
            return False
        return True


def address(number: int) -> str:
    return f"customer{number}@cust.test"


def letter(number: int) -> bytes:
    """Every third with a file, every seventh so large that it lies in the blob store."""
    made = mail(
        f"This is mail {number}.",
        sender=address(number),
        subject=f"Trouble {number}",
        Message_ID=f"<{number}@cust.test>",
    )
    if number % 3 == 0:
        made.add_attachment(
            b"%%PDF-1.4 file %d %%%%EOF" % number, maintype="application", subtype="pdf", filename="a.pdf"
        )
    if number % 7 == 0:
        made.add_attachment(
            b"%PDF-1.4 " + random.Random(number).randbytes(90_000) + b"%%EOF",
            maintype="application",
            subtype="pdf",
            filename="b.pdf",
        )
    return bytes(made).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@contextmanager
def rounds(folder: Path) -> Iterator[tuple[Running, Sender, random.Random]]:
    """A gateway under mail and a source of chance; at the end all is brought to rest and checked."""
    seed = int(os.environ.get("POSTERN_SEED") or random.SystemRandom().randrange(10**9))
    print(f"POSTERN_SEED={seed}")  # shown when the test fails
    with Running(folder, "hosting", at_once=True) as gateway:
        gateway.load(
            **PEOPLE | {"people": [*PEOPLE["people"], *({"email": address(number)} for number in range(MOST))]}
        )
        with Sender(gateway.smtp_port) as sender:
            yield gateway, sender, random.Random(seed)
            gateway.wait_until(gateway.healthy)
            sender.finish()
        gateway.run("drain", "--timeout", "60")
        gateway.stop()
        gateway.wait_until_gone()
        check(gateway, sender)


def check(gateway: Running, sender: Sender) -> None:
    """INV-1 to INV-6 of the fault plan, from outside."""
    data = gateway.folder / "var"
    numbers = range(len(sender.answered))
    with sqlite3.connect(data / "postern.db") as database, sqlite3.connect(data / "journal.db") as journal:
        for each in (database, journal):
            assert each.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        messages = Counter(id_ for (id_,) in database.execute("SELECT message_id FROM message WHERE side = 'customer'"))
        assert messages == Counter(f"{number}@cust.test" for number in numbers)
        assert database.execute("SELECT count(DISTINCT number), count(*) FROM ticket").fetchone() == (len(numbers),) * 2
        assert database.execute(
            "SELECT count(*) FROM outcome WHERE outcome IS NULL OR outcome = 'dead'"
        ).fetchone() == (0,)
        assert (
            database.execute(
                "SELECT id, state, attempts, reply, next_at FROM outbox WHERE state != 'accepted'"
            ).fetchall()
            == []
        )
        assert database.execute("SELECT count(*) FROM message WHERE text NOT LIKE 'This is mail %'").fetchone() == (0,)
        files = {digest for (digest,) in database.execute("SELECT sha256 FROM attachment")}
        large = {digest for (digest,) in journal.execute("SELECT blob FROM received WHERE blob IS NOT NULL")}
        assert database.execute("SELECT * FROM lease WHERE name LIKE 'part:%'").fetchall() == []
    raws = {sha256(raw).hexdigest() for raw in sender.answered.values() if len(raw) > 65536}
    assert raws <= large
    assert {sha256(b"%%PDF-1.4 file %d %%%%EOF" % number).hexdigest() for number in numbers[::3]} <= files
    for digest in files | large:
        assert sha256((data / "blobs" / digest[:2] / digest).read_bytes()).hexdigest() == digest
    told = Counter(recipient for recipient, _ in mailed(data / "mail"))
    assert told == Counter({STAFF: len(numbers)} | {address(number): 1 for number in numbers})
    about = {subject for recipient, subject in mailed(data / "mail") if recipient == STAFF}
    assert len(about) == len(numbers)


def mailed(maildir: Path) -> list[tuple[str, str]]:
    """Who was sent what; a second copy of a mail has the Message-ID of the first, and so its place in the maildir."""
    mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in (maildir / "new").iterdir()]
    return [(str(m["X-Envelope-To"]).strip("<>"), str(m["Subject"])) for m in mails]


def some_time(gateway: Running, sender: Sender, chance: random.Random) -> None:
    """Mostly it ends while mail comes in, sometimes while the gateway still starts."""
    if chance.random() < 0.8:
        had = len(sender.answered)
        gateway.wait_until(lambda: len(sender.answered) > had, 60)
        time.sleep(chance.uniform(0, 1))
    else:
        time.sleep(chance.uniform(0, 4))


def kill(gateway: Running) -> None:
    gateway.kill()
    assert not gateway.processes()
    gateway.start(wait=False)


def kill_parent(gateway: Running) -> None:
    """The children end by themselves."""
    gateway.kill_parent()
    gateway.wait_until_gone(25)
    gateway.start(wait=False)


@pytest.mark.slow
@pytest.mark.threat(95)
@pytest.mark.threat(81)
@pytest.mark.threat(84)
def test_killed_twice_and_stopped_once_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    with rounds(tmp_path) as (gateway, sender, chance):
        for how in (kill, kill_parent):
            some_time(gateway, sender, chance)
            how(gateway)
        had = len(sender.answered)
        gateway.wait_until(lambda: len(sender.answered) > had + 5)
        asked = time.monotonic()
        gateway.stop(times=2)
        assert time.monotonic() - asked < 30
        gateway.wait_until_gone()
        gateway.start()


@pytest.mark.threat(81)
@pytest.mark.threat(95)
@pytest.mark.parametrize("times", [pytest.param(5, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.long)])
def test_killed_many_times_nothing_is_lost_or_doubled(tmp_path: Path, times: int) -> None:
    with rounds(tmp_path) as (gateway, sender, chance):
        for _ in range(times):
            some_time(gateway, sender, chance)
            kill(gateway)
    assert sender.tries > len(sender.answered), "no mail was ever hit"


@pytest.mark.threat(84)
@pytest.mark.threat(95)
@pytest.mark.parametrize("times", [pytest.param(2, marks=pytest.mark.slow), pytest.param(30, marks=pytest.mark.long)])
def test_stopped_many_times_nothing_is_lost_or_doubled_and_each_stop_is_quick(tmp_path: Path, times: int) -> None:
    with rounds(tmp_path) as (gateway, sender, chance):
        for _ in range(times):
            some_time(gateway, sender, chance)
            gateway.wait_until(lambda: gateway.processes("postern"))  # it has come as far as its parts
            asked = time.monotonic()
            gateway.stop(times=chance.choice((1, 2, 5)))
            assert time.monotonic() - asked < 30
            gateway.wait_until_gone()
            gateway.start(wait=False)


@pytest.mark.threat(81)
@pytest.mark.threat(84)
@pytest.mark.parametrize("times", [pytest.param(5, marks=pytest.mark.slow), pytest.param(40, marks=pytest.mark.long)])
def test_parts_killed_at_random_lose_and_double_nothing(tmp_path: Path, times: int) -> None:
    """One part at a time, and sometimes the parent, whose children then end by themselves."""
    with rounds(tmp_path) as (gateway, _sender, chance):
        for _ in range(times):
            time.sleep(chance.uniform(0, 2))
            part = chance.choice(("smtp", "filer", "worker", "worker-2", "portal", "clock", "serve"))
            if part == "serve":
                kill_parent(gateway)
            else:
                for pid in gateway.processes("postern", part):
                    os.kill(pid, signal.SIGKILL)
