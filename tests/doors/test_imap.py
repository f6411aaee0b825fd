"""The IMAP door against a server that does as it should, and as it should not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from store import leases
from store.clock import now
from store.config import Config
from store.errors import ConfigError
from store.settings import ImapSection
from tests.doors.imap_house import house, hurry
from tests.fake_imap import Connection, Folder, Served
from tests.fakes import until


def letter(number: int = 1, text: str = "Hello", **headers: str) -> bytes:
    head = {
        "From": "Anna <anna@cust.test>",
        "To": "support@desk.test",
        "Subject": f"Mail {number}",
        "Message-ID": f"<m{number}@cust.test>",
    }
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in (head | headers).items()]
    return "\r\n".join([*lines, "", text, ""]).encode()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    for place, name, value in hurry():
        monkeypatch.setattr(place, name, value)
    with Served() as served:
        yield served


def test_mails_become_tickets_and_are_marked_as_read_and_the_next_one_comes_by_idle(
    server: Served, tmp_path: Path
) -> None:
    server.put(letter(1), letter(2))
    with house(tmp_path, {"port": server.port, "poll": 60}) as desk, desk.fetching():
        desk.wait(2)
        until(lambda: any(line == "IDLE" for line in server.heard), 10)
        server.put(letter(3))
        assert [row["door"] for row in desk.wait(3)] == ["imap"] * 3
        inbox = server.folders["INBOX"]
        until(lambda: all(mail.flags == {"\\Seen"} for mail in inbox.mails.values()))
        desk.file()
        assert sorted(ticket["subject"] for ticket in desk.tickets()) == ["Mail 1", "Mail 2", "Mail 3"]
        until(lambda: desk.place().uid == 3)
    assert "LOGOUT" in server.heard
    assert not [line for line in server.heard if line.startswith("CLOSE")]


@pytest.mark.threat(25)
def test_what_others_mark_as_read_is_fetched_all_the_same(server: Served, tmp_path: Path) -> None:
    server.put(letter(1), flags={"\\Seen"})
    with house(tmp_path, {"port": server.port}) as desk, desk.fetching():
        desk.wait(1)


@pytest.mark.parametrize("capabilities", [("IMAP4rev1", "IDLE", "MOVE"), ("IMAP4rev1", "UIDPLUS"), ("IMAP4rev1",)])
def test_mails_are_moved_to_a_folder_that_is_made_and_nothing_of_others_is_expunged(
    server: Served, tmp_path: Path, capabilities: tuple[str, ...]
) -> None:
    server.capabilities = capabilities
    server.put(letter(1), flags={"\\Deleted"})
    with house(tmp_path, {"port": server.port, "after": "move:Done"}) as desk:
        desk_uid = desk.place()
        assert desk_uid.uid == 0
        with desk.fetching():
            desk.wait(1)
            until(lambda: "Done" in server.folders and len(server.folders["Done"].mails) == 1)
            until(lambda: desk.place().uid == 1)
    assert "EXPUNGE" not in {line.split()[-1] for line in server.heard}
    assert bool(server.folders["INBOX"].mails) == (capabilities == ("IMAP4rev1",))


def test_a_folder_may_be_left_as_it_is(server: Served, tmp_path: Path) -> None:
    server.put(letter(1))
    with house(tmp_path, {"port": server.port, "after": "leave"}) as desk, desk.fetching():
        desk.wait(1)
        until(lambda: desk.place().uid == 1)
    assert "EXAMINE INBOX" in {line.replace('"', "") for line in server.heard}
    assert server.folders["INBOX"].mails[1].flags == set()


def test_mail_that_was_there_before_may_be_left_alone(server: Served, tmp_path: Path) -> None:
    server.put(letter(1), arrived=datetime.now(UTC) - timedelta(days=3))
    with house(tmp_path, {"port": server.port, "first": "new"}) as desk, desk.fetching():
        until(lambda: desk.place().uid == 1)
        server.put(letter(2))
        desk.wait(1)
        server.do(lambda: setattr(server.folders["INBOX"], "uidvalidity", 9))
        until(lambda: desk.place().uidvalidity == 9 and desk.place().uid == 2)
        desk.file()
        assert [ticket["subject"] for ticket in desk.tickets()] == ["Mail 2"]


@pytest.mark.threat(20)
def test_after_a_new_uidvalidity_every_mail_is_looked_at_and_none_is_filed_twice(
    server: Served, tmp_path: Path
) -> None:
    server.put(*(letter(number) for number in range(1, 6)))
    with house(tmp_path, {"port": server.port}) as desk, desk.fetching():
        desk.wait(5)

        def anew() -> None:
            inbox = server.folders["INBOX"]
            inbox.uidvalidity, inbox.next = 2, 1
            inbox.mails.clear()

        server.do(anew)
        server.put(letter(6), letter(2), letter(3))
        desk.wait(8)
        desk.file()
        assert len(desk.tickets()) == 6
        assert [row["outcome"] for row in desk.journal()].count("duplicate") == 2


# The envelope


ADDRESSED: list[tuple[dict[str, str], list[str]]] = [
    ({}, ["support@desk.test"]),
    ({"To": "Support <SUPPORT+abc@Desk.test>, x@y.test"}, ["support+abc@desk.test"]),
    ({"Delivered_To": "support+one@desk.test", "To": "support+two@desk.test"}, ["support+one@desk.test"]),
    ({"Delivered_To": "support@desk.test", "Cc": "support+two@desk.test"}, ["support+two@desk.test"]),
    ({"To": "billing@desk.test, billing+abc@desk.test", "Delivered_To": "billing@desk.test"}, ["support@desk.test"]),
    ({"X_Original_To": "other+abc@desk.test"}, ["support@desk.test"]),
]


def test_a_mail_is_for_its_mailbox_whatever_its_headers_say(server: Served, tmp_path: Path) -> None:
    server.put(*(letter(number, **headers) for number, (headers, _) in enumerate(ADDRESSED)))
    with house(tmp_path, {"port": server.port}) as desk, desk.fetching():
        assert [row["recipients"] for row in desk.wait(len(ADDRESSED))] == [expected for _, expected in ADDRESSED]


def test_the_sender_is_the_return_path_and_an_empty_one_is_a_report(server: Served, tmp_path: Path) -> None:
    server.put(
        letter(1, Return_Path="<bounces+7@cust.test>"),
        letter(2, Return_Path="<>"),
        letter(3),
        letter(4).replace(b"From", b"X-F"),
    )
    with house(tmp_path, {"port": server.port}) as desk, desk.fetching():
        assert [row["sender"] for row in desk.wait(4)] == ["bounces+7@cust.test", "", "anna@cust.test", ""]
        desk.file()
        assert [row["outcome"] for row in desk.journal()][1] == "new"
        assert desk.told().count(("anna@cust.test", "confirmation")) == 2  # the null sender is answered never


def test_a_reply_to_a_signed_address_finds_its_ticket(server: Served, tmp_path: Path) -> None:
    with house(tmp_path, {"port": server.port}) as desk:
        tag = desk.receive(letter(1))["ticket"]
        server.put(letter(2, To=desk.reply_address(tag, "anna@cust.test"), Subject="nothing to go by"))
        with desk.fetching():
            desk.wait(2)
        desk.file()
        assert (desk.journal()[-1]["outcome"], desk.journal()[-1]["ticket"]) == ("reply", tag)


def test_lines_that_end_in_lf_alone_and_an_empty_mail_are_taken(server: Served, tmp_path: Path) -> None:
    server.put(letter(1).replace(b"\r\n", b"\n"), letter(1), b"")
    with house(tmp_path, {"port": server.port}) as desk, desk.fetching():
        desk.wait(3)
        desk.file()
        assert [row["outcome"] for row in desk.journal()] == ["new", "duplicate", "new"]


# Trouble


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (
            lambda server: setattr(server, "password", "other"),
            "the login was refused: [AUTHENTICATIONFAILED] wrong password",
        ),
        (lambda server: server.folders.pop("INBOX"), "the folder INBOX is not there"),
        (lambda server: server.close(), "the server cannot be reached"),
    ],
)
@pytest.mark.threat(96)
def test_trouble_is_told_in_words_and_over_when_it_is_over(
    server: Served, tmp_path: Path, break_it: Any, words: str
) -> None:
    former = server.password, dict(server.folders)
    server.do(lambda: break_it(server))
    with house(tmp_path, {"port": server.port}) as desk, desk.fetching():
        until(lambda: words in desk.trouble(), 20, desk.trouble)

        def mend() -> None:
            server.password, server.folders = former

        server.do(mend)
        if "reached" in words:
            server.run(server.open())
        server.put(letter(1))
        desk.wait(1)
        until(lambda: desk.trouble() == "")


def test_a_password_that_changes_needs_no_restart(server: Served, tmp_path: Path) -> None:
    server.password = "newer"
    server.put(letter(1))
    with house(tmp_path, {"port": server.port}) as desk, desk.fetching():
        until(lambda: "refused" in desk.trouble())
        (tmp_path / "password").unlink()
        until(lambda: "cannot be read" in desk.trouble())
        (tmp_path / "password").write_text("newer\n")
        desk.wait(1)


def huge(connection: Connection, uid: int) -> None:
    connection.say(f"* 1 FETCH (UID {uid} BODY[] {{99999999999}}")
    connection.say(b"x" * 100_000)


def hangs_up(connection: Connection, uid: int) -> None:
    connection.say(f"* 1 FETCH (UID {uid} BODY[] {{5000}}", b"From: half@cust.test\r\n\r\nhalf", "* BYE")
    connection.writer.close()


def nothing(connection: Connection, uid: int) -> None:
    connection.say(f"* 1 FETCH (UID {uid} BODY[] NIL)")


def nonsense(connection: Connection, uid: int) -> None:
    connection.say(f"* 1 FETCH (UID {uid} BODY[] (((")


@pytest.mark.parametrize("answer", [huge, hangs_up, nothing, nonsense])
@pytest.mark.threat(23)
@pytest.mark.threat(24)
def test_a_mail_that_a_broken_server_does_not_give_stops_no_other_and_is_shown(
    server: Served, tmp_path: Path, answer: Any
) -> None:
    async def trick(connection: Connection, tag: str, rest: str) -> bool:
        if rest.startswith("2 ") and "BODY.PEEK[]" in rest:
            answer(connection, 2)
            connection.say(f"{tag} OK done")
            return True
        return False

    server.tricks["FETCH"] = trick
    server.put(letter(1), letter(2), letter(3))
    with house(tmp_path, {"port": server.port}) as desk, desk.fetching():
        desk.wait(2)
        until(lambda: len(desk.left()) == 1 and desk.place().uid == 3, 20)
        desk.file()
        assert sorted(ticket["subject"] for ticket in desk.tickets()) == ["Mail 1", "Mail 3"]
        assert len(desk.journal()) == 2  # what came before the break was settled once
        assert desk.left()[0].uid == 2
        assert server.folders["INBOX"].mails[2].flags == set()
        server.tricks.clear()  # the server is mended
        desk.wait(3)
        until(lambda: not desk.left())


POISON = (
    b"", b"\r\n", b"\0\0\0", b"no header at all", b"From: " + b"x" * 200_000 + b"\r\n\r\nlong", b"From: \xff\xfe\r\nTo: =?x?y?=\r\n\r\n\xff",
    b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n" * 300,
    b"From: a@b.test\rTo: c@d.test\r\n\r\nlone", b"Return-Path: <a\r\n\r\n", b"Delivered-To: support+@desk.test\r\n\r\n",
)  # fmt: skip


@pytest.mark.threat(23)
def test_poison_at_any_place_among_fifty_is_kept_as_it_is_and_stops_no_other(server: Served, tmp_path: Path) -> None:
    mails = [raw for number in range(25) for raw in (letter(number), POISON[number % len(POISON)] + b" %d" % number)]
    server.put(*mails)
    with house(tmp_path, {"port": server.port}) as desk, desk.fetching():
        assert [row["sha256"] for row in desk.wait(50)] == [sha256(raw).hexdigest() for raw in mails]
        desk.file()
        assert {row["outcome"] for row in desk.journal()} <= {"new", "auto", "bounce"}
        assert {f"Mail {number}" for number in range(25)} <= {ticket["subject"] for ticket in desk.tickets()}


@pytest.mark.slow
@pytest.mark.threat(23)
def test_a_mail_that_is_not_given_may_stand_at_any_place_among_fifty(server: Served, tmp_path: Path) -> None:
    async def trick(connection: Connection, tag: str, rest: str) -> bool:
        if rest.startswith(f"{int(connection.name[1:]) + 1} ") and "BODY.PEEK[]" in rest:
            connection.say(f"* 1 FETCH (UID {rest.split()[0]} BODY[] NIL)", f"{tag} OK done")
            return True
        return False

    server.tricks["FETCH"] = trick
    for place in range(50):
        server.folders[f"F{place}"] = Folder(1)
        server.put(*(letter(1000 * place + number) for number in range(50)), folder=f"F{place}")
    sections = [{"port": server.port, "folder": f"F{place}", "poll": 30} for place in range(50)]
    with house(tmp_path, *sections) as desk, desk.fetching():
        desk.wait(50 * 49, 120)
        until(lambda: sum(state.left for state in desk.states()) == 50, 60)
        assert {desk.left(place)[0].uid - 1 - place for place in range(50)} == {0}
        assert len({row["sha256"] for row in desk.journal()}) == 50 * 49


@pytest.mark.threat(24)
@pytest.mark.parametrize("greeting", ["* OK {99999999999}", "* BYE go away", "nonsense", "* OK " + "x" * 2_000_000])
def test_a_greeting_may_lie_as_well(server: Served, tmp_path: Path, greeting: str) -> None:
    async def trick(connection: Connection, tag: str, rest: str) -> bool:
        connection.say(greeting)
        await asyncio.sleep(60)
        return True

    server.tricks["GREETING"] = trick
    with house(tmp_path, {"port": server.port}) as desk, desk.fetching():
        until(lambda: desk.trouble() != "", 20)


@pytest.mark.threat(24)
def test_a_server_that_never_ends_its_answer_is_left(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.imap_wire._CHATTER", 1 << 20)

    async def trick(connection: Connection, tag: str, rest: str) -> bool:
        while True:
            connection.say(b"* OK " + b"x" * 100_000)
            await connection.writer.drain()

    server.tricks["SEARCH"] = trick
    with house(tmp_path, {"port": server.port}) as desk, desk.fetching():
        until(lambda: "more than was asked for" in desk.trouble(), 20, desk.trouble)


@pytest.mark.threat(22)
def test_a_server_that_falls_silent_is_noticed_within_two_looks_and_left(server: Served, tmp_path: Path) -> None:
    async def silent(connection: Connection, tag: str, rest: str) -> bool:
        await asyncio.sleep(60)
        return True

    with house(tmp_path, {"port": server.port, "poll": 0.2}) as desk, desk.fetching():
        until(lambda: desk.state().up(now()))
        server.do(lambda: server.tricks.update(SELECT=silent))
        until(lambda: not desk.state().up(now()), 20)
        until(lambda: "in time" in desk.trouble(), 20)
        server.do(server.tricks.clear)
        server.put(letter(1))
        desk.wait(1)


@pytest.mark.threat(22)
def test_a_mailbox_with_much_old_mail_is_well_long_before_all_of_it_is_read(server: Served, tmp_path: Path) -> None:
    async def slow(connection: Connection, tag: str, rest: str) -> bool:
        if rest.startswith("30 "):
            await asyncio.sleep(60)
        return False

    server.put(*(letter(number) for number in range(1, 41)))
    server.tricks["FETCH"] = slow
    with house(tmp_path, {"port": server.port}) as desk, desk.fetching():
        desk.wait(20)
        until(lambda: desk.place().uid == 20 and desk.state().up(now()))


@pytest.mark.threat(22)
def test_one_of_ten_mailboxes_that_hangs_holds_up_none_of_the_others(server: Served, tmp_path: Path) -> None:
    async def silent(connection: Connection, tag: str, rest: str) -> bool:
        if "user3 " in rest:
            await asyncio.sleep(60)
        return "user3 " in rest

    server.tricks["LOGIN"] = silent
    server.put(letter(1))
    sections = [{"port": server.port, "user": f"user{n}", "to": "support@desk.test"} for n in range(10)]
    with house(tmp_path, *sections) as desk, desk.fetching():
        until(lambda: sum(state.checked is not None for state in desk.states()) == 9, 20)
        assert not desk.states()[3].up(now())
        desk.file()
        assert len(desk.tickets()) == 1


@pytest.mark.threat(22)
def test_a_server_that_says_good_bye_is_connected_again(server: Served, tmp_path: Path) -> None:
    with house(tmp_path, {"port": server.port, "poll": 60}) as desk, desk.fetching():
        until(lambda: "IDLE" in server.heard)
        server.do(server.cut)
        server.put(letter(1))
        desk.wait(1)


def test_a_mail_that_is_too_large_stays_and_is_shown_until_there_is_room_or_it_is_gone(
    server: Served, tmp_path: Path
) -> None:
    server.put(letter(1), size=50_000_000)
    server.put(letter(2))
    server.put(letter(3), size=90_000_000)
    with house(tmp_path, {"port": server.port, "after": "move:Done"}) as desk:
        with desk.fetching():
            desk.wait(1)
            until(lambda: len(desk.left()) == 2)
        mail = desk.left()[0]
        assert (mail.uid, mail.size, mail.why, mail.sender) == (1, 50_000_000, "too large", "anna@cust.test")
        assert set(server.folders["INBOX"].mails) == {1, 3}
        server.do(lambda: server.folders["INBOX"].mails.pop(3))
        settings = desk.config.settings
        settings = settings.model_copy(update={"smtp": settings.smtp.model_copy(update={"max_size": 60_000_000})})
        with desk.fetching(Config(settings, desk.config.folder, desk.config.file)):
            desk.wait(2)
            until(lambda: not desk.left())


# Two at a time


@pytest.mark.threat(25)
def test_a_folder_is_read_by_one_process_and_by_the_next_when_that_ends(server: Served, tmp_path: Path) -> None:
    with house(tmp_path, {"port": server.port}) as desk:
        lease = f"imap:{desk.section.account} INBOX"
        assert leases.hold(desk.store, lease, "another", now(), timedelta(seconds=60))
        server.put(letter(1))
        with desk.fetching():
            assert not desk.journal() and server.logins == 0
            leases.release(desk.store, lease, "another")
            desk.wait(1)


# Settings


@pytest.mark.threat(24)
@pytest.mark.parametrize("name", ["INBOX\r\nA1 DELETE x", "a\0b", "a\x7f", ""])
def test_a_folder_name_with_a_control_character_is_refused(name: str) -> None:
    usual: dict[str, Any] = {"host": "h", "user": "u", "password_file": Path("p")}
    for wrong in ({"folder": name}, {"after": f"move:{name}"}, {"user": name}):
        with pytest.raises(ValueError):
            ImapSection(**(usual | wrong))


def test_mail_can_only_be_for_a_mailbox_of_a_desk_and_a_folder_is_named_once(tmp_path: Path) -> None:
    for place, (sections, words) in enumerate(
        (
            (({"user": "who@else.test"},), "imap.0.user: who@else.test is no mailbox"),
            (({}, {}), "imap.1.folder: INBOX of .* is read already"),
        )
    ):
        with house(tmp_path / str(place), *sections) as desk, pytest.raises(ConfigError, match=words):
            _ = desk.config.imap
