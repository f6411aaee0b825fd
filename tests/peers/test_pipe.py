"""`postern ingest` started by a real Postfix as docs/connect/postfix.md shows it (threats 19)."""

from __future__ import annotations

import shutil
import smtplib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from store.database import Store
from tests.fakes import fair
from tests.peers.handing import Lines, assert_all_arrived
from tests.peers.house import hand_in, house, letters, stored
from tests.peers.postfix import Postfix, needs_postfix

pytestmark = needs_postfix
ROOT = Path(__file__).parent.parent.parent


@contextmanager
def piped(folder: Path) -> Iterator[tuple[Postfix, Store]]:
    """Postfix starts no program as root, so this installation is nobody's."""
    program = {"/srv/postern/.venv/bin/postern": f"{sys.executable} -m gateway", "/srv/desk": str(folder)}
    lines = Lines(**program, **{"user=postern": f"directory={ROOT} user=nobody"})
    with house(folder) as (_config, store):
        for place in (folder, *folder.rglob("*")):
            shutil.chown(place, "nobody", "nogroup")
        with Postfix(lines.main("Pipe"), lines.master("Pipe"), read_all=True) as postfix:
            yield postfix, store


@pytest.mark.threat(19)
@pytest.mark.slow
def test_five_hundred_by_a_pipe(tmp_path: Path) -> None:
    with piped(tmp_path) as (postfix, store):
        hand_in(postfix.port, letters(500))
        postfix.wait_until_empty(fair(1500))
        assert_all_arrived(postfix, store, 500)
        assert {(row.door, row.sender) for row in stored(store)} == {("pipe", "anna@cust.test")}


@pytest.mark.slow
def test_a_pipe_says_that_there_is_no_such_mailbox_and_takes_a_null_sender(tmp_path: Path) -> None:
    with piped(tmp_path) as (postfix, store):
        with smtplib.SMTP("127.0.0.1", postfix.port) as client:
            client.sendmail("", ["support+x@example.com"], letters(1)[0].as_bytes())
            with pytest.raises(smtplib.SMTPRecipientsRefused):  # by the list of mailboxes, while its sender is there
                client.sendmail("a@b.test", ["nobody@example.com"], b"x")
        postfix.wait_until_empty(120)
        assert [(row.sender, row.recipients) for row in stored(store)] == [("", ("support+x@example.com",))]
