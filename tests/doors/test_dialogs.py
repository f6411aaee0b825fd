"""Conversations written down in `dialogs/*.smtp`, held with the real door over a real socket.

One step a line; `#` starts a comment, `# threats 1 2` names the cases a dialogue defends against. The steps:

    c -> TEXT       the client sends TEXT and CRLF
    c => BYTES      the client sends exactly this Python expression
    c <- PATTERN    the next reply matches: `*` is anything; the lines of a longer reply are joined by ` | `
    c <- closed     the door has closed the connection
    c <- silence    nothing is answered for a moment
    mails N         so many messages were journalled since the start
    sender TEXT     of the last of them
    routes TEXT     `desk: address address; desk: address` of the last message
    raw BYTES       its bytes, a Python expression
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet
from sqlalchemy import select

from gateway.smtp import Door, background
from store.config import Config
from store.database import Store
from store.journal import JournalRow, last_id, rows_after
from store.journal_schema import Received
from tests.doors.client import Peer

FOLDER = Path(__file__).parent / "dialogs"
_THREATS = re.compile(r"^# threats ([\d ]+)$", re.MULTILINE)


def _marked(file: Path) -> ParameterSet:
    named = _THREATS.search(file.read_text(encoding="utf-8"))
    marks = [pytest.mark.threat(int(number)) for number in named[1].split()] if named else []
    return pytest.param(file, marks=marks, id=file.stem)


DIALOGS = [_marked(file) for file in sorted(FOLDER.glob("*.smtp"))]


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def door(request: pytest.FixtureRequest, house: tuple[Config, Store]) -> Iterator[Door]:
    config, store = house
    with background(config, store, grace=0.5, uvloop=request.param == "uvloop") as door:
        yield door


@pytest.mark.parametrize("file", DIALOGS)
def test_the_conversation_goes_as_written(file: Path, door: Door, house: tuple[Config, Store]) -> None:
    _, store = house
    start = last_id(store)
    with Peer(door.address, greet=False) as peer:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                _step(line, f"{file.name}:{number}", peer, store, start)


def _step(line: str, place: str, peer: Peer, store: Store, start: int) -> None:
    word, _, rest = line.partition(" ")
    if word == "c":
        arrow, _, what = rest.partition(" ")
        if arrow == "->":
            peer.send(what)
        elif arrow == "=>":
            peer.raw(eval(what))
        elif what == "silence":
            peer.socket.settimeout(0.2)
            with pytest.raises(TimeoutError):
                peer.socket.recv(1)
        else:
            told = peer.reply().replace("\n", " | ")
            assert fnmatchcase(told, "" if what == "closed" else what), f"{place}: expected {what}, got {told}"
        return
    mails = _messages(rows_after(store, start, 1000))
    if word == "mails":
        assert len(mails) == int(rest), place
    elif word == "sender":
        assert mails[-1][0].sender == rest, place
    elif word == "routes":
        told = "; ".join(f"{row.desk}: {' '.join(row.recipients)}" for row in mails[-1])
        assert told == rest, place
    elif word == "raw":
        assert mails[-1][0].raw == eval(rest), place
    else:
        pytest.fail(f"{place}: unknown step {word}")


def _messages(rows: list[JournalRow]) -> list[list[JournalRow]]:
    """Rows of one message together; the journal has one for each desk."""
    found: dict[tuple[object, ...], list[JournalRow]] = {}
    for row in rows:
        found.setdefault((row.at, row.sha256), []).append(row)
    return list(found.values())


def test_the_envelope_names_door_peer_and_greeting(door: Door, house: tuple[Config, Store]) -> None:
    _, store = house
    with Peer(door.address) as peer:
        assert peer.deliver().startswith("250 2.0.0 accepted as ")
    query = select(Received.c.door, Received.c.peer, Received.c.helo).order_by(Received.c.id.desc())
    with store.read_journal() as connection:
        assert tuple(connection.execute(query).first() or ()) == ("smtp", "127.0.0.1", "c.test")
