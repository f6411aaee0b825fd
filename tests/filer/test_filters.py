"""clamd and rspamd are asked while a mail is studied; whatever they do or fail to do, the mail is filed."""

from __future__ import annotations

import logging
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from gateway import filter_troubles, filters
from gateway.filters import Filters
from gateway.studying import Students
from store import troubles
from store.config import Config
from store.errors import ConfigError
from store.ledgers import explain
from store.settings import FilterSection
from tests.doors.client import eventually
from tests.filer.fake_filters import DRIP, HANG, clamd, rspamd
from tests.harness import Gateway, mail

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@pytest.fixture(autouse=True)
def rested() -> Iterator[None]:
    filters._resting.clear()
    for name in filter_troubles._memories:
        filter_troubles._memories[name] = troubles.Memory(name)
    yield
    filters._resting.clear()


def filtered(gateway: Gateway, workers: int = 0, **section: str) -> None:
    """From now on these filters are asked."""
    settings = gateway.config.settings.model_copy(update={"filter": FilterSection(**section)})
    wanted = Filters.of(Config(settings, gateway.config.folder, gateway.config.file))
    gateway.filer._students = Students(gateway.store.blobs, workers, filters=wanted)


def with_file(content: bytes, name: str = "note.txt", **headers: str) -> EmailMessage:
    message = mail("See the file.", **headers)
    message.add_attachment(content.decode(), filename=name)
    return message


def said(gateway: Gateway, row: dict[str, Any]) -> dict[str, Any]:
    signals = explain(gateway.store, gateway.config, row["id"])["signals"]
    return {one["signal"]: one["value"] for one in signals if one["signal"] in ("clamd", "rspamd")}


def files(gateway: Gateway, row: dict[str, Any]) -> list[tuple[str, str | None]]:
    (message,) = gateway.ticket(row["ticket"])["messages"]
    return [(one["verdict"], one["reason"]) for one in message["attachments"]]


def test_a_file_with_something_in_it_is_refused_and_the_mail_is_a_ticket(gateway: Gateway) -> None:
    with clamd("stream: Win.Test.EICAR_HDB-1 FOUND") as scanner:
        filtered(gateway, clamd=scanner.place)
        row = gateway.receive(with_file(b"harmful"))
    assert row["outcome"] == "new" and said(gateway, row) == {"clamd": "Win.Test.EICAR_HDB-1"}
    assert files(gateway, row) == [("refused", "it holds malware (Win.Test.EICAR_HDB-1)")]
    assert scanner.script.heard == [b"harmful\r\n"]
    assert not list(gateway.store.blobs.folder.rglob("*.*")) and not any(
        p.is_file() for p in gateway.store.blobs.folder.rglob("*")
    )


def test_a_file_in_which_nothing_is_found_is_accepted_and_one_that_is_refused_anyway_is_not_asked_about(
    gateway: Gateway,
) -> None:
    with clamd() as scanner:
        filtered(gateway, clamd=scanner.place)
        row = gateway.receive(with_file(b"fine"))
        assert (files(gateway, row), said(gateway, row)) == ([("accepted", None)], {"clamd": "nothing found"})
        gateway.receive(with_file(b"MZ", "setup.exe"))
        gateway.receive(mail("no file"))
    assert scanner.script.heard == [b"fine\r\n"]


@pytest.mark.parametrize("answer", ["INSTREAM size limit exceeded. ERROR", "", "nonsense", HANG, DRIP])
def test_a_clamd_that_is_no_help_stops_nothing(
    answer: str, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(filters, "SECONDS", 0.3)
    with clamd(answer) as scanner:
        filtered(gateway, clamd=scanner.place)
        rows = [gateway.receive(with_file(b"fine")) for _ in range(3)]
    assert [files(gateway, row) for row in rows] == [[("accepted", None)]] * 3
    assert said(gateway, rows[0])["clamd"].startswith("no answer: ")
    assert said(gateway, rows[2])["clamd"] == "not asked: it did not answer a moment ago"
    assert len(scanner.script.heard) == 1
    assert [record.getMessage()[:30] for record in caplog.records if record.levelno >= logging.ERROR] == [
        "mails are filed without clamd:"
    ]


def test_one_that_came_back_is_asked_again(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "REST", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        place = f"127.0.0.1:{closed.getsockname()[1]}"
    filtered(gateway, clamd=place, rspamd=f"http://{place}")
    row = gateway.receive(with_file(b"fine"))
    assert row["outcome"] == "new" and set(said(gateway, row)) == {"clamd", "rspamd"}
    with clamd() as scanner:
        filtered(gateway, clamd=scanner.place)
        assert said(gateway, gateway.receive(with_file(b"fine"))) == {"clamd": "nothing found"}


@pytest.mark.threat(96)
def test_one_that_is_away_is_told_until_it_answers_again(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "REST", 0.0)

    def told() -> dict[str, str]:
        with gateway.store.read() as connection:
            return {name: state.why for name, state in troubles.states(connection).items()}

    with rspamd() as judge:
        filtered(gateway, clamd="127.0.0.1:1", rspamd=f"http://{judge.place}")
        gateway.receive(mail())
        assert told() == {}  # a mail without files is no matter of clamd's
        gateway.receive(with_file(b"fine"))
        assert told() == {"clamd": "mails are filed without clamd; see that it runs, and where [filter] clamd says"}
    with clamd() as scanner:
        filtered(gateway, clamd=scanner.place)
        gateway.receive(with_file(b"fine too"))
    assert told() == {}


@pytest.mark.threat(38)
def test_what_rspamd_takes_for_spam_is_flagged_and_a_stranger_gets_no_answer(gateway: Gateway) -> None:
    with rspamd(action="add header", score=7.31) as filter_:
        filtered(gateway, rspamd=f"http://{filter_.place}")
        row = gateway.receive(
            mail("Buy!", sender="who@spam.test"), sender="bounce@spam.test", peer="198.51.100.9", helo="mx.spam.test"
        )  # fmt: skip
        known = gateway.receive(mail("My printer"))
    assert said(gateway, row) == {"rspamd": "add header (7.3)"}
    ticket = gateway.ticket(row["ticket"])
    assert ticket["flags"] == ["spam-suspected"] and not [to for to, _ in gateway.told() if to == "who@spam.test"]
    assert gateway.ticket(known["ticket"])["flags"] == ["spam-suspected"]
    assert ("anna@cust.test", "confirmation") in gateway.told()
    headers = filter_.script.headers[0]
    assert [headers[name] for name in ("IP", "Helo", "From", "Rcpt")] == [
        "198.51.100.9", "mx.spam.test", "bounce@spam.test", "support@desk.test"
    ]  # fmt: skip


@pytest.mark.parametrize("action", ["no action", "greylist", "soft reject"])
def test_what_rspamd_says_of_traffic_alone_flags_nothing(action: str, gateway: Gateway) -> None:
    with rspamd(action=action) as filter_:
        filtered(gateway, rspamd=f"http://{filter_.place}")
        assert gateway.ticket(gateway.receive(mail())["ticket"])["flags"] == []


@pytest.mark.parametrize("answer", ["not json", "[]", "{}", '{"action": 1, "score": "x"}', HANG])
def test_an_rspamd_that_is_no_help_stops_nothing(
    answer: str, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "SECONDS", 0.3)
    with rspamd() as filter_:
        filter_.script.answer = answer
        filtered(gateway, rspamd=f"http://{filter_.place}")
        row = gateway.receive(mail())
    assert gateway.ticket(row["ticket"])["flags"] == [] and said(gateway, row)["rspamd"].startswith("no answer: ")


def test_the_children_ask_as_well(gateway: Gateway) -> None:
    with clamd("stream: Found.This FOUND") as scanner:
        filtered(gateway, workers=1, clamd=scanner.place)
        try:
            row = gateway.receive(with_file(b"harmful"))
        finally:
            gateway.filer._students.close()
    assert files(gateway, row) == [("refused", "it holds malware (Found.This)")]


@pytest.mark.parametrize("url", ["127.0.0.1:11333", "https://x", "http://", "http://x/checkv2"])
def test_a_wrong_place_stops_the_start(url: str, gateway: Gateway) -> None:
    with pytest.raises(ConfigError, match=r"filter\.rspamd: expected http://HOST:PORT"):
        filtered(gateway, rspamd=url)


@contextmanager
def real_clamd(folder: Path) -> Iterator[str]:
    """clamd with one signature of our own, which is ready in two seconds."""
    (folder / "db").mkdir()
    (folder / "db/own.ndb").write_text("Own.Test.Eicar:0:*:" + EICAR[:40].hex() + "\n")
    path = folder / "clamd.sock"
    lines = {
        "LocalSocket": path,
        "DatabaseDirectory": folder / "db",
        "PidFile": folder / "clamd.pid",
        "Foreground": "yes",
    }
    (folder / "clamd.conf").write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
    with subprocess.Popen(["clamd", "-c", str(folder / "clamd.conf")], stdout=subprocess.DEVNULL) as process:
        try:
            assert eventually(path.exists, 60)
            yield str(path)
        finally:
            process.terminate()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("clamd") is None, reason="needs clamd (apt-get install clamav-daemon)")
def test_a_real_clamd_finds_what_it_knows_also_within_an_archive(gateway: Gateway, tmp_path: Path) -> None:
    import io
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("readme.txt", EICAR)
    both = mail("Two files.")
    both.add_attachment(EICAR.decode(), filename="eicar.txt")
    both.add_attachment(packed.getvalue(), "application", "zip", filename="packed.zip")
    both.add_attachment("fine", filename="fine.txt")
    with real_clamd(tmp_path) as path:
        filtered(gateway, clamd=path)
        began = time.monotonic()
        row = gateway.receive(both)
    assert files(gateway, row) == [("refused", "it holds malware (Own.Test.Eicar.UNOFFICIAL)")] * 2 + [
        ("accepted", None)
    ]
    assert time.monotonic() - began < 30
