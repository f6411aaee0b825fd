"""How far folders are read, and what was left in them, on each of the two databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store import alarms, folders, leases
from store.config import Config
from store.database import Store
from store.settings import ImapSection
from tests.harness import Gateway

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
BOX = ImapSection(host="imap.test", user="support@hosting.desk.test", password_file=Path("p"))


@pytest.mark.threat(20)
def test_a_position_never_goes_back_and_begins_anew_with_another_uidvalidity(any_store: Store) -> None:
    place = folders.begin_anew(any_store, folders.find(any_store, BOX, NOW), 4_000_000_000)
    later = folders.advance(any_store, place, 4_294_967_295, NOW)
    assert folders.advance(any_store, place, 3, NOW).uid == 3  # what a slower process says
    assert folders.find(any_store, BOX, NOW + timedelta(days=1)) == later
    folders.leave(any_store, later, 7, 10, "", "no", NOW)
    anew = folders.begin_anew(any_store, later, 8)
    assert folders.advance(any_store, place, 9_000, NOW).uid == 9_000  # of a UIDVALIDITY that is no more
    assert folders.find(any_store, BOX, NOW) == anew
    assert folders.left(any_store, anew.id) == []


@pytest.mark.threat(25)
def test_a_lease_is_one_holders_until_it_runs_out_or_is_given_up(any_store: Store) -> None:
    life = timedelta(seconds=60)
    assert leases.hold(any_store, "imap:a", "one", NOW, life)
    assert leases.hold(any_store, "imap:b", "two", NOW, life)
    assert not leases.hold(any_store, "imap:a", "two", NOW, life)
    leases.release(any_store, "imap:a", "one")
    assert leases.hold(any_store, "imap:a", "two", NOW, life)


@pytest.mark.threat(96)
def test_silence_is_told_once_and_its_end_and_what_was_left(any_config: Config, any_store: Store) -> None:
    config = Config(any_config.settings.model_copy(update={"imap": (BOX,)}), any_config.folder, any_config.file)
    desk = Gateway(config, any_store)
    desk.load(agents=[{"email": "gina@desk.test", "name": "Gina", "desk": "hosting"}])
    place = folders.find(any_store, BOX, NOW)
    folders.leave(any_store, place, 3, 5 << 20, "kim@x.test", folders.TOO_LARGE, NOW)

    def told(minutes: int) -> list[str]:
        before = len(desk.outbox())
        for _ in alarms.watch(config, any_store, NOW + timedelta(minutes=minutes)):
            pass
        return [row["template"] for row in desk.outbox()[before:]]

    assert [told(0), told(1), told(6), told(7)] == [["mailbox_notice"], [], ["mailbox_notice"], []]
    folders.succeeded(any_store, place, NOW + timedelta(minutes=8))
    assert [told(8), told(9)] == [["mailbox_notice"], []]
    with any_store.read() as connection:
        (state,) = folders.states(connection, config)
    assert (state.left, state.told, state.up(NOW + timedelta(minutes=9))) == (1, None, True)
