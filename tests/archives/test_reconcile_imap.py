"""A mailbox at another server and the journal compared, without marking anything there."""

from __future__ import annotations

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
    kept = list(archives._of_folder(desk.config, desk.section))
    return [one.subject for one in reconciling.reconcile(desk.store, kept, "hosting", "support@desk.test").missing]


def test_what_the_mailbox_has_and_the_journal_has_not_is_named(tmp_path: Path) -> None:
    with Served() as server, house(tmp_path, {"port": server.port}) as desk:
        server.put(letter(1), letter(2))
        desk.receive(letter(1), "support@desk.test", door="lmtp")
        assert missing(desk) == ["Mail 2"]
        assert all(not mail.flags for mail in server.folders["INBOX"].mails.values())
        desk.receive(letter(2), "support@desk.test", door="lmtp")
        assert missing(desk) == []


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
