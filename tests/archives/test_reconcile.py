"""An archive and the journal compared: every mail that only one of them has is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from store import journal
from store.clock import now
from store.journal import Incoming
from tests.archives.helpers import maildir, mbox, old_mail, take
from tests.harness import Gateway, mail


def reconcile(gateway: Gateway, *paths: Path) -> tuple[int, dict[str, Any]]:
    words = ["reconcile", *map(str, paths), "--to", "support@desk.test", "--json", "--config", str(gateway.config.file)]
    done = CliRunner().invoke(app, words)
    assert done.stdout, done.exception
    return done.exit_code, json.loads(done.stdout)


@pytest.mark.parametrize("write", [mbox, maildir])
def test_what_is_missing_is_named_until_it_is_taken_in(gateway: Gateway, tmp_path: Path, write: Any) -> None:
    mails = [old_mail(f"Mail {number}", number + 1, f"Case {number}") for number in range(3)]
    take(gateway, mbox(tmp_path / "two", mails[:2]))
    path = write(tmp_path / "all", mails)
    code, found = reconcile(gateway, path)
    assert (code, found["archive"], found["journal"], found["extra"]) == (1, 3, 2, [])
    assert [(one["subject"], one["message_id"]) for one in found["missing"]] == [
        ("Case 2", mails[2]["Message-ID"].strip("<>"))
    ]
    take(gateway, path)
    assert reconcile(gateway, path)[0] == 0


def test_copies_of_a_mail_are_one_whatever_brought_and_kept_them(gateway: Gateway, tmp_path: Path) -> None:
    """Also one without a Message-ID, one that is not filed yet, and one that came by another mailbox of the desk."""
    nameless, waiting, other = mail("No name"), mail("Not yet filed"), mail("For sales")
    del nameless["Message-ID"]
    gateway.receive(nameless)
    gateway.receive(other, "safety@desk.test")
    raw = bytes(waiting).replace(b"\n", b"\r\n")
    journal.append(gateway.store, [Incoming("smtp", now(), "a@b.test", (("hosting", ("support@desk.test",)),), raw)])
    for one in (nameless, waiting, other):
        one["Status"] = "RO"
        one["Delivered-To"] = "support@desk.test"
    code, found = reconcile(gateway, mbox(tmp_path / "all", [nameless, waiting, other]))
    assert (code, found["missing"]) == (0, [])


def test_what_the_archive_never_had_is_named_for_the_time_it_covers(gateway: Gateway, tmp_path: Path) -> None:
    mails = [old_mail(f"Mail {day}", day, f"Case {day}") for day in (1, 2, 3, 9)]
    take(gateway, mbox(tmp_path / "all", mails))
    gateway.receive(mail("Of today"))
    code, found = reconcile(gateway, mbox(tmp_path / "some", [mails[0], mails[2]]))
    assert code == 0
    assert [one["message_id"] for one in found["extra"]] == [mails[1]["Message-ID"].strip("<>")]


def test_people_read_it_in_words(gateway: Gateway, tmp_path: Path) -> None:
    path = mbox(tmp_path / "one", [old_mail("It smokes", 1)])
    words = ["reconcile", str(path), "--to", "support@desk.test", "--config", str(gateway.config.file)]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 1
    assert "In the archive and not in the journal" in shown.stdout and "postern import" in shown.stdout
