"""A disk that is full: nobody is told yes for nothing, and it all goes on when there is room again (threats 87).

The data folder lies on a file system of its own, of eight megabytes; mounting one needs root, or user namespaces.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import smtp_limits
from tests.fakes import FakeRelay, until
from tests.faults.conftest import make_config
from tests.faults.house import LARGE, SMALL, House, letter, swift

pytestmark = pytest.mark.threat(87)
BALLAST = 2 << 20
_UNSHARE = ["unshare", "--map-root-user", "--mount"]


@pytest.fixture
def as_root(request: pytest.FixtureRequest) -> bool:
    """True when this process may mount. Otherwise the test runs once more in a user namespace, and here does nothing."""
    if os.geteuid() == 0:
        return True
    if shutil.which("unshare") is None or subprocess.run([*_UNSHARE, "true"], check=False).returncode:
        pytest.skip("NOT TESTED: neither root nor user namespaces; run it as root, `.ci/run` allows no skip")
    again = [*_UNSHARE, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", request.node.nodeid]
    done = subprocess.run(again, cwd=request.config.rootpath, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode()
    return False


@pytest.fixture
def small_disk(as_root: bool, tmp_path: Path) -> Iterator[Path | None]:
    """A data folder of eight megabytes, two of them taken by a file named ballast."""
    if not as_root:
        yield None
        return
    folder = tmp_path / "var"
    folder.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"NOT TESTED: no file system could be mounted: {done.stderr.decode()}; `.ci/run` allows no skip")
    (folder / "ballast").write_bytes(b"-" * BALLAST)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def small_house(
    small_disk: Path | None, tmp_path: Path, fake: FakeRelay, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House | None]:
    if small_disk is None:
        yield None
        return
    swift(monkeypatch)
    with House(make_config(tmp_path, fake, "sqlite"), fake).running() as running:
        yield running


def test_mail_is_refused_while_the_disk_is_full_and_taken_when_it_is_not(small_house: House | None) -> None:
    if small_house is None:
        return
    taken, refused = fill(small_house)
    assert len(taken) > 10
    assert all(re.fullmatch(r"45[12] \d\.\d\.\d [^()\\/]*", answer) for answer in refused.values()), refused
    assert any(answer.startswith("452 4.3.1 ") for answer in refused.values()), refused
    check_after_room_is_made(small_house, taken, refused)


def test_mail_is_refused_before_its_content_while_the_disk_is_nearly_full(
    small_house: House | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if small_house is None:
        return
    monkeypatch.setattr(smtp_limits, "_SPARE", 1 << 20)
    small_house.free = None
    taken, refused = fill(small_house)
    assert len(taken) > 3
    assert {answer for answer in refused.values()} == {"452 4.3.1 not enough room here, try again later"}
    check_after_room_is_made(small_house, taken, refused)


def fill(house: House) -> tuple[dict[int, bytes], dict[int, str]]:
    """Large mails, then small ones, until there is no room for either: what was taken, and what was said to the rest."""
    taken: dict[int, bytes] = {}
    refused: dict[int, str] = {}
    number = 0
    for content in (LARGE, SMALL * 300, SMALL):
        misses = 0
        while misses < 3 and number < 2000:
            number += 1
            raw = letter(number, content)
            answer = house.offer(raw)
            if answer.startswith("250 "):
                taken[number], misses = raw, 0
            else:
                refused[number], misses = answer, misses + 1
    return taken, refused


def check_after_room_is_made(house: House, taken: dict[int, bytes], refused: dict[int, str]) -> None:
    """All that was taken is on its ticket, as it came, and told of; what was refused is taken now."""
    (house.config.data / "ballast").unlink()
    for number in list(refused)[-3:]:
        raw = letter(number, SMALL)
        house.send(raw)
        taken[number] = raw
    for number, raw in taken.items():
        name = f"m{number}@customer.test"
        until(lambda name=name: len(house.tickets(name)) == 1, 30, lambda name=name: name)  # type: ignore[misc]
        (message,) = house.messages(name)
        assert (message["raw"], message["files"]) == (raw, [True])
        until(lambda ticket=message["ticket"]: told(house, ticket), 30)  # type: ignore[misc]
    assert house.count_messages() == len(taken)
    assert house.restarts == 0
    for file in ("postern.db", "journal.db"):
        with sqlite3.connect(house.config.data / file) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()
    blobs = [path for path in house.store.blobs.folder.rglob("*") if path.is_file()]
    assert [path.name for path in blobs if path.name.startswith(".new-")] == []
    assert [path.name for path in blobs if path.stat().st_size == 0 and len(path.name) == 64] == []


def told(house: House, ticket: int) -> bool:
    house.hurry()
    return {row.state for row in house.rows(ticket)} == {"accepted"}
