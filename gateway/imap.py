"""The IMAP door: mail is fetched from mailboxes at other servers, each folder by a thread of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from gateway.imap_fetcher import Fetcher
from gateway.imap_session import Refused, Trouble, read_password
from store import journal, outcomes
from store.clock import Stop
from store.config import Config
from store.database import Store
from store.errors import ConfigError, PosternError, Temporary
from store.holder import Holder
from store.journal_writer import JournalWriter
from store.oauth import Access, open_access
from store.settings import ImapSection

GRACE = 15.0  # seconds for the mails in hand at the end
_log = logging.getLogger("postern.imap")


def run(config: Config, store: Store, stop: Stop) -> None:
    """Fetches until told to stop. Raises ConfigError when there is nothing to fetch from, and DiskFailed."""
    if not config.imap:
        raise ConfigError(f"{config.file}: imap: names no mailbox; expected at least one [[imap]]")
    journal.never_reuse(store, outcomes.newest_known(store))
    holder, writer = Holder(config, "imap"), JournalWriter(store)
    fetchers = [Fetcher(config, store, one, writer, holder.value, secret_of(config, one)) for one in config.imap]
    for fetcher in fetchers:
        fetcher.start()
    _log.info("fetching from %d folders", len(fetchers))
    while not stop.wait(0.2) and not any(fetcher.failed for fetcher in fetchers):
        pass
    until = time.monotonic() + GRACE
    for fetcher in fetchers:
        fetcher.stop()
    for fetcher in fetchers:
        fetcher.join(until - time.monotonic())
    holder.give_up()
    for fetcher in fetchers:
        if fetcher.failed:
            raise fetcher.failed
    writer.close()
    _log.info("fetching ended")


def secret_of(config: Config, section: ImapSection) -> Callable[[], str]:
    """What a folder's login shows, read anew each time so that a changed password needs no restart. Raises ConfigError."""
    if section.oauth is not None:
        access = open_access(config, config.oauth(section.oauth, "imap.oauth"))
        return lambda: _token(access)
    file = section.password_file
    assert file is not None
    return lambda: read_password(config.folder / file)


def _token(access: Access) -> str:
    try:
        return access.token()
    except Temporary as error:
        raise Trouble(f"there is no access token: {error}") from error
    except PosternError as error:
        raise Refused(f"there is no access token: {error}") from error
