"""The pipe door: exit codes a mail server understands, recipients from the headers, line ends made right once."""

from __future__ import annotations

from collections.abc import Callable
from email.parser import BytesHeaderParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.pipe import ingest, with_crlf
from store.config import Config
from store.database import Store
from store.journal import JournalRow, last_id, rows_after
from tests.doors.conftest import Configure

TEXT = b"From: a@b.test\nTo: support@desk.test\nSubject: x\n\nhello\n"
Stores = Callable[[Config], Store]


@pytest.fixture
def rows(house: tuple[Config, Store]) -> Callable[[], list[JournalRow]]:
    """What the test has journalled so far."""
    store = house[1]
    start = last_id(store)
    return lambda: rows_after(store, start, 100)


Rows = Callable[[], list[JournalRow]]


@pytest.mark.threat(19)
def test_a_mail_is_stored_with_its_envelope(house: tuple[Config, Store], rows: Rows) -> None:
    assert ingest(*house, TEXT, ["support+x@desk.test", "Support+x@desk.test"], "Alice@cust.test") == 0
    (row,) = rows()
    assert (row.door, row.sender, row.desk, row.recipients) == (
        "pipe", "Alice@cust.test", "hosting", ("support+x@desk.test",),
    )  # fmt: skip
    assert row.raw == TEXT  # the bytes as they came, so that their hash is the one the sender knows


def test_one_mail_to_two_desks_is_a_row_for_each(house: tuple[Config, Store], rows: Rows) -> None:
    assert ingest(*house, TEXT, ["support@moving.test", "billing@desk.test"], None) == 0
    assert [(row.desk, row.sender) for row in rows()] == [("moving", ""), ("hosting", "")]


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ("Delivered-To: billing@desk.test\nTo: support@desk.test", ["billing@desk.test"]),
        ("X-Original-To: billing@desk.test\nTo: support@desk.test", ["billing@desk.test"]),
        ("Envelope-To: support@desk.test, billing@desk.test", ["support@desk.test", "billing@desk.test"]),
        ("Delivered-To: me@elsewhere.test\nTo: x@y.test,\n\tSupport Team <support@desk.test>", ["support@desk.test"]),
        ("To: a@b.test\nCC: <billing@desk.test>; support@desk.test", ["billing@desk.test", "support@desk.test"]),
        ("to: support+tok@desk.test", ["support+tok@desk.test"]),
    ],
)
def test_without_recipients_the_headers_name_them(
    headers: str, found: list[str], house: tuple[Config, Store], rows: Rows
) -> None:
    assert ingest(*house, f"{headers}\nSubject: x\n\nTo: billing@desk.test\n".encode(), [], None) == 0
    assert [address for row in rows() for address in row.recipients] == found


@pytest.mark.parametrize(
    ("header", "sender"),
    [
        ("Return-Path: <a@b.test>\n", "a@b.test"),
        ("Return-Path: <>\n", ""),
        ("", ""),
        ("return-path: a@b.test\n", "a@b.test"),
    ],
)
def test_the_sender_is_the_return_path(header: str, sender: str, house: tuple[Config, Store], rows: Rows) -> None:
    assert ingest(*house, header.encode() + TEXT, [], None) == 0
    assert rows()[0].sender == sender


@pytest.mark.threat(9)
@pytest.mark.threat(19)
@pytest.mark.parametrize("to", [["nobody@desk.test"], ["x@elsewhere.test"], ["support@desk.test", "nobody@desk.test"]])
def test_an_unknown_mailbox_is_67_and_nothing_is_stored(to: list[str], house: tuple[Config, Store], rows: Rows) -> None:
    assert ingest(*house, TEXT, to, None) == 67
    assert ingest(*house, b"Subject: no recipient at all\n\n", [], None) == 67
    assert rows() == []


@pytest.mark.threat(14)
@pytest.mark.threat(16)
@pytest.mark.threat(19)
def test_too_large_and_going_in_circles_are_65(house: tuple[Config, Store], rows: Rows) -> None:
    config, store = house
    most = config.settings.smtp.max_size
    assert ingest(config, store, b"x" * (most + 1), ["support@desk.test"], None) == 65
    assert ingest(config, store, b"Received: x\n" * 51 + TEXT, [], None) == 65
    assert rows() == []
    assert ingest(config, store, b"x" * most, ["support@desk.test"], None) == 0


@pytest.mark.parametrize("raw", [b"", b"\0\xff", b"From \n", b"no header\n", b"To: " + b"a@b.test, " * 20_000])
def test_even_odd_input_is_stored(raw: bytes, house: tuple[Config, Store], rows: Rows) -> None:
    assert ingest(*house, raw, ["support@desk.test"], None) == 0
    assert len(rows()) == 1


@pytest.mark.threat(19)
def test_our_own_trouble_is_75_and_the_next_try_works(configure: Configure, store_of: Stores) -> None:
    config = configure()
    store = store_of(config)
    with store.write_journal() as connection:
        connection.exec_driver_sql("ALTER TABLE journal RENAME TO away")
    assert ingest(config, store, TEXT, [], None) == 75
    with store.write_journal() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO journal")
    assert ingest(config, store, TEXT, [], None) == 0
    assert [row.sender for row in rows_after(store, 0, 9)] == [""]


@pytest.mark.threat(19)
def test_a_broken_desk_file_is_75_because_a_mail_server_would_bounce_anything_else(
    configure: Configure, store_of: Stores
) -> None:
    config = configure()
    store = store_of(config)
    (config.folder / "desks/hosting.toml").write_text("name = 1")
    assert ingest(config, store, TEXT, [], None) == 75


@pytest.mark.threat(2)
@pytest.mark.parametrize(
    ("given_", "made"),
    [
        (b"a\nb\n", b"a\r\nb\r\n"),
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\r\r\nb", b"a \r\nb"),
        (b"Subject: x\rFrom: boss@desk.test\n\n", b"Subject: x From: boss@desk.test\r\n\r\n"),
        (b"From a@b Mon Jan 1\nTo: x\n", b"To: x\r\n"),
        (b">From a@b\r\nTo: x\r\n", b"To: x\r\n"),
        (b"From: a@b\n\nFrom here\n", b"From: a@b\r\n\r\nFrom here\r\n"),
    ],
)
def test_line_ends_are_made_crlf_once(given_: bytes, made: bytes) -> None:
    assert with_crlf(given_) == made


@pytest.mark.threat(2)
@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"F: x", b"From ", b" ", b"b"]), max_size=20).map(b"".join))
def test_a_parser_sees_the_headers_that_the_line_ends_say(raw: bytes) -> None:
    """Python's parser takes a lone CR for a line end; after the door there is none."""
    made = with_crlf(raw)
    assert b"\r" not in made.replace(b"\r\n", b"") and b"\n" not in made.replace(b"\r\n", b"")
    assert with_crlf(made) == made or made.startswith((b"From ", b">From "))
    lines = made.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert len(BytesHeaderParser().parsebytes(made).keys()) <= sum(b":" in line for line in lines)
