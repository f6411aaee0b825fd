"""The `postern` command as its users meet it: what it writes, what it says when something is wrong."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.cli import main
from gateway.cli.setup import write_configuration
from store.config import load, read_desk
from store.database import Store, open_store
from store.errors import BadInput, ConfigError
from store.journal_schema import JOURNAL
from store.load_form import Loaded, read_file
from store.loading import load as load_people
from store.migrate import HEADS, ensure_version, migrate, version
from store.schema import MAIN
from tests.conftest import DESKS
from tests.harness import PEOPLE, Gateway, mail
from tests.running import POSTERN


def postern(folder: Path, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The command in this process: one of its own takes most of a second to start."""
    code, given_in, out, err = 0, io.BytesIO(given), io.BytesIO(), io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["postern", *words])
        for name, stream in (("stdin", given_in), ("stdout", out), ("stderr", err)):
            patch.setattr(sys, name, io.TextIOWrapper(stream, "utf-8", write_through=True))
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


# --- init and the configuration


def test_init_writes_one_desk_at_the_domain_and_several_below_it(tmp_path: Path) -> None:
    write_configuration(tmp_path / "one", ["hosting"], "desk.test")
    write_configuration(tmp_path / "all", [], "desk.test")
    one = read_desk(tmp_path / "one" / "desks" / "hosting.toml")
    assert one.main.address == "support@desk.test"
    assert one.main.department == "Support"
    assert sorted(f.stem for f in (tmp_path / "all" / "desks").iterdir()) == sorted(DESKS)
    for name in DESKS:
        desk = read_desk(tmp_path / "all" / "desks" / f"{name}.toml")
        assert desk.main.address == f"support@{name}.desk.test"
        boxes = {m.address.partition("@")[0]: (m.department, m.priority) for m in desk.mailboxes}
        assert boxes["safety"] == ("Safety", "urgent")
        assert boxes["access"] == boxes["login"] == ("Access", "high")
        assert boxes["support"] == ("Support", "medium")


def test_init_overwrites_nothing_and_writes_nothing_when_it_would(tmp_path: Path) -> None:
    write_configuration(tmp_path, ["hosting"], "desk.test")
    (tmp_path / "postern.toml").write_text("[smtp]\n")
    with pytest.raises(BadInput, match="never overwritten"):
        write_configuration(tmp_path, ["moving"], "desk.test")
    assert (tmp_path / "postern.toml").read_text() == "[smtp]\n"
    assert not (tmp_path / "desks" / "moving.toml").exists()


@pytest.mark.req("X-06")
@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("postern.toml", "[smtp]\nlissten = 'x'\n", ["postern.toml", "smtp.lissten", "listen"]),
        ("postern.toml", "[smpt]\n", ["postern.toml", "smpt", "smtp"]),
        ("postern.toml", "[smtp]\nmax_size = 'big'\n", ["postern.toml", "smtp.max_size", "big"]),
        ("postern.toml", "[smtp]\nmax_size = 21000000\n", ["hosting.toml", "files.max_size", "[smtp] max_size of 21,64"]),
        ("postern.toml", "[smtp\n", ["postern.toml", "line 1"]),
        ("desks/hosting.toml", "name = 'hosting'\n", ["hosting.toml", "key", "required"]),
        ("desks/other.toml", "name = 'hosting'\nkey='XX'\ntitle='x'\n[[mailboxes]]\naddress='a@b.test'\n", ["name", "taken by"]),
        ("desks/other.toml", "name = 'other'\nkey='XX'\ntitle='x'\n[[mailboxes]]\naddress='support@desk.test'\n", ["support@desk.test is a mailbox of both"]),
        ("desks/other.toml", "name = 'other'\nkey='XX'\ntitle='x'\n[[mailboxes]]\naddress='nonsense'\n", ["mailboxes.0.address", "expected an address"]),
        ("desks/other.toml", "name = 'other'\nkey='XX'\ntitle='x'\nvisibillity='own'\n[[mailboxes]]\naddress='a@b.test'\n", ["visibillity", "expected one of"]),
    ],
)  # fmt: skip
def test_a_wrong_configuration_stops_with_one_line_that_names_file_and_key(
    tmp_path: Path, file: str, content: str, words: list[str]
) -> None:  # fmt: skip
    write_configuration(tmp_path, ["hosting"], "desk.test")
    (tmp_path / file).write_text(content)
    with pytest.raises(ConfigError) as error:
        assert load(tmp_path / "postern.toml").addresses
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_an_environment_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_configuration(tmp_path, ["hosting"], "desk.test")
    (tmp_path / "postern.toml").write_text('[smtp]\nlisten = "127.0.0.1:1"\nmax_size = "2 MB"\n')
    assert load(tmp_path / "postern.toml").settings.smtp.max_size == 2 << 20
    monkeypatch.setenv("POSTERN_SMTP__LISTEN", "127.0.0.1:2")
    settings = load(tmp_path / "postern.toml").settings
    assert settings.smtp.listen == "127.0.0.1:2"
    assert settings.smtp.max_size == 2 << 20
    monkeypatch.setenv("POSTERN_SMPT__LISTEN", "127.0.0.1:2")
    with pytest.raises(ConfigError, match="POSTERN_SMPT__LISTEN"):
        load(tmp_path / "postern.toml")


@pytest.mark.threat(99)
def test_the_secret_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    write_configuration(tmp_path, ["hosting"], "desk.test")
    secret = load(tmp_path / "postern.toml").secret
    assert len(secret) == 32
    assert load(tmp_path / "postern.toml").secret == secret
    assert (tmp_path / "var" / "secret").stat().st_mode & 0o777 == 0o600


def test_exit_codes_and_single_lines(tmp_path: Path) -> None:
    none = subprocess.run([*POSTERN, "tickets"], cwd=tmp_path, capture_output=True, check=False)
    assert none.returncode == postern(tmp_path, "tickets").returncode
    assert (none.returncode, none.stderr.count(b"\n")) == (1, 1)
    assert b"postern.toml: no such file" in none.stderr
    assert postern(tmp_path, "tickets", "--nonsense").returncode == 2
    assert postern(tmp_path, "init", "x", "--desk", "nothing").returncode == 1
    assert postern(tmp_path, "init", ".", "--desk", "hosting").returncode == 0
    unknown = postern(tmp_path, "ticket", "HO#1")
    assert (unknown.returncode, unknown.stderr) == (1, b"postern: there is no ticket HO#1\n")
    assert postern(tmp_path, "journal", "--json").stdout == b"[]\n"
    raw = b"From: anna@cust.test\nTo: support@desk.test\nSubject: x\n\nhi\n"
    assert postern(tmp_path, "ingest", given=raw).returncode == 0
    assert postern(tmp_path, "ingest", "--to", "nobody@desk.test", given=raw).returncode == 67
    waiting = postern(tmp_path, "drain", "--timeout", "0")
    assert waiting.returncode == 1
    assert b"1 to file" in waiting.stderr
    (tmp_path / "postern.toml").write_text("[nonsense]\n")
    assert postern(tmp_path, "ingest", given=raw).returncode == 75


def test_tickets_come_last_updated_first_or_as_a_queue(gateway: Gateway) -> None:
    for name in ("safety", "support"):
        gateway.receive(mail(subject=name), f"{name}@desk.test")

    def listed(*options: str) -> list[str]:
        told = postern(gateway.config.folder, "tickets", "--json", *options)
        return [ticket["subject"] for ticket in json.loads(told.stdout)]

    assert listed() == ["support", "safety"]
    assert listed("--queue") == ["safety", "support"]


def test_parse_answers_in_json_a_line_a_file_without_a_configuration(tmp_path: Path) -> None:
    message = mail("Hello there")
    message.add_attachment(b"MZ", maintype="application", subtype="octet-stream", filename="a.exe")
    (tmp_path / "a.eml").write_bytes(bytes(message))
    (tmp_path / "b.eml").write_bytes(b"")
    done = postern(tmp_path, "parse", "--json", "a.eml", "b.eml")
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["file"], first["from"], first["text"].strip()) == ("a.eml", "anna@cust.test", "Hello there")
    assert first["attachments"][0]["verdict"] == "refused"
    assert (second["file"], second["from"]) == ("b.eml", "")
    assert b"a.exe (2 bytes, refused)" in postern(tmp_path, "parse", "a.eml").stdout


# --- load


def everything() -> dict[str, Any]:
    return PEOPLE | {
        "groups": [
            {"key": "north", "organization": "acme", "name": "North", "grants": [{"email": "anna@cust.test", "right": "admin"}]},
            {"key": "far", "organization": "acme", "parent": "north"},
        ],
        "tickets": [
            {
                "desk": "hosting", "number": 1500, "subject": "Old", "requester": "anna@cust.test", "cc": ["carl@third.test"],
                "state": "waiting_customer", "created": "2026-01-01T10:00:00+01:00",
                "messages": [
                    {"from": "anna@cust.test", "text": "hi"},
                    {"from": "gina@desk.test", "side": "support", "text": "what?", "message_id": "<q@desk.test>"},
                ],
            }
        ],
    }  # fmt: skip


def counts(store: Store) -> dict[str, int]:
    tables = ("person", "organization", "membership", "staff", "groups", "grants", "ticket", "message", "cc", "outbox")
    with store.read() as connection:
        return {t: connection.execute(text(f"SELECT count(*) FROM {t}")).scalar_one() for t in tables}


def test_loading_twice_is_loading_once_and_mails_nobody(any_gateway: Gateway) -> None:
    any_gateway.load(**everything())
    once = counts(any_gateway.store)
    any_gateway.load(**everything())
    assert counts(any_gateway.store) == once
    assert once["outbox"] == 0
    ticket = any_gateway.ticket("HO#1500")
    assert (ticket["label"], ticket["cc"], ticket["organization"]) == ("Answered", ["carl@third.test"], "acme")
    assert any_gateway.receive(mail(), "support@hosting.desk.test")["ticket"] == "HO#1501"


def test_a_reply_threads_on_a_loaded_ticket(any_gateway: Gateway) -> None:
    any_gateway.load(**everything())
    row = any_gateway.receive(mail(subject="x", In_Reply_To="<q@desk.test>"), "support@hosting.desk.test")
    assert (row["outcome"], row["ticket"]) == ("reply", "HO#1500")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"people": [{"email": "a@b.test"}, {"email": "nonsense"}]}, "people[1].email: expected an address"),
        ({"people": [{"email": "a@b.test", "colour": "red"}]}, "people[0].colour: unknown key"),
        ({"planets": []}, "planets: unknown key"),
        ({"people": [{"email": "a@b.test", "organization": "nope"}]}, "people[0].organization: there is no organization 'nope'"),
        ({"agents": [{"email": "a@b.test", "desk": "nope"}]}, "agents[0].desk: there is no desk 'nope'"),
        ({"agents": [{"email": "a@b.test", "desk": "hosting", "departments": ["Moon"]}]}, "agents[0].departments: no department 'Moon'"),
        ({"tickets": [{"desk": "hosting", "requester": "a@b.test", "messages": [{"from": "a@b.test", "at": "yesterday"}]}]}, "tickets[0].messages[0].at"),
        ({"groups": [{"key": "x", "organization": "acme", "grants": [{"email": "who@b.test", "right": "admin"}]}]}, "groups[0].grants[0].email: nobody has"),
    ],
)  # fmt: skip
def test_one_bad_row_names_its_place_and_nothing_is_written(
    gateway: Gateway, tmp_path: Path, change: dict[str, Any], place: str
) -> None:  # fmt: skip
    before = counts(gateway.store)
    file = tmp_path / "people.json"
    file.write_text(json.dumps({"people": [{"email": "first@cust.test"}]} | change))
    with pytest.raises(BadInput, match=re.escape(place)) as error:
        load_people(gateway.store, gateway.config, read_file(file), file, gateway.filer._clock())
    assert str(file) in str(error.value)
    assert counts(gateway.store) == before


def test_no_json_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("{")
    with pytest.raises(BadInput, match="no JSON"):
        read_file(file)
    assert Loaded() == Loaded(people=[])


# --- migrations


@pytest.mark.threat(92)
def test_migrating_twice_changes_nothing_and_a_newer_database_is_refused(any_gateway: Gateway) -> None:
    config, store = any_gateway.config, any_gateway.store
    assert migrate(config, store) == [f"{ledger} {head}" for ledger, head in HEADS.items()]
    assert version(store.main, "main") == HEADS["main"]
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version_main SET version_num = 'm9999'"))
    with pytest.raises(ConfigError, match="newer version" if store.sqlite else "postern migrate"):
        ensure_version(config, store)


def test_the_migrations_make_the_very_tables(store: Store) -> None:
    """Autogeneration finds nothing left to do."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlmodel import SQLModel

    for engine, tables in ((store.main, MAIN), (store.journal, JOURNAL)):
        names = {table.name for table in tables}

        def mine(_thing: Any, name: str, kind: str, *_: Any, names: set[str] = names) -> bool:
            return kind != "table" or name in names

        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"include_object": mine})
            assert compare_metadata(context, SQLModel.metadata) == []


def test_two_first_starts_at_once_both_work(tmp_path: Path) -> None:
    write_configuration(tmp_path, ["hosting"], "desk.test")
    running = [
        subprocess.Popen([*POSTERN, "journal", "--json"], cwd=tmp_path, stdout=subprocess.PIPE) for _ in range(3)
    ]
    assert [process.communicate()[0] for process in running] == [b"[]\n"] * 3
    assert tomllib.loads((tmp_path / "postern.toml").read_text())
    store = open_store(load(tmp_path / "postern.toml"))
    assert version(store.journal, "journal") == HEADS["journal"]
    store.close()
