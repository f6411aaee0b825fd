"""A mailbox at another server and the journal compared, without marking anything there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway import reconciling
from gateway.cli import app, archives
from store.errors import BadInput
from tests.doors.imap_house import ImapHouse, house
from tests.doors.test_imap import letter
from tests.fake_imap import Served


def missing(desk: ImapHouse) -> list[str]:
    accepted = reconciling.accepted_by(desk.store, "hosting")
    kept = list(archives._of_folder(desk.config, desk.section, accepted))
    return [one.subject for one in reconciling.reconcile(accepted, kept, "support@desk.test").missing]


def bodies(server: Served) -> list[str]:
    """The UIDs of the mails that were fetched whole."""
    return [line.split()[2] for line in server.heard if "BODY.PEEK[]" in line]


def test_what_the_mailbox_has_and_the_journal_has_not_is_named(tmp_path: Path) -> None:
    with Served() as server, house(tmp_path, {"port": server.port}) as desk:
        server.put(letter(1), letter(2))
        desk.receive(letter(1), "support@desk.test", door="lmtp")
        assert missing(desk) == ["Mail 2"]
        assert all(not mail.flags for mail in server.folders["INBOX"].mails.values())
        desk.receive(letter(2), "support@desk.test", door="lmtp")
        assert missing(desk) == []


def test_only_mails_in_doubt_are_fetched(tmp_path: Path) -> None:
    """Those the journal has none of, whatever its size and name; those that came another way; and those without a name."""
    nameless = b"From: a@b.test\r\nSubject: Nameless\r\n\r\nHello\r\n"
    with Served() as server, house(tmp_path, {"port": server.port}) as desk:
        server.put(letter(1), letter(2), letter(3), letter(4), nameless)
        desk.receive(letter(1), "support@desk.test", door="imap")
        desk.receive(b"Received: from mx.test\r\n" + letter(2), "support@desk.test", door="lmtp")
        desk.receive(letter(3, "Hello there"), "support@desk.test", door="imap")
        desk.receive(nameless, "support@desk.test", door="imap")
        assert missing(desk) == ["Mail 3", "Mail 4"]
        assert bodies(server) == ["2", "3", "4", "5"]


def test_what_is_known_counts_for_the_time_that_the_mailbox_covers(tmp_path: Path) -> None:
    with Served() as server, house(tmp_path, {"port": server.port}) as desk:
        server.put(letter(1), letter(3))
        for number in (1, 2, 3):
            desk.receive(letter(number), "support@desk.test", door="imap")
        accepted = reconciling.accepted_by(desk.store, "hosting")
        kept = list(archives._of_folder(desk.config, desk.section, accepted))
        first, last = (replace(one, at=accepted[place].at) for one, place in zip(kept, (0, 2), strict=True))
        found = reconciling.reconcile(accepted, [first, last], "support@desk.test")
        assert (found.missing, [one.message_id for one in found.extra]) == ((), ["m2@cust.test"])
        assert bodies(server) == []


def test_a_server_that_is_away_is_said_so(tmp_path: Path) -> None:
    with Served() as server:
        port = server.port
    with house(tmp_path, {"port": port}) as desk, pytest.raises(BadInput, match=r"support@desk\.test INBOX: "):
        missing(desk)


def test_the_command_asks_for_one_of_the_mailboxes(tmp_path: Path) -> None:
    with house(tmp_path) as desk:
        for words in (["--imap", "nobody"], [], ["--imap", "x", "a-path"], ["a-path"]):
            done = CliRunner().invoke(app, ["reconcile", *words, "--config", str(desk.config.file)])
            assert done.exit_code == 1 and "expected" in str(done.exception), words
