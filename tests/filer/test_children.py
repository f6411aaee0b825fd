"""Mails are read in children: what one mail does to its reader is no other mail's trouble, and order is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from pebble import ProcessExpired

import gateway.hand as hand
import gateway.studying as studying
from gateway.filer import Filer
from gateway.studying import ReadersLost
from store import journal, outcomes
from store.rules.desk import Files
from tests.fakes import fair, until
from tests.filer.readers import Suffering, filer_with_children, receive, suffer
from tests.harness import Gateway, mail

AT_ONCE = 5.0  # seconds within which every mail is filed, whatever comes with it


def settle(filer: Filer, count: int, gateway: Gateway, seconds: float = 60) -> dict[int, float]:
    """Runs the filer until so many rows have their outcome; when each got it, in seconds from now."""
    start, filed = time.monotonic(), dict[int, float]()
    while len(filed) < count:
        filer.file_next()
        took = time.monotonic() - start
        for row in gateway.journal():
            if row["outcome"]:
                filed.setdefault(row["id"], took)
        assert took < seconds, f"{len(filed)} of {count} filed"
    return filed


def subjects(gateway: Gateway) -> list[str]:
    """Of the tickets, in the order they were made."""
    return [ticket["subject"] for ticket in gateway.tickets()][::-1]


def children() -> set[int]:
    """Processes below this one that read mail, and the server that forks them."""
    return {pid for pid, generation in _generations().items() if generation}


def readers() -> set[int]:
    """Those alone that read mail."""
    return {pid for pid, generation in _generations().items() if generation > 1}


def _generations() -> dict[int, int]:
    """Each process that has to do with reading mail: how far below this one it is, 0 when it is not."""
    found = subprocess.run(["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in found.splitlines()[1:]]
    parents = {int(pid): int(parent) for pid, parent, _ in rows}

    def below(pid: int) -> int:
        generation = 0
        while pid > 1 and pid in parents:
            pid, generation = parents[pid], generation + 1
            if pid == os.getpid():
                return generation
        return 0

    return {int(pid): below(int(pid)) for pid, _, args in rows if "forkserver" in args}


@pytest.mark.threat(34)
@pytest.mark.parametrize(
    "place",
    [
        0,
        50,
        100,
        *(
            pytest.param(n, marks=pytest.mark.slow if n % 20 == 10 else pytest.mark.long)
            for n in range(5, 100, 5)
            if n != 50
        ),
    ],
)
def test_a_mail_that_kills_its_reader_delays_nobody(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    monkeypatch.setattr(hand, "ASIDE", fair(hand.ASIDE))
    mails = [mail(subject=f"mail {n}") for n in range(100)]
    mails.insert(place, suffer("die", subject="killer"))
    ids = receive(gateway.store, *mails)
    with filer_with_children(gateway.config, gateway.store) as filer:
        filed = settle(filer, 101, gateway)
    assert max(filed.values()) < fair(AT_ONCE)
    assert {row["outcome"] for row in gateway.journal()} == {"new"}
    assert [s for s in subjects(gateway) if s.startswith("mail")] == [f"mail {n}" for n in range(100)]
    assert "unreadable" in gateway.ticket(gateway.journal()[ids[place] - 1]["ticket"])["flags"]


@pytest.mark.slow
@pytest.mark.threat(34)
@pytest.mark.parametrize("how", ["spin", "sleep 60", "eat"])
def test_a_mail_that_takes_all_there_is_keeps_its_bytes_and_no_other_mail_waits_long(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(studying, "SECONDS", 1.5)
    monkeypatch.setattr(studying, "LAST_SECONDS", 2.0)
    receive(gateway.store, mail(subject="before"), suffer(how, subject="greedy"), mail(subject="behind"))
    with filer_with_children(gateway.config, gateway.store) as filer:
        filed = settle(filer, 3, gateway)
    assert filed[1] <= filed[3] < fair(AT_ONCE)
    greedy = gateway.ticket(gateway.journal()[1]["ticket"])
    assert "unreadable" in greedy["flags"]
    assert "greedy" in greedy["messages"][0]["text"]


@pytest.mark.threat(34)
def test_a_child_is_refused_memory_beyond_its_share(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only cut off for the time that so much takes: by then the machine may have none left for others."""
    monkeypatch.setattr(studying, "SECONDS", 60.0)
    receive(gateway.store, suffer("eat"))
    (row,) = journal.rows_after(gateway.store, 0, 1)
    students = Suffering(gateway.store.blobs, 1)
    assert isinstance(students.begin(row, Files()).future.exception(60), MemoryError)
    students.close()


@pytest.mark.slow
def test_a_child_has_ten_seconds_of_the_processor_for_each_mail() -> None:
    """Its limit moves on with every mail, or the thousandth ordinary one would kill it."""
    script = (
        "import time, gateway.studying as s\n"
        "from pathlib import Path\nfrom store.rules.desk import Files\n"
        "s._CPU = 1\n"
        "for _ in range(4):\n"
        "    s.study_within_limits(b'Subject: x\\r\\n\\r\\nx', Files(), Path('.'))\n"
        "    end = time.process_time() + 0.4\n"
        "    while time.process_time() < end: pass\n"
        "print('lives', flush=True)\n"
        "while True: pass\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "lives\n"
    assert done.returncode == -signal.SIGXCPU


def test_replies_are_filed_in_the_order_they_came(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A millisecond apart and each read by another child, which on a busy machine may take long."""
    monkeypatch.setattr(hand, "ASIDE", 60.0)
    first = gateway.receive(mail())
    address = gateway.reply_address(first["ticket"], "anna@cust.test")
    assert address
    receive(gateway.store, *(mail(f"reply {n}", subject=f"Re: [{first['ticket']}] x") for n in range(60)))
    with filer_with_children(gateway.config, gateway.store, workers=4) as filer:
        gateway.filer._let_go()
        outcomes.release_lease(gateway.store, gateway.filer._holder)
        settle(filer, 61, gateway)
    texts = [message["text"].strip() for message in gateway.ticket(first["ticket"])["messages"]]
    assert texts[1:] == [f"reply {n}" for n in range(60)]


def test_a_mail_that_is_read_for_long_steps_aside_and_is_filed_when_it_is_read(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile the other child alone reads those behind it, one after the other, however slow the machine is."""
    monkeypatch.setattr(studying, "SECONDS", 60.0)
    receive(gateway.store, suffer(f"sleep {fair(2.5)}", subject="slow"), *(mail(subject=f"mail {n}") for n in range(5)))
    with filer_with_children(gateway.config, gateway.store) as filer:
        filed = settle(filer, 6, gateway)
    assert subjects(gateway) == [*(f"mail {n}" for n in range(5)), "slow"]
    assert filed[2] < filed[1]
    assert outcomes.progress(gateway.store) == (6, set(), {})


def test_a_mail_that_is_read_for_a_moment_keeps_its_place(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hand, "ASIDE", 60.0)  # on a busy machine a moment may be longer than the second it is
    receive(gateway.store, suffer("sleep 0.4", subject="first"), mail(subject="second"))
    with filer_with_children(gateway.config, gateway.store) as filer:
        settle(filer, 2, gateway)
    assert subjects(gateway) == ["first", "second"]


@pytest.mark.slow
def test_mail_goes_on_while_all_children_are_held_up(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that hold them up are read once more by a child nobody waits for."""
    monkeypatch.setattr(studying, "SECONDS", 1.0)
    slow = [suffer("sleep 5", subject=f"slow {n}") for n in range(2)]
    receive(gateway.store, *slow, *(mail(subject=f"mail {n}") for n in range(10)))
    with filer_with_children(gateway.config, gateway.store) as filer:
        filed = settle(filer, 12, gateway)
    assert max(filed[n] for n in range(3, 13)) < min(filed[1], filed[2])
    assert subjects(gateway)[-2:] == ["slow 0", "slow 1"]


def test_no_child_is_left_behind(gateway: Gateway) -> None:
    before = children()
    receive(gateway.store, *(suffer("die") if n % 3 == 0 else mail() for n in range(9)))
    with filer_with_children(gateway.config, gateway.store) as filer:
        settle(filer, 9, gateway)
        assert children() - before
    until(lambda: len(children() - before) <= 1)  # the server that forks them, for the next time


def test_no_mail_is_suspected_of_a_death_before_its_reader_was_there(gateway: Gateway) -> None:
    """Else a machine that starts slowly and is cut off three times would give up the reading of an innocent mail."""
    receive(gateway.store, mail(subject="first"))
    with filer_with_children(gateway.config, gateway.store) as filer:
        filer._students._first, coming = Future[int](), filer._students._first
        for _ in range(3):
            assert filer.file_next()
        assert outcomes.progress(gateway.store) == (0, set(), {})
        filer._students._first = coming
        settle(filer, 1, gateway)


@pytest.mark.threat(34)
@pytest.mark.parametrize("how", ["idle", pytest.param("busy", marks=pytest.mark.slow)])
def test_readers_that_are_lost_are_replaced_and_every_mail_is_read(gateway: Gateway, how: str) -> None:
    """A machine out of memory may kill them at any time, also one that has nothing to do."""
    before = children()
    receive(gateway.store, mail(subject="mail 0"))
    with filer_with_children(gateway.config, gateway.store) as filer:
        settle(filer, 1, gateway)
        for round_ in range(3):
            slow = suffer("sleep 0.3" if how == "busy" else "nothing", subject=f"mail {2 * round_ + 1}")
            receive(gateway.store, slow, mail(subject=f"mail {2 * round_ + 2}"))
            if how == "busy":
                filer.file_next()
            for pid in readers() - before:
                os.kill(pid, signal.SIGKILL)
            settle(filer, 2 * round_ + 3, gateway)
    assert subjects(gateway) == [f"mail {n}" for n in range(7)]
    assert not [ticket for ticket in gateway.tickets() if "unreadable" in ticket["flags"]]
    until(lambda: len(children() - before) <= 1)


@pytest.mark.threat(34)
@pytest.mark.parametrize("how", [pytest.param(signal.SIGSTOP, marks=pytest.mark.slow), signal.SIGKILL])
def test_readers_that_hang_are_replaced_and_every_mail_is_read(gateway: Gateway, how: signal.Signals) -> None:
    """One that is killed at the wrong moment holds what the others wait for, one that is stopped may never go on."""
    before = children()
    receive(gateway.store, mail(subject="mail 0"), suffer("sleep 2.9", subject="mail 2"), mail(subject="mail 1"))
    with filer_with_children(gateway.config, gateway.store) as filer:
        settle(filer, 1, gateway)
        for pid in readers() - before:
            os.kill(pid, how)
        filed = settle(filer, 3, gateway)
        assert max(filed.values()) < fair(AT_ONCE * 2)
    assert set(subjects(gateway)) == {"mail 0", "mail 1", "mail 2"}
    assert not [ticket for ticket in gateway.tickets() if "unreadable" in ticket["flags"]]
    until(lambda: len(children() - before) <= 1)


@pytest.mark.threat(34)
@pytest.mark.parametrize("death", [ProcessExpired("killed"), BrokenProcessPool("all expired"), OSError("no memory")])
def test_a_first_reader_that_dies_before_it_can_read_is_followed_by_another(gateway: Gateway, death: Exception) -> None:
    receive(gateway.store, mail(subject="first"))
    with filer_with_children(gateway.config, gateway.store) as filer:
        filer._students._first = dead = Future[int]()
        dead.set_exception(death)
        settle(filer, 1, gateway)


@pytest.mark.slow
@pytest.mark.threat(34)
def test_a_filer_whose_readers_hang_again_and_again_ends_and_the_next_one_reads_every_mail(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = children()
    receive(gateway.store, *(mail(subject=f"mail {n}") for n in range(3)))
    with monkeypatch.context() as impatient:
        impatient.setattr(hand, "IDLE", 1.0)
        with filer_with_children(gateway.config, gateway.store) as filer:
            with pytest.raises(ReadersLost):
                while True:
                    until(lambda: filer._students.ready)
                    for pid in readers() - before:
                        os.kill(pid, signal.SIGSTOP)
                    filer.file_next()
            filer._name.give_up()
    with filer_with_children(gateway.config, gateway.store) as filer:
        settle(filer, 3, gateway)
    assert subjects(gateway) == [f"mail {n}" for n in range(3)]
    until(lambda: len(children() - before) <= 1)


def test_the_children_of_a_filer_that_is_killed_end_with_it(tmp_path: Path) -> None:
    """The one that is busy, and those that have nothing to do."""
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "from store.blobs import Blobs\nfrom store.rules.desk import Files\nfrom store.journal import JournalRow\n"
        "from store.clock import now\nfrom tests.filer.readers import Suffering, suffer\n"
        "if __name__ == '__main__':\n"
        f"    students = Suffering(Blobs(Path({str(tmp_path)!r})), 2)\n"
        "    raw = bytes(suffer('sleep 50')).replace(b'\\n', b'\\r\\n')\n"
        "    row = JournalRow(1, 'hosting', (), 'smtp', now(), '', len(raw), '', raw)\n"
        "    while not students.ready: pass\n"
        "    reading = students.begin(row, Files())\n"
        "    while not reading.future.running(): time.sleep(0.01)\n"
        "    print('reads', flush=True)\n"
        "    time.sleep(60)\n"
    )
    (tmp_path / "filer.py").write_text(script)
    where: dict[str, Any] = {"env": os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}}
    process = subprocess.Popen([sys.executable, str(tmp_path / "filer.py")], stdout=subprocess.PIPE, **where)
    assert process.stdout and process.stdout.readline()
    until(lambda: len(_session(process.pid)) >= 4)  # with the server that forks them and two readers
    group = _session(process.pid)
    process.kill()
    process.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in group - {process.pid}))


def _session(parent: int) -> set[int]:
    found = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in found.splitlines()[1:]]
    family = {parent}
    while more := {pid for pid, ppid in pairs if ppid in family} - family:
        family |= more
    return family
