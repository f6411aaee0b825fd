"""The relay that writes into a maildir."""

from __future__ import annotations

import mailbox
import os
import stat
import time
from pathlib import Path

import pytest

from store.errors import Permanent, Temporary
from tests.workers.bench import Bench
from workers.compose import Mail
from workers.relay_maildir import MaildirRelay

MAIL = Mail("support+b1@desk.test", "anna@example.org", b"Message-ID: <1@desk.test>\r\nSubject: hello\r\n\r\ntext\r\n")


def test_a_mail_lies_in_new_with_its_envelope_on_top(tmp_path: Path) -> None:
    relay = MaildirRelay(tmp_path / "mail")
    reply = relay.send(MAIL)
    (path,) = (tmp_path / "mail" / "new").iterdir()
    assert reply == f"250 written to new/{path.name}"
    assert path.read_bytes() == (
        b"X-Envelope-From: <support+b1@desk.test>\r\nX-Envelope-To: <anna@example.org>\r\n" + MAIL.content
    )
    assert list((tmp_path / "mail" / "tmp").iterdir()) == []
    assert [m["Subject"] for m in mailbox.Maildir(tmp_path / "mail", create=False)] == ["hello"]


def test_a_second_copy_takes_the_place_of_the_first(tmp_path: Path) -> None:
    relay = MaildirRelay(tmp_path)
    for content in (MAIL.content, MAIL.content, MAIL.content.replace(b"<1@", b"<2@")):
        relay.send(Mail("", "anna@example.org", content))
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_nobody_else_may_read(tmp_path: Path) -> None:
    MaildirRelay(tmp_path / "mail").send(MAIL)
    for path in (tmp_path / "mail").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_an_address_adds_no_header_line(tmp_path: Path) -> None:
    with pytest.raises(Permanent):
        MaildirRelay(tmp_path).send(Mail("", "a@b.test\r\nBcc: x@y.test", MAIL.content))
    assert list((tmp_path / "new").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_temporary(tmp_path: Path) -> None:
    relay = MaildirRelay(tmp_path / "mail")
    for part in ("tmp", "new"):
        (tmp_path / "mail" / part).rmdir()
    with pytest.raises(Temporary, match="cannot be written: No such file"):
        relay.send(MAIL)


def test_drafts_of_a_killed_writer_go_after_36_hours(tmp_path: Path) -> None:
    MaildirRelay(tmp_path)
    for name, hours in (("young", 35), ("old", 37)):
        (tmp_path / "tmp" / name).write_bytes(b"half")
        then = time.time() - hours * 3600
        os.utime(tmp_path / "tmp" / name, (then, then))
    MaildirRelay(tmp_path)
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == ["young"]


def test_a_worker_with_default_settings_writes_into_the_data_folder(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "site")
    bench.open_tickets(3)
    with bench.worker():
        bench.settled()
    assert len(list((bench.config.data / "mail" / "new").iterdir())) == 3
