"""250 is said, and the pipe ends with 0, only when the message is durable; and no setting changes that (threats 7, 88)."""

from __future__ import annotations

import sqlite3
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from gateway.smtp import background
from gateway.smtp_connection import Connection
from store.config import Config, load
from store.database import Store, open_store
from store.errors import ConfigError
from store.settings import LmtpSection, SmtpSection, StoreSection
from tests.doors.client import MAIL, Peer, connected
from tests.doors.conftest import opened_as
from tests.doors.tracing import Call, calls, needs_strace, traced
from tests.harness import Gateway

LARGE = MAIL + b"x" * 100_000 + b"\r\n"
WAL = "/journal.db-wal>"


def unsynced(seen: list[Call]) -> list[Call]:
    """Writes to the journal or to a blob behind which no sync of the same file ended well."""
    open_: dict[str, Call] = {}
    for call in seen:
        file = call.arguments.partition("<")[2].partition(">")[0]
        if call.write and (file.endswith("/journal.db-wal") or "/blobs/" in file):
            open_[file] = call
        elif call.sync and call.result == "0":
            open_.pop(file, None)
    return list(open_.values())


@needs_strace
@pytest.mark.threat(7)
def test_each_250_on_the_wire_comes_behind_the_sync_of_all_that_was_written(
    config: Config, store: Store, unused_port: int, tmp_path: Path
) -> None:
    log = tmp_path / "strace"
    environment = {"POSTERN_SMTP__LISTEN": f"127.0.0.1:{unused_port}"}
    with traced(["smtp"], config.file or Path(), log, **environment) as process, connected(unused_port, 30) as peer:
        for content in (MAIL, LARGE, MAIL):
            assert peer.deliver(content).startswith("250 2.0.0 accepted")
        process.kill()
        process.wait()
    seen = calls(log)
    said = [n for n, call in enumerate(seen) if call.write and '"250 2.0.0 accepted' in call.arguments]
    assert len(said) == 3
    for last, number in zip([0, *said], said, strict=False):
        mine = seen[last:number]
        assert any(call.write and WAL in call.arguments for call in mine)
        assert any(call.sync and WAL in call.arguments and call.result == "0" for call in mine)
        assert unsynced(mine) == []
    # A large one: its file, its name in the folder, and only then the row that tells of it.
    steps = [step for step, _ in groupby(filter(None, map(_step, seen[said[0] : said[1]])))]
    assert steps == ["folder synced", "file synced", "file named", "folder synced", "row written", "row synced"]


def _step(call: Call) -> str:
    """What a call does for a large message; "" for what is not of its order."""
    file = call.arguments.partition("<")[2].partition(">")[0]
    if call.name.startswith("rename"):
        return "file named"
    if "/blobs/" in f"{file}/":
        return "" if not call.sync else "file synced" if "/.new-" in file else "folder synced"
    if file.endswith("/journal.db-wal"):
        return "row synced" if call.sync else "row written"
    return ""


@needs_strace
@pytest.mark.threat(7)
@pytest.mark.threat(19)
def test_the_pipe_ends_with_0_behind_the_sync(config: Config, store: Store, tmp_path: Path) -> None:
    log = tmp_path / "strace"
    with traced(["ingest", "--to", "support@desk.test"], config.file or Path(), log) as process:
        process.communicate(LARGE)
        assert process.returncode == 0
    seen = calls(log)
    assert any(call.write and WAL in call.arguments for call in seen) and unsynced(seen) == []


@pytest.mark.threat(7)
def test_250_is_said_only_behind_the_commit(
    any_config: Config, any_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    push, commit = Connection.push, any_store.journal.dialect.do_commit

    async def heard(self: Connection, status: str | bytes) -> None:
        said.append(str(status)[:18])
        await push(self, status)

    def committed(connection: Any) -> None:
        commit(connection)
        said.append("committed")

    monkeypatch.setattr(Connection, "push", heard)
    monkeypatch.setattr(any_store.journal.dialect, "do_commit", committed)
    with background(opened_as(any_config), any_store) as door, Peer(door.address) as peer:
        for content in (MAIL, LARGE) * 5:
            assert peer.deliver(content, "support@hosting.desk.test").startswith("250 2.0.0 accepted")
    told = [line for line in said if line in ("committed", "250 2.0.0 accepted")]
    assert told == ["committed", "250 2.0.0 accepted"] * 10


@pytest.mark.threat(7)
def test_the_commit_of_the_journal_is_a_durable_one(any_config: Config) -> None:
    store = open_store(any_config)
    with store.write_journal() as connection:
        if store.sqlite:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() in (2, 3)  # FULL, EXTRA
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        else:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() not in ("off", "local")
            assert connection.exec_driver_sql("SHOW fsync").scalar() in (
                "on",
                "off",
            )  # the administrator's, server-wide


@pytest.mark.threat(7)
def test_a_url_cannot_make_postgresql_forget(migrated: str, any_config: Config) -> None:
    store_section = StoreSection(database=f"{migrated}?options=-csynchronous_commit%3Doff")
    settings = any_config.settings.model_copy(update={"store": store_section})
    store = open_store(Config(settings, any_config.folder, any_config.file))
    with store.write_journal() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    store.close()


@pytest.mark.threat(7)
def test_no_setting_switches_it_off(config: Config) -> None:
    names = {*StoreSection.model_fields, *SmtpSection.model_fields, *LmtpSection.model_fields}
    assert not [name for name in names if any(word in name for word in ("sync", "durab", "commit", "journal"))]
    file = config.folder / "postern.toml"
    for value in ("sqlite?synchronous=off", "sqlite:///x.db?synchronous=0", "sqlite "):
        file.write_text(f'[store]\ndatabase = "{value}"\n')
        with pytest.raises(ConfigError, match=r"store\.database: expected"):
            open_store(load(file))


@needs_strace
@pytest.mark.threat(88)
def test_a_sync_that_fails_ends_the_process_and_the_mail_that_comes_again_is_there_once(
    config: Config, store: Store, gateway: Gateway, unused_port: int, tmp_path: Path
) -> None:
    environment = {"POSTERN_SMTP__LISTEN": f"127.0.0.1:{unused_port}"}
    first, second, third = (MAIL.replace(b"printer", b"thing %d" % number) for number in range(3))
    failing = ("-P", str(config.data / "journal.db-wal"), "-e", "inject=fdatasync:error=EIO:when=3")
    with traced(["smtp"], config.file or Path(), tmp_path / "strace", *failing, **environment) as process:
        with connected(unused_port, 30) as peer, connected(unused_port) as idle:
            assert peer.deliver(first).startswith("250 ")
            assert peer.deliver(second).startswith("451 4.3.0 ")
            assert [idle.reply()[:10], peer.reply()[:10]] == ["421 4.3.2 "] * 2
        assert process.wait(30) == 1
        assert process.stderr
        assert b"the disk has failed" in process.stderr.read()
    with background(opened_as(config), store) as door, Peer(door.address) as peer:
        assert peer.deliver(second).startswith("250 ") and peer.deliver(third).startswith("250 ")
    gateway.file()
    assert [row["subject"] for row in gateway.tickets()][::-1] == ["thing 0", "thing 1", "thing 2"]
    with sqlite3.connect(config.data / "journal.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
